import type { Clock, Timer } from '#kernel/clock.ts';
import type { Call } from './call-list.ts';
import type { Leg, Party } from './leg.ts';

/** A call that waits in a slot. */
export interface ParkedCall {
  slot: string;
  call: Call;
  /** The party that waits. */
  waiting: Leg;
  /** The leg of whoever has parked it, hung up since. */
  leaving: Leg;
  by: Party;
  /** Until the parker is called again. */
  timer?: Timer;
  /** Aborted when the call has left the slot. */
  left: AbortController;
}

/** Which call waits in which slot. */
export class ParkedCalls {
  readonly #slots = new Map<string, ParkedCall>();

  /** Takes a slot: the one that is asked for, or the first free. undefined when it, or every one, is taken. */
  take(
    facts: Omit<ParkedCall, 'slot' | 'timer' | 'left'>,
    slots: readonly string[],
    wanted?: string,
  ): ParkedCall | undefined {
    const free = slots.filter((slot) => !this.#slots.has(slot));
    const slot = wanted === undefined ? free[0] : free.find((each) => each === wanted);
    if (slot === undefined) return undefined;
    const parked = { slot, ...facts, left: new AbortController() };
    this.#slots.set(slot, parked);
    return parked;
  }

  in(slot: string): ParkedCall | undefined {
    return this.#slots.get(slot);
  }

  of(call: Call): ParkedCall | undefined {
    return [...this.#slots.values()].find((parked) => parked.call === call);
  }

  /** What this account has parked last. */
  lastBy(account: string): ParkedCall | undefined {
    return [...this.#slots.values()].filter(({ by }) => by.account === account).at(-1);
  }

  /** Frees a slot. False when somebody else has had it meanwhile. */
  leave(parked: ParkedCall): boolean {
    if (this.#slots.get(parked.slot) !== parked) return false;
    parked.timer?.cancel();
    parked.left.abort('answered-elsewhere');
    return this.#slots.delete(parked.slot);
  }

  /** Sets what happens after a time of waiting. */
  after(parked: ParkedCall, clock: Clock, delayMs: number, then: () => void): void {
    parked.timer?.cancel();
    parked.timer = clock.after(delayMs, then);
  }
}
