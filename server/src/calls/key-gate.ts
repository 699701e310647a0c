import type { Clock, Timer } from '#kernel/clock.ts';

/** How long keys that may become a code are held back from the far end. */
const HELD_BACK_FOR_MS = 1_500;

/**
 * Holds back the keys of a talking leg as long as they may become one of the codes: a code that is complete is told and
 * never heard by the far end, anything else is let through in order, at most 1.5 s late.
 */
export class KeyGate<Meaning> {
  readonly #codes: ReadonlyMap<string, Meaning>;
  readonly #clock: Clock;
  readonly #onCode: (meaning: Meaning) => void;
  readonly #letThrough: (keys: string) => void;
  #held = '';
  #timer?: Timer;

  constructor(options: {
    codes: ReadonlyMap<string, Meaning>;
    clock: Clock;
    onCode(meaning: Meaning): void;
    letThrough(keys: string): void;
  }) {
    this.#codes = options.codes;
    this.#clock = options.clock;
    this.#onCode = options.onCode;
    this.#letThrough = options.letThrough;
  }

  press(key: string): void {
    this.#timer?.cancel();
    this.#held += key;
    this.#look();
    // A code that is the beginning of a longer one counts when nothing follows it.
    if (this.#held !== '') this.#timer = this.#clock.after(HELD_BACK_FOR_MS, () => this.#giveUpWaiting());
  }

  #look(): void {
    while (this.#held !== '' && !this.#mayGoOn(this.#held)) {
      if (this.#take(this.#held)) return;
      this.#passFirst();
    }
  }

  #giveUpWaiting(): void {
    if (this.#take(this.#held)) return;
    while (this.#held !== '') this.#passFirst();
  }

  #take(keys: string): boolean {
    const meaning = this.#codes.get(keys);
    if (meaning === undefined) return false;
    this.#held = '';
    this.#onCode(meaning);
    return true;
  }

  #passFirst(): void {
    const first = this.#held[0]!;
    this.#held = this.#held.slice(1);
    this.#letThrough(first);
  }

  #mayGoOn(keys: string): boolean {
    return [...this.#codes.keys()].some((code) => code.length > keys.length && code.startsWith(keys));
  }
}
