import type { Clock, Timer } from '#kernel/clock.ts';
import type { Flow } from '../transport/flow.ts';

interface SentAnswer {
  bytes: Buffer;
  flow: Flow;
  forgetAtMs: number;
}

/** How often answers are forgotten at most, so that a thousand a second need one timer and not a thousand. */
const SWEEP_MS = 500;

/**
 * The final answers of server transactions that have ended but for the wait for stragglers: state "completed" of RFC 3261
 * §17.2.2, figure 8. Nothing happens in it but that a repeated request gets the same answer again, and after timer J it is
 * forgotten. There are many of these, all waiting equally long, so they stand in one queue in the order of their ending.
 */
export class SentAnswers {
  readonly #clock: Clock;
  readonly #keepForMs: number;
  readonly #byKey = new Map<string, SentAnswer>();
  #timer: Timer | undefined;

  constructor(clock: Clock, keepForMs: number) {
    this.#clock = clock;
    this.#keepForMs = keepForMs;
  }

  get size(): number {
    return this.#byKey.size;
  }

  keep(key: string, bytes: Buffer, flow: Flow): void {
    this.#byKey.set(key, { bytes, flow, forgetAtMs: this.#clock.monotonic() + this.#keepForMs });
    this.#timer ??= this.#clock.after(this.#keepForMs, () => this.#sweep());
  }

  /** Sends the answer again to a request that was answered before; false for a new one. */
  sendAgain(key: string): boolean {
    const answer = this.#byKey.get(key);
    if (!answer) return false;
    answer.flow.send(answer.bytes, () => this.#byKey.delete(key));
    return true;
  }

  /** Forgets all of them at once: for a user agent that closes. */
  clear(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#byKey.clear();
  }

  #sweep(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (const [key, { forgetAtMs }] of this.#byKey) {
      if (forgetAtMs > now) {
        this.#timer = this.#clock.after(Math.max(SWEEP_MS, forgetAtMs - now), () => this.#sweep());
        return;
      }
      this.#byKey.delete(key);
    }
  }
}
