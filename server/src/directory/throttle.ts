import type { Clock } from '#kernel/clock.ts';

export const LIMITS = {
  /** Failures in a row that cost nothing. */
  free: { userAtAddress: 3, address: 20 },
  /** The first wait after those; doubled at each further failure. */
  firstMs: 1000,
  mostMs: 5 * 60_000,
  /** A failure is forgotten after this long without another. */
  memoryMs: 30 * 60_000,
  /** Pairs and addresses remembered; beyond, the one that has failed longest ago is forgotten. */
  remembered: 20_000,
} as const;

interface Failures {
  count: number;
  lastMs: number;
  /** No attempt is looked at before. */
  closedUntilMs: number;
}

/**
 * Makes guessing slow: after a few failures of a user at an address, or of an address with any users, the next attempt is
 * looked at only after a wait that doubles each time. It never closes a user everywhere, as that would let anyone lock
 * the control room out.
 */
export class LoginThrottle {
  readonly #failures = new Map<string, Failures>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Seconds until the next attempt is looked at; 0: now. An attempt that is let in counts as failed until `succeeded`. */
  enter(username: string, address: string): number {
    const now = this.#clock.monotonic();
    const keys = keysOf(username, address);
    const waitMs = Math.max(...keys.map(({ key }) => (this.#recall(key, now)?.closedUntilMs ?? 0) - now));
    if (waitMs > 0) return Math.ceil(waitMs / 1000);
    for (const { key, free } of keys) {
      const count = (this.#recall(key, now)?.count ?? 0) + 1;
      const doublings = count - free - 1;
      const closedMs = doublings < 0 ? 0 : Math.min(LIMITS.firstMs * 2 ** doublings, LIMITS.mostMs);
      this.#failures.delete(key);
      this.#failures.set(key, { count, lastMs: now, closedUntilMs: now + closedMs });
    }
    const oldest = this.#failures.keys().next().value;
    if (this.#failures.size > LIMITS.remembered && oldest !== undefined) this.#failures.delete(oldest);
    return 0;
  }

  succeeded(username: string, address: string) {
    const [pair, all] = keysOf(username, address);
    this.#failures.delete(pair.key);
    const failures = this.#failures.get(all.key);
    if (failures) {
      failures.count -= 1;
      failures.closedUntilMs = 0;
    }
  }

  #recall(key: string, now: number): Failures | undefined {
    const failures = this.#failures.get(key);
    if (failures && now - failures.lastMs > LIMITS.memoryMs) {
      this.#failures.delete(key);
      return undefined;
    }
    return failures;
  }
}

function keysOf(username: string, address: string) {
  return [
    { key: `${address} ${username.slice(0, 64).toLowerCase()}`, free: LIMITS.free.userAtAddress },
    { key: address, free: LIMITS.free.address },
  ] as const;
}
