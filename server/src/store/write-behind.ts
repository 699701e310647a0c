import { sleep, type Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { isOutage } from './database-errors.ts';

export const LIMITS = {
  /** Changes in one write. */
  perWrite: 2000,
  /** Between attempts while the database is away. */
  retryMs: 1000,
} as const;

/**
 * Writes changes of rows soon, many together: those that come while a write is under way go with the next, and of
 * several changes of one row only the last is written. A change counts as kept when it is written; while the database is
 * away it counts at once, so that nobody waits, and is written when the database is back.
 */
export class WriteBehind<Change> implements AsyncDisposable {
  readonly #changes = new Map<string, Change>();
  readonly #waiting: (() => void)[] = [];
  readonly #closing = new AbortController();
  readonly #what: string;
  readonly #write: (changes: Change[]) => Promise<unknown>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #everyMs: number;
  #nextAtMs = 0;
  #writing: Promise<void> | undefined;
  #isAway = false;

  /**
   * `what` names the rows in the log; `write` writes some changes as one transaction. With `everyMs` a write begins no
   * sooner than that after the one before, so that what changes often is written seldom.
   */
  constructor(parts: {
    what: string;
    write: (changes: Change[]) => Promise<unknown>;
    clock: Clock;
    log: Log;
    everyMs?: number;
  }) {
    this.#what = parts.what;
    this.#write = parts.write;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#everyMs = parts.everyMs ?? 0;
  }

  /** Takes the newest change of a row. Resolves when it is kept. */
  put(key: string, change: Change): Promise<void> {
    this.#changes.set(key, change);
    this.#writing ??= Promise.resolve().then(() => this.#writeAll());
    if (this.#isAway) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#writing;
    if (this.#changes.size > 0) this.#log.warn(`${this.#what} are lost`, { count: this.#changes.size });
  }

  async #writeAll(): Promise<void> {
    while (this.#changes.size > 0) {
      await this.#pause();
      const batch = [...this.#changes].slice(0, LIMITS.perWrite);
      const isAll = batch.length === this.#changes.size;
      const waiting = isAll ? this.#waiting.splice(0) : [];
      for (const [key] of batch) this.#changes.delete(key);
      try {
        await this.#write(batch.map(([, change]) => change));
        this.#isAway = false;
      } catch (error) {
        if (!this.#isAway) this.#log.warn(`${this.#what} cannot be saved`, { error });
        this.#isAway = isOutage(error);
        // What changed meanwhile is newer. What PostgreSQL refuses for another reason it would refuse for ever.
        if (this.#isAway)
          for (const [key, change] of batch) if (!this.#changes.has(key)) this.#changes.set(key, change);
      }
      for (const resolve of waiting.concat(this.#isAway ? this.#waiting.splice(0) : [])) resolve();
      if (this.#isAway) {
        if (this.#closing.signal.aborted) break;
        await sleep(this.#clock, LIMITS.retryMs, this.#closing.signal).catch(() => {});
      }
    }
    this.#writing = undefined;
  }

  async #pause(): Promise<void> {
    const waitMs = this.#nextAtMs - this.#clock.monotonic();
    if (this.#everyMs > 0 && waitMs > 0) await sleep(this.#clock, waitMs, this.#closing.signal).catch(() => {});
    this.#nextAtMs = this.#clock.monotonic() + this.#everyMs;
  }
}

/** PostgreSQL holds neither U+0000 nor halves of surrogate pairs, and a phone may send anything. */
export const storable = (text: string): string => text.toWellFormed().replaceAll('\0', '\uFFFD');

/** A value as JSON text that PostgreSQL takes. */
export const storableJson = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === 'string' ? storable(part) : part));
