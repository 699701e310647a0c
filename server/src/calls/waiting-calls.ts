import type { Clock } from '#kernel/clock.ts';
import type { Lamps } from './lamps.ts';
import type { DialOutcome, Leg } from './leg.ts';

/** Calls that may wait for one phone; the next finds it busy. */
const MOST_WAITING = 5;

/** A call that waits for a phone with one line, which talks. */
export interface WaitingCall {
  account: string;
  call: string;
  /** The phone takes it with the leg that it has. False when it is too late. */
  takeBy(leg: Leg): boolean;
}

type Waited = DialOutcome | { kind: 'free' };

/** Which calls wait for which phone, in their order. */
export class WaitingCalls {
  readonly #waiting = new Set<WaitingCall>();
  readonly #lamps: Lamps;
  readonly #clock: Clock;

  constructor(lamps: Lamps, clock: Clock) {
    this.#lamps = lamps;
    this.#clock = clock;
  }

  /** The call that has waited longest for this phone. */
  first(account: string): WaitingCall | undefined {
    return [...this.#waiting].find((each) => each.account === account);
  }

  of(call: string): WaitingCall | undefined {
    return [...this.#waiting].find((each) => each.call === call);
  }

  /** Waits until the phone takes the call, is free (the first in the row), so many milliseconds are over, or the caller gives up. */
  async wait(
    account: string,
    call: string,
    { ringForMs, signal }: { ringForMs: number; signal: AbortSignal },
  ): Promise<Waited> {
    if ([...this.#waiting].filter((each) => each.account === account).length >= MOST_WAITING) return { kind: 'busy' };
    const startedMs = this.#clock.monotonic();
    const afterMs = () => Math.round(this.#clock.monotonic() - startedMs);
    const over = Promise.withResolvers<Waited>();
    const waiting: WaitingCall = {
      account,
      call,
      takeBy: (leg) => {
        if (!this.#waiting.delete(waiting)) return false;
        over.resolve({ kind: 'answered', leg, afterMs: afterMs() });
        return true;
      },
    };
    this.#waiting.add(waiting);
    const look = () => {
      if (this.first(account) === waiting && this.#lamps.isFree(account)) over.resolve({ kind: 'free' });
    };
    const off = this.#lamps.on('changed', (changed) => changed === account && look());
    const timer = this.#clock.after(ringForMs, () => over.resolve({ kind: 'unanswered', afterMs: afterMs() }));
    const onAbort = () => over.resolve({ kind: 'cancelled' });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    look();
    const waited = await over.promise;
    this.#waiting.delete(waiting);
    signal.removeEventListener('abort', onAbort);
    timer.cancel();
    off();
    return waited;
  }
}
