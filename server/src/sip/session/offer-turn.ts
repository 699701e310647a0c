/**
 * Whose offer is open in a dialog: at most one at a time (RFC 3264 §4, RFC 3261 §14). Ours waits for its turn; the
 * peer's is refused by whoever asks here.
 */
export class OfferTurn {
  #holder: 'ours' | 'theirs' | undefined;
  #waiting: (() => void)[] = [];

  get holder(): 'ours' | 'theirs' | undefined {
    return this.#holder;
  }

  /** Takes the turn for the peer; false when it is not free. */
  takeForPeer(): boolean {
    if (this.#holder) return false;
    this.#holder = 'theirs';
    return true;
  }

  /** Resolves when the turn is ours. */
  async takeForUs(): Promise<void> {
    while (this.#holder) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#holder = 'ours';
  }

  release(): void {
    this.#holder = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }
}
