import type { Clock } from '#kernel/clock.ts';

/** What strangers do, and thieves with a stolen password, counted by source. */
export type Misdeed = 'unknownAccounts' | 'wrongPasswords' | 'garbage' | 'unprovenInvites' | 'barredCalls';

export interface Trespasser extends Record<Misdeed, number> {
  /** The host; `others` for all beyond the number remembered. */
  source: string;
  firstAtMs: number;
  lastAtMs: number;
}

export interface SecuritySnapshot {
  totals: Record<Misdeed, number>;
  /** How many sources have done anything since the start, as far as remembered. */
  sources: number;
  /** The worst first. */
  top: Trespasser[];
}

const SOURCES_REMEMBERED = 5000;
const SOURCES_SHOWN = 50;
const OTHERS = 'others';
const NONE = { unknownAccounts: 0, wrongPasswords: 0, garbage: 0, unprovenInvites: 0, barredCalls: 0 };

/**
 * Counts by source what scanners do, for the security page: accounts that there are not, wrong passwords, malformed
 * messages, calls without credentials, calls that the caller may not make. It only counts; what is refused, and when, is for the throttles.
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

  snapshot(): SecuritySnapshot {
    const worst = [...this.#bySource.values()].sort((a, b) => sumOf(b) - sumOf(a)).slice(0, SOURCES_SHOWN);
    return {
      totals: { ...this.#totals },
      sources: this.#bySource.size,
      top: worst.map((entry) => ({ ...entry })),
    };
  }
}

const sumOf = (entry: Trespasser): number =>
  entry.unknownAccounts + entry.wrongPasswords + entry.garbage + entry.unprovenInvites + entry.barredCalls;
