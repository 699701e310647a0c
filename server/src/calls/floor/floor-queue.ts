import type { Talker } from './talker.ts';

/** Those who wait for the floor: higher priority first, then in the order of their asking. */
export class FloorQueue {
  readonly #limit: number;
  #waiting: Talker[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get all(): readonly Talker[] {
    return this.#waiting;
  }

  /** The talker's place, 1 is next; 0 = not in the queue. */
  positionOf(id: string): number {
    return this.#waiting.findIndex((each) => each.id === id) + 1;
  }

  /** Puts someone in, or moves him up when he asks again with a higher priority. False: the queue is full. */
  put(talker: Talker): boolean {
    const known = this.#waiting.find((each) => each.id === talker.id);
    if (known && known.priority >= talker.priority) return true;
    if (!known && this.#waiting.length >= this.#limit) return false;
    this.remove(talker.id);
    const behind = this.#waiting.findIndex((each) => each.priority < talker.priority);
    this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, talker);
    return true;
  }

  remove(id: string): boolean {
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((each) => each.id !== id);
    return this.#waiting.length < before;
  }

  shift(): Talker | undefined {
    return this.#waiting.shift();
  }

  /** Everybody who waited; nobody does now. */
  empty(): Talker[] {
    return this.#waiting.splice(0);
  }
}
