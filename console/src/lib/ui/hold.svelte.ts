/**
 * Press and hold: fires once after `forMs`; release before that cancels at once and silently. The bar that fills is
 * information, so it fills under reduced motion too.
 */
export class Hold {
  /** 0-1 while held; 0 otherwise. */
  progress = $state(0);
  isHeld = $state(false);
  readonly forMs: number;
  readonly #fire: () => void;
  #frame = 0;
  #since = 0;

  constructor(forMs: number, fire: () => void) {
    this.forMs = forMs;
    this.#fire = fire;
  }

  get leftMs(): number {
    return this.forMs * (1 - this.progress);
  }

  start(): void {
    if (this.isHeld) return;
    this.isHeld = true;
    this.#since = performance.now();
    this.#frame = requestAnimationFrame(this.#step);
  }

  cancel(): void {
    cancelAnimationFrame(this.#frame);
    this.isHeld = false;
    this.progress = 0;
  }

  readonly #step = (now: number): void => {
    this.progress = Math.min(1, Math.max(0, (now - this.#since) / this.forMs));
    if (this.progress < 1) {
      this.#frame = requestAnimationFrame(this.#step);
      return;
    }
    this.cancel();
    this.#fire();
  };
}
