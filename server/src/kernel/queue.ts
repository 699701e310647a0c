/** A first-in first-out queue with a limit; what to do when it is full is the caller's decision, and it must take one. */
export class BoundedQueue<Item> {
  #items: Item[] = [];
  #head = 0;
  readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: Item): { kind: 'queued' } | { kind: 'full' } {
    if (this.length >= this.limit) return { kind: 'full' };
    this.#items.push(item);
    return { kind: 'queued' };
  }

  shift(): Item | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#head += 1;
    // Cutting off the used head only now and then keeps shift at constant cost.
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
