import { isSilentFrame } from './transmitter.ts';

export const RECEIVE_LIMITS = {
  /** Speech from the air that waits to be passed on; more is cut off at the old end. */
  queueMs: 1000,
  /** When more than this waits, pauses between words are shortened until the delay is gone. */
  backlogMs: 60,
} as const;

const FRAME_MS = 20;

/**
 * What comes from the air and when it is passed on: pure, a frame of 20 ms a step. One frame leaves in each step, speech or
 * nothing, so that packets which come late and at once neither stretch the stream nor push one another out of it.
 */
export class Receiver {
  dropped = 0;
  readonly #queue: Uint8Array[] = [];

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** A frame of A-law from the air. */
  hear(alaw: Uint8Array): void {
    this.#queue.push(alaw);
    if (this.#queue.length * FRAME_MS <= RECEIVE_LIMITS.queueMs) return;
    this.#queue.shift();
    this.dropped += 1;
  }

  /** Called every 20 ms; undefined: nothing is there. */
  step(): Uint8Array | undefined {
    const [first, second] = this.#queue;
    const isBehind = this.#queue.length * FRAME_MS > RECEIVE_LIMITS.backlogMs;
    if (isBehind && first && second && isSilentFrame(first) && isSilentFrame(second)) this.#queue.shift();
    return this.#queue.shift();
  }
}
