import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';

/**
 * Counts misdeeds by source within a window of time and says when there were too many. The first time a source goes
 * over is logged and reported; the rest of its window is only counted. When more sources misbehave than are remembered,
 * the newcomers are counted together under one name, so that a flood from invented addresses costs no memory.
 */
export class SourceThrottle {
  readonly #what: string;
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onThrottled: (source: string, untilMs: number) => void;
  #counts = new Map<string, number>();
  #windowEndsAtMs = 0;
  /** Every misdeed since the start. */
  total = 0;

  constructor(options: {
    what: string;
    limit: number;
    windowMs: number;
    clock: Clock;
    log: Log;
    /** `untilMs`: when its window ends, by the clock on the wall. */
    onThrottled?: (source: string, untilMs: number) => void;
  }) {
    this.#what = options.what;
    this.#limit = options.limit;
    this.#windowMs = options.windowMs;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#onThrottled = options.onThrottled ?? (() => {});
  }

  /** Counts one misdeed; true when the source is over its limit. */
  count(source: string): boolean {
    this.#startWindow();
    this.total += 1;
    const key = this.#counts.has(source) || this.#counts.size < SOURCES_REMEMBERED ? source : 'others';
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    if (count === this.#limit + 1) {
      this.#log.warn('source throttled', {
        what: this.#what,
        source: key,
        limit: this.#limit,
        windowMs: this.#windowMs,
      });
      this.#onThrottled(key, Math.round(this.#clock.now() + this.#windowEndsAtMs - this.#clock.monotonic()));
    }
    return count > this.#limit;
  }

  /** Whether the source has used up its misdeeds for this window. */
  isOver(source: string): boolean {
    this.#startWindow();
    return (this.#counts.get(source) ?? 0) >= this.#limit;
  }

  /** Takes back one misdeed that has turned out to be none. */
  takeBack(source: string): void {
    const count = this.#counts.get(source);
    if (count !== undefined) this.#counts.set(source, Math.max(0, count - 1));
  }

  /** Begins anew for every source whose name passes; true when one was over its limit. */
  release(isMeant: (source: string) => boolean): boolean {
    let wasOver = false;
    for (const [source, count] of this.#counts) {
      if (!isMeant(source)) continue;
      wasOver ||= count >= this.#limit;
      this.#counts.delete(source);
    }
    return wasOver;
  }

  #startWindow(): void {
    const now = this.#clock.monotonic();
    if (now < this.#windowEndsAtMs) return;
    this.#windowEndsAtMs = now + this.#windowMs;
    this.#counts.clear();
  }
}

const SOURCES_REMEMBERED = 10_000;
