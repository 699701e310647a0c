import type { Clock } from '@tocsin/server/kernel/clock.ts';

/** How many short messages may go in a second and in a day: a contract's limits, kept before the centre has to remind us. */
export class Pace {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #perDay: number;
  /** The moment from which the next may go, on the monotonic clock: each one pushes it back by its share of a second. */
  #nextMs = 0;
  #day: string;
  #sentToday: number;

  constructor(limits: { perSecond?: number; perDay?: number }, clock: Clock, sentToday: number) {
    this.#clock = clock;
    this.#everyMs = limits.perSecond ? 1000 / limits.perSecond : 0;
    this.#perDay = limits.perDay ?? Infinity;
    this.#day = dayOf(clock.now());
    this.#sentToday = sentToday;
  }

  get sentToday() {
    this.#turnDay();
    return this.#sentToday;
  }

  get isSpent() {
    return this.sentToday >= this.#perDay;
  }

  /** How long to wait before the next may go; 0 = now. A tenth of a second's worth may go at once. */
  waitMs(): number {
    if (this.isSpent) return msToMidnight(this.#clock.now());
    const waitMs = this.#nextMs - this.#clock.monotonic() - 100;
    return waitMs > 0 ? Math.ceil(waitMs) : 0;
  }

  /** So many are about to go. */
  take(messages: number): void {
    this.#turnDay();
    this.#sentToday += messages;
    this.#nextMs = Math.max(this.#nextMs, this.#clock.monotonic()) + this.#everyMs * messages;
  }

  /** So many of those taken did not count after all: the centre did not want them. */
  giveBack(messages: number): void {
    this.#turnDay();
    this.#sentToday = Math.max(0, this.#sentToday - messages);
  }

  #turnDay() {
    const today = dayOf(this.#clock.now());
    if (today === this.#day) return;
    this.#day = today;
    this.#sentToday = 0;
  }
}

/** The local day as a word: contracts count from midnight to midnight where the gateway stands. */
export function dayOf(atMs: number): string {
  return new Date(atMs).toDateString();
}

function msToMidnight(atMs: number): number {
  const midnight = new Date(atMs);
  midnight.setHours(24, 0, 0, 0);
  return midnight.getTime() - atMs + 1;
}
