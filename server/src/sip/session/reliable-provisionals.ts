import type { Chance } from '#kernel/chance.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Request, Response } from '../message/message.ts';
import { type Timing, giveUpMs } from '../transaction/timing.ts';

/**
 * Provisional responses that are acknowledged (RFC 3262 §3): each is sent again at doubling intervals until its PRACK
 * comes, and the next waits for that. After 64·T1 without one the call fails.
 */
export class ReliableProvisionals {
  readonly #clock: Clock;
  readonly #timing: Timing;
  readonly #onNoPrack: () => void;
  #rseq: number;
  #timers: Timer[] = [];
  #unacknowledged: number | undefined;
  #waiting: { response: Response; send: (response: Response) => void }[] = [];
  #whenAcknowledged: (() => void)[] = [];

  constructor(clock: Clock, timing: Timing, chance: Chance, onNoPrack: () => void) {
    this.#clock = clock;
    this.#timing = timing;
    this.#onNoPrack = onNoPrack;
    this.#rseq = 1 + Math.floor(chance.fraction() * 1_000_000);
  }

  send(response: Response, send: (response: Response) => void): void {
    if (this.#unacknowledged !== undefined) {
      // At most one of each status waits: ringing again says nothing new.
      if (!this.#waiting.some((other) => other.response.status === response.status))
        this.#waiting.push({ response, send });
      return;
    }
    this.#rseq += 1;
    this.#unacknowledged = this.#rseq;
    response.add('Require', '100rel').add('RSeq', String(this.#rseq));
    send(response);
    this.#resendAfter(this.#timing.t1, () => send(response));
    this.#timers.push(this.#clock.after(giveUpMs(this.#timing), this.#onNoPrack));
  }

  /** True when the PRACK acknowledges what is waiting for it; its RAck is `rseq cseq method`. */
  receivePrack(prack: Request): boolean {
    const rseq = Number((prack.get('RAck') ?? '').split(/\s+/)[0]);
    if (rseq !== this.#unacknowledged) return false;
    this.#cancel();
    this.#unacknowledged = undefined;
    for (const tell of this.#whenAcknowledged.splice(0)) tell();
    const next = this.#waiting.shift();
    if (next) this.send(next.response, next.send);
    return true;
  }

  /** Resolves when nothing is unacknowledged, or the waiting has been stopped. */
  acknowledged(): Promise<void> {
    if (this.#unacknowledged === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#whenAcknowledged.push(resolve));
  }

  stop(): void {
    this.#cancel();
    this.#waiting = [];
    for (const tell of this.#whenAcknowledged.splice(0)) tell();
  }

  #resendAfter(delayMs: number, send: () => void): void {
    const timer = this.#clock.after(delayMs, () => {
      this.#timers.splice(this.#timers.indexOf(timer), 1);
      send();
      this.#resendAfter(delayMs * 2, send);
    });
    this.#timers.push(timer);
  }

  #cancel(): void {
    for (const timer of this.#timers.splice(0)) timer.cancel();
  }
}
