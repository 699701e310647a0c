import type { ShelfView } from '@tocsin/protocol/views.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import { saveBatch, type AlarmRecord, type Batch, type Reading, type SourceRecord } from './alarm-store.ts';

export const WRITER_LIMITS = {
  /** Signals and readings waiting for the disk; the next is refused with DATABASE_UNAVAILABLE, and its gateway keeps it. */
  waiting: 20_000,
  /** Signals and readings in one transaction. */
  batch: 1000,
  /** Between two tries while the database is away. */
  retryMs: 1000,
} as const;

interface WriterOptions {
  store: Store;
  clock: Clock;
  log: Log;
  /** An alarm, or a source, as it is now; undefined when it is gone. */
  alarm(id: string): AlarmRecord | undefined;
  source(id: string): SourceRecord | undefined;
  shelf(id: string): ShelfView | undefined;
}

/**
 * Writes alarms behind the desk's back: a card shows before it is on disk, and `durable` tells when it is. What comes
 * while a transaction is under way shares the next.
 */
export class AlarmWriter implements AsyncDisposable {
  readonly #options: WriterOptions;
  #signals: Batch['signals'] = [];
  #readings: Reading[] = [];
  #alarms = new Set<string>();
  #folds: Batch['folds'] = [];
  #sources = new Set<string>();
  #shelves = new Set<string>();
  #waiters: (() => void)[] = [];
  #writing: Promise<void> | undefined;
  #retry: Timer | undefined;
  #isClosed = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /**
   * Asked at the door before anything is taken in; what the house itself finds out (silence) is taken all the same.
   *
   * @throws DispatchError DATABASE_UNAVAILABLE when WRITER_LIMITS.waiting is reached
   */
  checkRoom(): void {
    if (this.waiting < WRITER_LIMITS.waiting) return;
    throw new DispatchError('DATABASE_UNAVAILABLE', `${this.waiting} signals wait for the disk`);
  }

  signal(entry: Batch['signals'][number]): void {
    this.#signals.push(entry);
    this.#next();
  }

  reading(reading: Reading): void {
    this.#readings.push(reading);
    this.#next();
  }

  alarm(id: string): void {
    this.#alarms.add(id);
    this.#next();
  }

  /** The signals of these cards belong to another card from now on. */
  fold(from: string[], into: string): void {
    // Those that still wait may come to the disk after the fold.
    for (const entry of this.#signals) if (from.includes(entry.alarm)) entry.alarm = into;
    this.#folds.push({ from, into });
    this.#next();
  }

  source(id: string): void {
    this.#sources.add(id);
    this.#next();
  }

  /** A source was shelved, or taken back. */
  shelf(id: string): void {
    this.#shelves.add(id);
    this.#next();
  }

  /** Resolves when everything told so far is on disk. */
  durable(): Promise<void> {
    if (!this.#isDirty() && !this.#writing) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  get waiting(): number {
    return this.#signals.length + this.#readings.length;
  }

  /** Writes what is left, once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#next();
    while (this.#writing) await this.#writing;
    this.#isClosed = true;
    (this.#retry as Timer | undefined)?.cancel();
  }

  #isDirty(): boolean {
    return this.waiting + this.#alarms.size + this.#folds.length + this.#sources.size + this.#shelves.size > 0;
  }

  #next(): void {
    if (this.#writing || this.#retry || this.#isClosed) return;
    if (!this.#isDirty()) {
      for (const tell of this.#waiters.splice(0)) tell();
      return;
    }
    // A turn later, so that all that is told in one turn shares a transaction.
    this.#writing = Promise.resolve()
      .then(() => this.#write())
      .finally(() => {
        this.#writing = undefined;
        this.#next();
      });
  }

  async #write(): Promise<void> {
    const { store, clock, log, alarm, source, shelf } = this.#options;
    const signals = this.#signals.splice(0, WRITER_LIMITS.batch);
    const readings = this.#readings.splice(0, WRITER_LIMITS.batch);
    const [alarms, folds, sources, shelves] = [this.#alarms, this.#folds, this.#sources, this.#shelves];
    this.#alarms = new Set();
    this.#folds = [];
    this.#sources = new Set();
    this.#shelves = new Set();
    const isAll = this.waiting === 0;
    const waiters = isAll ? this.#waiters.splice(0) : [];
    try {
      await saveBatch(store, {
        signals,
        readings,
        folds,
        alarms: [...alarms].flatMap((id) => alarm(id) ?? []),
        sources: [...sources].flatMap((id) => source(id) ?? []),
        shelves: [...shelves].map((id) => ({ id, shelf: shelf(id) })),
      });
      for (const tell of waiters) tell();
    } catch (error) {
      log.warn('alarms could not be written; trying again', { error, signals: signals.length });
      this.#signals.unshift(...signals);
      this.#readings.unshift(...readings);
      this.#folds.unshift(...folds);
      for (const id of alarms) this.#alarms.add(id);
      for (const id of sources) this.#sources.add(id);
      for (const id of shelves) this.#shelves.add(id);
      this.#waiters.unshift(...waiters);
      this.#retry = clock.after(WRITER_LIMITS.retryMs, () => {
        this.#retry = undefined;
        this.#next();
      });
    }
  }
}
