/** Which zones hear an announcement now, which may still, and which no longer will. */
export class Audience {
  readonly #open: Set<string>;
  readonly #hearing = new Set<string>();
  readonly #asked = new Set<string>();
  #someone = Promise.withResolvers<void>();
  #settled = Promise.withResolvers<void>();
  #silence = new AbortController();

  constructor(zones: readonly string[]) {
    this.#open = new Set(zones);
  }

  /** Nobody hears it, and nobody will. */
  get isOver(): boolean {
    return this.#open.size === 0;
  }

  /** Resolves when somebody hears it, or when nobody will any more. */
  someone(): Promise<void> {
    return this.#someone.promise;
  }

  /** Resolves when every zone hears it, waits for its turn, or is out of reach. */
  settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** Aborted when the last who hears it does not any more. */
  silence(): AbortSignal {
    return this.#silence.signal;
  }

  gain(zone: string): void {
    if (!this.#open.has(zone)) return;
    if (this.#hearing.size === 0) this.#silence = new AbortController();
    this.#hearing.add(zone);
    this.#note(zone);
    this.#someone.resolve();
  }

  /** Interrupted there for now. */
  lose(zone: string): void {
    this.#note(zone);
    if (!this.#hearing.delete(zone) || this.#hearing.size > 0) return;
    this.#someone = Promise.withResolvers();
    this.#silence.abort();
  }

  /** Over there for good. */
  leave(zone: string): void {
    this.#open.delete(zone);
    this.lose(zone);
    if (this.isOver) {
      this.#someone.resolve();
      this.#settled.resolve();
    }
  }

  #note(zone: string) {
    this.#asked.add(zone);
    if ([...this.#open].every((each) => this.#asked.has(each))) this.#settled.resolve();
  }
}
