import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';

/** Between two tries to write while the database is away. */
const RETRY_MS = 1000;

/** How long a step waits for the disk before it acts all the same: in an emergency a late record is better than a late call. */
export const DURABLE_WAIT_MS = 1500;

/**
 * Writes what has changed in one run, in order, one transaction at a time; what changes meanwhile goes into the next.
 * It remembers names of what changed, not the changes: it is no longer than the run has steps and rows, however long
 * the database is away.
 */
export class RunJournal implements AsyncDisposable {
  readonly #write: (steps: Set<string>, rows: Set<string>) => Promise<void>;
  readonly #clock: Clock;
  readonly #log: Log;
  #steps = new Set<string>();
  #rows = new Set<string>();
  #isDirty = false;
  #writing: Promise<void> | undefined;
  #waiters: (() => void)[] = [];
  #retry: Timer | undefined;
  readonly #insert: () => Promise<void>;
  #isInserted: boolean;
  #inserting: Promise<void> | undefined;
  #isHeld = false;
  #isClosed = false;

  /** @param options.isInserted false for a new run: `insert` writes it whole, and may be called again */
  constructor(options: {
    isInserted: boolean;
    insert: () => Promise<void>;
    write: (steps: Set<string>, rows: Set<string>) => Promise<void>;
    clock: Clock;
    log: Log;
  }) {
    this.#isInserted = options.isInserted;
    this.#insert = options.insert;
    this.#write = options.write;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /**
   * Writes a new run with everything marked in this turn, in one transaction. Gives up waiting after DURABLE_WAIT_MS;
   * then it is written behind the run's back.
   */
  async writeFirst(prepare: () => void): Promise<void> {
    this.#isHeld = true;
    prepare();
    const inserted = this.#insertOnce().then(
      () => true,
      (error: unknown) => {
        this.#log.error('a run begins although it could not be written', { error });
        return false;
      },
    );
    const late = Promise.withResolvers<false>();
    const timer = this.#clock.after(DURABLE_WAIT_MS, () => late.resolve(false));
    const isWritten = await Promise.race([inserted, late.promise]);
    timer.cancel();
    this.#isHeld = false;
    if (isWritten) {
      this.#steps.clear();
      this.#rows.clear();
      this.#isDirty = false;
    }
    this.#next();
  }

  /** Notes that the run itself, or this step or ledger row of it, has changed. */
  mark(changed: { step?: string; row?: string } = {}): void {
    if (changed.step !== undefined) this.#steps.add(changed.step);
    if (changed.row !== undefined) this.#rows.add(changed.row);
    this.#isDirty = true;
    this.#next();
  }

  /** Resolves when everything marked so far is on disk, or DURABLE_WAIT_MS have passed; tells which. */
  async durable(): Promise<'durable' | 'late'> {
    if (!this.#isDirty && !this.#writing) return 'durable';
    return new Promise((resolve) => {
      const timer = this.#clock.after(DURABLE_WAIT_MS, () => resolve('late'));
      this.#waiters.push(() => {
        timer.cancel();
        resolve('durable');
      });
    });
  }

  /** One at a time: an earlier try that is still under way must not come after the changes it knows nothing of. */
  async #insertOnce(): Promise<void> {
    if (this.#isInserted) return;
    this.#inserting ??= this.#insert().finally(() => (this.#inserting = undefined));
    await this.#inserting;
    this.#isInserted = true;
  }

  #next(): void {
    if (this.#writing || this.#retry || this.#isHeld || this.#isClosed) return;
    if (!this.#isDirty) {
      // Whoever asked while the last transaction was under way asked about what was in it.
      for (const tell of this.#waiters.splice(0)) tell();
      return;
    }
    const [steps, rows, waiters] = [this.#steps, this.#rows, this.#waiters];
    this.#steps = new Set();
    this.#rows = new Set();
    this.#waiters = [];
    this.#isDirty = false;
    // Begins a turn later, so that everything changed in this turn shares the transaction, and its waiters with it.
    this.#writing = Promise.resolve()
      .then(() => {
        for (const step of this.#steps) steps.add(step);
        for (const row of this.#rows) rows.add(row);
        waiters.push(...this.#waiters);
        this.#steps = new Set();
        this.#rows = new Set();
        this.#waiters = [];
        this.#isDirty = false;
        return this.#insertOnce().then(() => this.#write(steps, rows));
      })
      .then(
        () => {
          for (const tell of waiters) tell();
        },
        (error: unknown) => {
          this.#log.warn('a run could not be written; trying again', { error, retryMs: RETRY_MS });
          for (const step of steps) this.#steps.add(step);
          for (const row of rows) this.#rows.add(row);
          this.#waiters.unshift(...waiters);
          this.#isDirty = true;
          this.#retry = this.#clock.after(RETRY_MS, () => {
            this.#retry = undefined;
            this.#next();
          });
        },
      )
      .finally(() => {
        this.#writing = undefined;
        this.#next();
      });
  }

  /** Writes what is left, once; what the database does not take then is lost to it (the timeline may still have it). */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#next();
    while (this.#writing) await this.#writing;
    this.#isClosed = true;
    (this.#retry as Timer | undefined)?.cancel();
  }
}
