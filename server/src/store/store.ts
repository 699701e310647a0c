import { join } from 'node:path';
import pg from 'pg';
import type { Clock } from '#kernel/clock.ts';
import { DispatchError, FAILURES } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import { explain, isOutage } from './database-errors.ts';
import { openEmbeddedPostgres, type EmbeddedPostgres } from './embedded.ts';
import { migrate } from './migrate.ts';
import { type Queryable, type Statement, withValues } from './queryable.ts';
import { openSession, type StoreSession } from './session.ts';

export interface Store extends Queryable, AsyncDisposable {
  /** Runs `work` in one transaction: all of it, or nothing when it throws. Keep it short; never wait for people in it. */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  /** A connection of its own for what must stay on one, such as advisory locks. */
  session(options: { name: string }): Promise<StoreSession>;
  /** For tools that bring their own connection (pg-boss); holds the password, so never log it. */
  readonly url: string;
  readonly hasTimescale: boolean;
  /** Asked anew every 2 s. */
  state(): 'ok' | { problem: string };
}

export const LIMITS = {
  /** Connections of the pool; sessions come on top. */
  connections: 12,
  /** Statements that may wait for a connection; the next is refused with DATABASE_UNAVAILABLE. */
  waiting: 2000,
  /** How long a statement waits for a connection before DATABASE_UNAVAILABLE. */
  waitMs: 5000,
  /** The longest one statement may run. */
  statementMs: 15_000,
  /** The longest a transaction may stand idle between statements. */
  idleInTransactionMs: 10_000,
  /** How long a close waits for statements under way, and again for their connections. */
  closeMs: 700,
  /** How long a refusal for want of room counts; writers try again more often than this. */
  diskFullForMs: 10_000,
  /** Between two questions after the database's health. */
  probeEveryMs: 2000,
} as const;

/** What every connection of ours asks of the server. */
export const CONNECTION = {
  application_name: 'tocsin',
  statement_timeout: LIMITS.statementMs,
  idle_in_transaction_session_timeout: LIMITS.idleInTransactionMs,
  connectionTimeoutMillis: LIMITS.waitMs,
  keepAlive: true,
  keepAliveInitialDelayMillis: 5000,
} as const;

/** bigint as number: ours count entries and milliseconds, far below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8 && format !== 'binary'
      ? Number
      : (pg.types.getTypeParser(oid, format as 'text') as never),
};

/**
 * Opens the database and brings its tables up to date.
 *
 * @param options.url PostgreSQL from outside; absent: the embedded one, its data in `<dataFolder>/postgres`
 * @throws DispatchError DATABASE_UNAVAILABLE when it does not answer, or was written by a newer version of Tocsin
 */
