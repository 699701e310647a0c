import type { Clock } from '#kernel/clock.ts';

/** What strangers do, and thieves with a stolen password, counted by source. */
export type Misdeed =
  | 'scans'
  | 'unknownAccounts'
  | 'wrongPasswords'
  | 'unprovenInvites'
  | 'barredCalls'
  | 'garbage'
  /** Came while its source was not heard any more. */
  | 'unheard';

/** Why a source is not heard for a while. */
export type ThrottledFor = 'garbage' | 'wrong-password' | 'flood';

export interface Trespasser extends Record<Misdeed, number> {
  /** The host; `others` for all beyond the number remembered. */
  source: string;
  firstAtMs: number;
  lastAtMs: number;
  /** It is not heard until then; `account` when that is for one account alone. */
  throttled?: { why: ThrottledFor; sinceMs: number; untilMs: number; account?: string };
}

export interface SecuritySnapshot {
  totals: Record<Misdeed, number>;
  /** How many sources have done anything since the start, as far as remembered. */
  sources: number;
  /** Who is not heard now, then the worst. */
  top: Trespasser[];
}

const SOURCES_REMEMBERED = 5000;
const SOURCES_SHOWN = 50;
const OTHERS = 'others';
const NONE: Record<Misdeed, number> = {
  scans: 0,
  unknownAccounts: 0,
  wrongPasswords: 0,
  unprovenInvites: 0,
  barredCalls: 0,
  garbage: 0,
  unheard: 0,
};

/**
 * Counts by source what scanners do, for the security page: tools of the trade, accounts that there are not, wrong
 * passwords, malformed messages, calls without credentials, calls that the caller may not make. It only counts; what is refused, and when, is for the throttles.
 */
export class Trespassers {
  readonly #clock: Clock;
  readonly #bySource = new Map<string, Trespasser>();
  readonly #totals = { ...NONE };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  count(source: string, misdeed: Misdeed): void {
    const now = this.#clock.now();
    const key = this.#bySource.has(source) || this.#bySource.size < SOURCES_REMEMBERED ? source : OTHERS;
    let entry = this.#bySource.get(key);
    if (!entry) {
      entry = { source: key, firstAtMs: now, lastAtMs: now, ...NONE };
      this.#bySource.set(key, entry);
    }
    entry[misdeed] += 1;
    entry.lastAtMs = now;
    this.#totals[misdeed] += 1;
  }

  /** A caller from this source has answered his challenge: every call of an honest phone begins without credentials. */
  proved(source: string): void {
    const entry = this.#bySource.get(source);
    if (!entry || entry.unprovenInvites === 0) return;
    entry.unprovenInvites -= 1;
    this.#totals.unprovenInvites -= 1;
    if (sumOf(entry) === 0) this.#bySource.delete(source);
  }

  /** A source is not heard until then; false when it has not been heard already. */
  throttled(source: string, why: ThrottledFor, untilMs: number, account?: string): boolean {
    const entry = this.#bySource.get(source) ?? this.#bySource.get(OTHERS);
    if (!entry) return true;
    const now = this.#clock.now();
    const before = entry.throttled;
    const sinceMs = before && before.untilMs > now ? before.sinceMs : now;
    const isNews = !before || before.untilMs <= now;
    if (isNews || untilMs >= before.untilMs)
      entry.throttled = { why, sinceMs, untilMs, ...(account === undefined ? {} : { account }) };
    return isNews;
  }

  /** It is heard again; what it has done stays counted. */
  released(source: string): boolean {
    const entry = this.#bySource.get(source);
    const wasThrottled = (entry?.throttled?.untilMs ?? 0) > this.#clock.now();
    if (entry) delete entry.throttled;
    return wasThrottled;
  }

  snapshot(): SecuritySnapshot {
    const now = this.#clock.now();
    const isThrottled = ({ throttled }: Trespasser) => Number(throttled !== undefined && throttled.untilMs > now);
    const worst = [...this.#bySource.values()]
      .sort((a, b) => isThrottled(b) - isThrottled(a) || sumOf(b) - sumOf(a))
      .slice(0, SOURCES_SHOWN);
    return {
      totals: { ...this.#totals },
      sources: this.#bySource.size,
      top: worst.map((entry) => ({ ...entry })),
    };
  }
}

const MISDEEDS = Object.keys(NONE) as Misdeed[];
const sumOf = (entry: Trespasser): number => MISDEEDS.reduce((sum, misdeed) => sum + entry[misdeed], 0);
