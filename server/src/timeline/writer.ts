import { sleep, type Clock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import { isOutage } from '#store/database-errors.ts';
import type { StoreSession } from '#store/session.ts';
import type { Store } from '#store/store.ts';
import { contentBody, CONTENT_LIMIT, link, NOTHING_BEFORE, type Content, type Entry } from './entry.ts';

export const LIMITS = {
  /** Entries that wait to be written; the next append is refused with DATABASE_UNAVAILABLE or DISK_FULL. */
  entriesWaiting: 50_000,
  /** Characters of all that wait, so that large entries do not eat the memory. */
  charactersWaiting: 64 * 1024 * 1024,
  /** Entries in one transaction. */
  entriesPerBatch: 1000,
  charactersPerBatch: 2 * 1024 * 1024,
  /** How long a stop waits for the last entries, and for a database that is away already. */
  stopMs: 1500,
  stopWhileAwayMs: 500,
  /** Between attempts while the database is away: doubled each time, from the first to the most. */
  retryFirstMs: 50,
  retryMostMs: 1000,
  /** How long another server's writer may hold the chain at the start. */
  chainHeldMs: 30_000,
} as const;

interface Waiting {
  content: Content;
  body: string;
  resolve(entry: Entry): void;
  reject(error: unknown): void;
}

interface Head {
  seq: number;
  hash: string;
}

interface Batch {
  waiting: Waiting[];
  entries: Entry[];
}

/**
 * The one hand that writes a chain. Appends that come while a transaction is under way share the next one, in the order
 * in which they were called. It holds an advisory lock for as long as its connection lives, so that a chain has one
 * writer even when two servers are pointed at one database, and so that what a killed server had under way is settled
 * before the head is read.
 */
export class ChainWriter implements AsyncDisposable {
  #head: Head | undefined;
  #session: StoreSession | undefined;
  /** Sealed and on its way; kept until it is known to be in the table. */
  #batch: Batch | undefined;
  #queue: Waiting[] = [];
  #charactersWaiting = 0;
  /** How many of the next are written one by one, after a batch was refused. */
  #entriesAlone = 0;
  #partitions = new Set<string>();
  #lastOutage: DispatchError | undefined;
  #writing: Promise<void> | undefined;
  #isClosing = false;
  readonly #giveUp = new AbortController();
  readonly #chain: string;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onWritten: (entries: Entry[]) => void;

  constructor(options: { chain: string; store: Store; clock: Clock; log: Log; onWritten: (entries: Entry[]) => void }) {
    this.#chain = options.chain;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#onWritten = options.onWritten;
  }

  /** The last entry known to be in the table. */
  get head(): Head {
    return this.#head ?? { seq: 0, hash: NOTHING_BEFORE };
  }

  /** Entries that are not durable yet. */
  get waiting(): number {
    return this.#queue.length + (this.#batch?.waiting.length ?? 0);
  }

  get lastOutage(): DispatchError | undefined {
    return this.#lastOutage;
  }

  /** @throws DispatchError DATABASE_UNAVAILABLE when the database is away, or another server writes this chain */
  async open(): Promise<void> {
    this.#session = await this.#connect(LIMITS.chainHeldMs);
  }

  /**
   * Resolves when the entry is durable.
   *
   * @throws DispatchError TOO_LARGE; DATABASE_UNAVAILABLE or DISK_FULL when too many wait already
   */
  append(content: Content): Promise<Entry> {
    const body = contentBody(content);
    if (body.length > CONTENT_LIMIT)
      return Promise.reject(
        new DispatchError('TOO_LARGE', `timeline entry ${content.kind}, ${body.length} characters`),
      );
    if (this.#isClosing) return Promise.reject(new DispatchError('DATABASE_UNAVAILABLE', 'the timeline is closed'));
    if (this.waiting >= LIMITS.entriesWaiting || this.#charactersWaiting + body.length > LIMITS.charactersWaiting)
      return Promise.reject(
        this.#lastOutage ?? new DispatchError('DATABASE_UNAVAILABLE', 'the timeline is too far behind'),
      );
    return new Promise((resolve, reject) => {
      this.#queue.push({ content, body, resolve, reject });
      this.#charactersWaiting += body.length;
      this.#writing ??= Promise.resolve().then(() => this.#write());
    });
  }

  async [Symbol.asyncDispose]() {
    this.#isClosing = true;
    const patience = this.#clock.after(this.#lastOutage ? LIMITS.stopWhileAwayMs : LIMITS.stopMs, () =>
      this.#giveUp.abort(),
    );
    await this.#writing;
    patience.cancel();
    const lost = [...(this.#batch?.waiting ?? []), ...this.#queue];
    if (lost.length > 0) this.#log.error('entries of the timeline are lost', { count: lost.length });
    for (const { reject } of lost)
      reject(
        this.#lastOutage ?? new DispatchError('DATABASE_UNAVAILABLE', 'the server stopped before this was written'),
      );
    await this.#session?.[Symbol.asyncDispose]();
  }

  /** Writes until nothing waits. */
  async #write() {
    let retryMs: number = LIMITS.retryFirstMs;
    while ((this.#batch || this.#queue.length > 0) && !this.#giveUp.signal.aborted) {
      try {
        if (!this.#session || this.#session.isLost) await this.#reconnect();
        this.#batch ??= this.#seal();
        await this.#insert(this.#batch.entries);
        this.#settle();
        retryMs = LIMITS.retryFirstMs;
      } catch (error) {
        // Without a batch it is no entry's fault: wait for someone to mend it, as in an outage.
        if (isOutage(error) || !this.#batch) {
          if (!this.#lastOutage) this.#log.error('the timeline cannot be written', { error, waiting: this.waiting });
          this.#lastOutage = isOutage(error)
            ? error
            : new DispatchError('DATABASE_UNAVAILABLE', (error as Error).message, { cause: error });
          await sleep(this.#clock, retryMs, this.#giveUp.signal).catch(() => {});
          retryMs = Math.min(retryMs * 2, LIMITS.retryMostMs);
        } else this.#refuse(this.#batch, error);
      }
    }
    this.#writing = undefined;
  }

  /** Takes the oldest that wait and gives each its place in the chain. */
  #seal(): Batch {
    const waiting: Waiting[] = [];
    let characters = 0;
    const most = this.#entriesAlone > 0 ? 1 : LIMITS.entriesPerBatch;
    this.#entriesAlone = Math.max(0, this.#entriesAlone - 1);
    for (const next of this.#queue) {
      characters += next.body.length;
      if (waiting.length >= most || (waiting.length > 0 && characters > LIMITS.charactersPerBatch)) break;
      waiting.push(next);
    }
    this.#queue.splice(0, waiting.length);
    let { seq, hash: previous } = this.head;
    const entries = waiting.map(({ content, body }) => {
      seq += 1;
      const entry: Entry = { ...content, seq, previous, ...link(body, seq, previous) };
      previous = entry.hash;
      return entry;
    });
    return { waiting, entries };
  }

  async #insert(entries: Entry[]) {
    await this.#ensurePartitions(entries);
    const iso = (at: number) => new Date(at).toISOString();
    const column = <Key extends keyof Entry>(key: Key) => entries.map((entry) => entry[key] ?? null);
    await this.#session!.query(INSERT, [
      this.#chain,
      column('seq'),
      entries.map(({ recordedAt }) => iso(recordedAt)),
      entries.map(({ at }) => iso(at)),
      ...(['kind', 'incident', 'run', 'call', 'alarm', 'person'] as const).map(column),
      this.#batch!.waiting.map(({ body }) => body),
      ...(['digest', 'previous', 'hash'] as const).map(column),
    ]);
  }

  /** The batch is durable: those who wait hear of it, in the order of the chain. */
  #settle() {
    const { waiting, entries } = this.#batch!;
    const { seq, hash } = entries.at(-1)!;
    this.#head = { seq, hash };
    this.#batch = undefined;
    if (this.#lastOutage) this.#log.info('the timeline is written again');
    this.#lastOutage = undefined;
    for (const { body } of waiting) this.#charactersWaiting -= body.length;
    this.#onWritten(entries);
    waiting.forEach(({ resolve }, index) => resolve(entries[index]!));
  }

  /**
   * PostgreSQL refuses something in the batch. Alone, that entry is at fault; together with others, they are put back
   * and tried one by one, so that one bad entry does not take the rest with it.
   */
  #refuse(batch: Batch, error: unknown) {
    this.#batch = undefined;
    const [first, ...rest] = batch.waiting;
    if (rest.length > 0) {
      this.#queue.unshift(...batch.waiting);
      this.#entriesAlone = batch.waiting.length;
      return;
    }
    this.#charactersWaiting -= first!.body.length;
    this.#log.error('an entry of the timeline was refused', { kind: first!.content.kind, error });
    first!.reject(error);
  }

  async #reconnect() {
    await this.#session?.[Symbol.asyncDispose]();
    this.#session = undefined;
    this.#session = await this.#connect(LIMITS.chainHeldMs);
  }

  /** Opens the connection, takes the chain, and reads where it ends; a batch that got in before the outage is settled. */
  async #connect(patienceMs: number): Promise<StoreSession> {
    const session = await this.#store.session({ name: 'tocsin-timeline' });
    try {
      await this.#takeChain(session, patienceMs);
      const [row] = await session.query<Head>(LAST, [this.#chain]);
      const head = row ?? { seq: 0, hash: NOTHING_BEFORE };
      const sealed = this.#batch?.entries;
      this.#session = session;
      if (sealed?.at(-1)!.hash === head.hash) this.#settle();
      else if (sealed && head.seq !== sealed[0]!.seq - 1)
        throw new DispatchError(
          'DATABASE_UNAVAILABLE',
          `the chain ended at ${sealed[0]!.seq - 1} and now ends at ${head.seq}`,
        );
      else this.#head = head;
      this.#partitions.clear();
      return session;
    } catch (error) {
      this.#session = undefined;
      await session[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #takeChain(session: StoreSession, patienceMs: number) {
    const startedMs = this.#clock.monotonic();
    for (;;) {
      const [row] = await session.query<{ taken: boolean }>(
        'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken',
        [`timeline/${this.#chain}`],
      );
      if (row!.taken) return;
      if (this.#clock.monotonic() - startedMs > patienceMs)
        throw new DispatchError('DATABASE_UNAVAILABLE', `another server writes the timeline of ${this.#chain}`);
      await sleep(this.#clock, 50, this.#giveUp.signal);
    }
  }

  async #ensurePartitions(entries: Entry[]) {
    for (const { recordedAt } of entries) {
      const month = new Date(recordedAt).toISOString().slice(0, 7);
      if (this.#partitions.has(month)) continue;
      await this.#session!.query('SELECT timeline_ensure_partition($1)', [`${month}-15T00:00:00Z`]);
      this.#partitions.add(month);
    }
  }
}

const LAST = 'SELECT seq, hash FROM timeline_entry WHERE chain = $1 ORDER BY seq DESC LIMIT 1';

/** One statement is one transaction: all of the batch, or nothing. */
const INSERT = {
  name: 'timeline-insert',
  text: `
  INSERT INTO timeline_entry
    (chain, seq, recorded_at, at, kind, incident, run, call, alarm, person, body, digest, previous, hash)
  SELECT $1, * FROM unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[])`,
};
