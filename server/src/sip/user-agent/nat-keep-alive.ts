import type { Clock, Timer } from '#kernel/clock.ts';
import type { Binding } from '../registrar/binding.ts';

/** NATs forget a UDP mapping after 30 s of silence at the earliest that is met (RFC 5626 §4.4.2 has 24 to 29 s). */
const EACH_EVERY_MS = 25_000;
const LOOK_EVERY_MS = 1000;

/**
 * Keeps the way to phones behind NATs open: each is asked by OPTIONS every 25 s, spread evenly over that time. What they
 * answer does not matter; that something came from our address does.
 */
export class NatKeepAlive implements Disposable {
  readonly #bindings: () => Iterable<Binding>;
  readonly #ask: (binding: Binding) => void;
  readonly #timer: Timer;
  #round: Binding[] = [];
  #left = 0;

  constructor(options: {
    clock: Clock;
    /** Those behind a NAT now. */
    bindings: () => Iterable<Binding>;
    ask: (binding: Binding) => void;
  }) {
    this.#bindings = options.bindings;
    this.#ask = options.ask;
    this.#timer = options.clock.every(LOOK_EVERY_MS, () => this.#look());
  }

  [Symbol.dispose](): void {
    this.#timer.cancel();
  }

  #look(): void {
    if (this.#left === 0) {
      this.#round = [...this.#bindings()];
      this.#left = EACH_EVERY_MS / LOOK_EVERY_MS;
    }
    const share = Math.ceil(this.#round.length / this.#left);
    this.#left -= 1;
    for (const binding of this.#round.splice(0, share)) this.#ask(binding);
  }
}
