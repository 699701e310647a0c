/** What an emitter of these events offers to listeners. `Events` maps each event's name to the arguments of its listeners. */
export interface Listenable<Events extends Record<string, unknown[]>> {
  /** Calls `listener` at every such event until the returned function is called. */
  on<Name extends keyof Events>(event: Name, listener: (...args: Events[Name]) => void): () => void;
  /** Calls `listener` at the next such event only. */
  once<Name extends keyof Events>(event: Name, listener: (...args: Events[Name]) => void): () => void;
}

/** A typed emitter. A listener that throws does not keep the others from hearing; its error is handed to `onError`. */
export class Emitter<Events extends Record<string, unknown[]>> implements Listenable<Events> {
  // Functions of different arguments, kept apart by their event's name.
  readonly #listeners = new Map<keyof Events, Set<unknown>>();
  readonly #onError: (error: unknown, event: keyof Events) => void;

  constructor(onError: (error: unknown, event: keyof Events) => void = reportLater) {
    this.#onError = onError;
  }

  on<Name extends keyof Events>(event: Name, listener: (...args: Events[Name]) => void): () => void {
    const set = this.#listeners.get(event) ?? new Set<unknown>();
    this.#listeners.set(event, set);
    set.add(listener);
    return () => set.delete(listener);
  }

  once<Name extends keyof Events>(event: Name, listener: (...args: Events[Name]) => void): () => void {
    const off = this.on(event, (...args) => {
      off();
      listener(...args);
    });
    return off;
  }

  emit<Name extends keyof Events>(event: Name, ...args: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        (listener as (...args: Events[Name]) => void)(...args);
      } catch (error) {
        this.#onError(error, event);
      }
    }
  }
}

/** A listener's bug surfaces as an uncaught exception of its own, never inside the emitting code. */
function reportLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
