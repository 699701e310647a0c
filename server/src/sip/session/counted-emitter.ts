import { Emitter } from '#kernel/emitter.ts';

/** An emitter that knows whether anyone listens: a request that nobody would hear must be refused, not left hanging. */
export class CountedEmitter<Events extends Record<string, unknown[]>> extends Emitter<Events> {
  readonly #counts = new Map<keyof Events, number>();

  override on<Name extends keyof Events>(event: Name, listener: (...args: Events[Name]) => void): () => void {
    const off = super.on(event, listener);
    this.#counts.set(event, (this.#counts.get(event) ?? 0) + 1);
    let isOn = true;
    return () => {
      if (isOn) this.#counts.set(event, this.#counts.get(event)! - 1);
      isOn = false;
      off();
    };
  }

  protected isHeard(event: keyof Events): boolean {
    return (this.#counts.get(event) ?? 0) > 0;
  }
}