export async function openStore(options: { url?: string; dataFolder: string; log: Log; clock: Clock }): Promise<Store> {
  const { clock, log } = options;
  await using opened = new AsyncDisposableStack();
  let embedded: EmbeddedPostgres | undefined;
  if (options.url === undefined) {
    embedded = opened.use(await openEmbeddedPostgres({ folder: join(options.dataFolder, 'postgres'), clock, log }));
  }
  const url = options.url ?? embedded!.url;

  const store = opened.use(connectStore({ url, clock, log, complaint: () => embedded?.complaint }));
  store.hasTimescale = await migrate(store, log);
  store.watch();

  const parts = opened.move();
  return {
    query: (statement, values) => store.query(statement, values),
    transaction: (work) => store.transaction(work),
    session: (wanted) => store.session(wanted),
    state: () => store.state(),
    url,
    hasTimescale: store.hasTimescale,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** A store on a database as it is, without migrating it. */
export function connectStore(options: {
  url: string;
  clock: Clock;
  log: Log;
  /** What the database's own process last complained of. */
  complaint?: () => string | undefined;
}): PooledStore {
  return new PooledStore(options.url, options.clock, options.log, options.complaint ?? (() => undefined));
}

class PooledStore implements Store {
  readonly url: string;
  hasTimescale = false;
  #problem: string | undefined;
  #diskFullAtMs = -Infinity;
  #isClosing = false;
  readonly #underWay = new Set<Promise<unknown>>();
  #probe: { cancel(): void } | undefined;
  readonly #pool: pg.Pool;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #complaint: () => string | undefined;

  constructor(url: string, clock: Clock, log: Log, complaint: () => string | undefined) {
    this.url = url;
    this.#clock = clock;
    this.#log = log;
    this.#complaint = complaint;
    this.#pool = new pg.Pool({ ...CONNECTION, connectionString: url, types, max: LIMITS.connections });
    // An idle connection that breaks leaves the pool by itself; the next statement opens a fresh one.
    this.#pool.on('error', (error) => this.#log.debug('an idle database connection broke', { error }));
  }

  async query<Row>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#watched(async () => (await this.#pool.query(withValues(statement, values))).rows as Row[]);
  }

  async transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.#watched(async () => {
      const client = await this.#pool.connect();
      let isBroken = true;
      try {
        await client.query('BEGIN');
        const result = await work({
          query: async <Row>(statement: Statement, values: readonly unknown[] = []) => {
            try {
              return (await client.query(withValues(statement, values))).rows as Row[];
            } catch (error) {
              throw explain(error);
            }
          },
        });
        await client.query('COMMIT');
        isBroken = false;
        return result;
      } catch (error) {
        isBroken = await client.query('ROLLBACK').then(
          () => false,
          () => true,
        );
        throw error;
      } finally {
        client.release(isBroken);
      }
    });
  }

  async session({ name }: { name: string }): Promise<StoreSession> {
    try {
      const config = { ...CONNECTION, application_name: name, connectionString: this.url, types };
      return await openSession(config, (error) => this.#note(error));
    } catch (error) {
      this.#note(error);
      throw error;
    }
  }

  state(): 'ok' | { problem: string } {
    // Reading works on a full disk, so an answer to the probe is no sign that there is room again.
    const isFull = this.#clock.monotonic() - this.#diskFullAtMs < LIMITS.diskFullForMs;
    const problem = this.#problem ?? (isFull ? FAILURES.DISK_FULL : undefined);
    return problem === undefined ? 'ok' : { problem };
  }

  /** Begins to ask after the database's health, so that an outage shows while nobody uses it. */
  watch() {
    this.#probe = this.#clock.every(LIMITS.probeEveryMs, () => void this.query('SELECT 1').catch(() => {}));
  }

  /** Lets statements under way finish, for a while. Closes once; a second call does nothing. */
  async [Symbol.asyncDispose]() {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#probe?.cancel();
    await this.#atMost(LIMITS.closeMs, Promise.allSettled(this.#underWay));
    // One that hangs is cut off by the database's own stop, or by the end of this process.
    await this.#atMost(LIMITS.closeMs, this.#pool.end());
  }

  async #atMost(limitMs: number, work: Promise<unknown>) {
    const limit = Promise.withResolvers<void>();
    const timer = this.#clock.after(limitMs, limit.resolve);
    await Promise.race([work, limit.promise]);
    timer.cancel();
  }

  /** Every statement's outcome tells of the database's health. */
  async #watched<T>(work: () => Promise<T>): Promise<T> {
    if (this.#pool.waitingCount >= LIMITS.waiting)
      throw new DispatchError('DATABASE_UNAVAILABLE', `${LIMITS.waiting} statements are waiting already`);
    if (this.#isClosing) throw new DispatchError('DATABASE_UNAVAILABLE', 'the store is closed');
    const underWay = work();
    this.#underWay.add(underWay);
    try {
      const result = await underWay;
      if (this.#problem !== undefined) this.#log.info('the database answers again');
      this.#problem = undefined;
      return result;
    } catch (thrown) {
      const error = explain(thrown);
      this.#note(error);
      throw error;
    } finally {
      this.#underWay.delete(underWay);
    }
  }

  #note(error: unknown) {
    if (!isOutage(error)) return;
    if (error.code === 'DISK_FULL') {
      this.#diskFullAtMs = this.#clock.monotonic();
      return;
    }
    const problem = [error.message, this.#complaint()].filter(Boolean).join('; ');
    if (this.#problem === undefined) this.#log.error('the database is in trouble', { problem });
    this.#problem = problem;
  }
}
