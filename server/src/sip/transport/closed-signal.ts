/** The end of a connection, told once to everyone who asks. */
export class ClosedSignal {
  #listeners: Set<() => void> | undefined = new Set();

  get isClosed(): boolean {
    return this.#listeners === undefined;
  }

  onClosed(listener: () => void): () => void {
    if (this.#listeners) this.#listeners.add(listener);
    else queueMicrotask(listener);
    return () => this.#listeners?.delete(listener);
  }

  close(): void {
    const listeners = this.#listeners;
    this.#listeners = undefined;
    for (const listener of listeners ?? []) listener();
  }
}
