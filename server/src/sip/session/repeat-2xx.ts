import type { Clock, Timer } from '#kernel/clock.ts';
import { type Timing, giveUpMs } from '../transaction/timing.ts';

/**
 * Sends a 2xx to an INVITE again and again until its ACK comes: after T1, then at doubling intervals up to T2, over any
 * transport, since only the ACK proves that it went through (RFC 3261 §13.3.1.4). After 64·T1 it gives up.
 */
export class Repeat2xx {
  readonly #clock: Clock;
  readonly #timing: Timing;
  readonly #resend: () => void;
  readonly #onNoAck: () => void;
  readonly #giveUp: Timer;
  #next: Timer;
  #isDone = false;

  constructor(clock: Clock, timing: Timing, resend: () => void, onNoAck: () => void) {
    this.#clock = clock;
    this.#timing = timing;
    this.#resend = resend;
    this.#onNoAck = onNoAck;
    this.#next = this.#after(timing.t1);
    this.#giveUp = clock.after(giveUpMs(timing), () => {
      this.stop();
      this.#onNoAck();
    });
  }

  get isWaiting(): boolean {
    return !this.#isDone;
  }

  /** The ACK is here, or nobody waits for it any more. */
  stop(): void {
    this.#isDone = true;
    this.#next.cancel();
    this.#giveUp.cancel();
  }

  #after(delayMs: number): Timer {
    return this.#clock.after(delayMs, () => {
      this.#next = this.#after(Math.min(delayMs * 2, this.#timing.t2));
      this.#resend();
    });
  }
}
