import { WIDE_FRAME_SAMPLES } from '../jitter-buffer.ts';

/** Frames that fit between writer and reader. */
const SLOTS = 8;
/** The reader begins when so many wait, so that ticks of two threads may drift by one; beyond the second it skips. */
const DEPTH = { start: 2, most: 4 } as const;
const SLOT_BYTES = 4 + WIDE_FRAME_SAMPLES * 2;

export const FRAME_RING_BYTES = 4 + SLOTS * SLOT_BYTES;

/** Frames of 16 kHz from one thread to another through shared memory: one writes, one reads, neither ever waits. */
export class FrameRing {
  readonly #written: Int32Array;
  readonly #peaks: Int32Array[] = [];
  readonly #frames: Int16Array[] = [];
  #read = 0;
  #isFilling = true;

  constructor(memory: SharedArrayBuffer) {
    this.#written = new Int32Array(memory, 0, 1);
    for (let slot = 0; slot < SLOTS; slot += 1) {
      const at = 4 + slot * SLOT_BYTES;
      this.#peaks.push(new Int32Array(memory, at, 1));
      this.#frames.push(new Int16Array(memory, at + 4, WIDE_FRAME_SAMPLES));
    }
  }

  /** The place of the next frame, to be filled and then handed over by `push`. */
  get next(): Int16Array {
    return this.#frames[this.#written[0]! % SLOTS]!;
  }

  /** @param peak of the frame; 0: it is silent, and need not be filled */
  push(peak: number): void {
    this.#peaks[this.#written[0]! % SLOTS]![0] = peak;
    // The count goes round after 497 days of talk.
    Atomics.store(this.#written, 0, (this.#written[0]! + 1) & 0x7fff_ffff);
  }

  /** Copies the next frame. @returns its peak; 0 when it is silent or not there yet */
  pull(into: Int16Array): number {
    const waiting = (Atomics.load(this.#written, 0) - this.#read) & 0x7fff_ffff;
    if (waiting < (this.#isFilling ? DEPTH.start : 1)) {
      this.#isFilling = true;
      return 0;
    }
    this.#isFilling = false;
    if (waiting > DEPTH.most) this.#read = (this.#read + waiting - DEPTH.start) & 0x7fff_ffff;
    const slot = this.#read % SLOTS;
    this.#read = (this.#read + 1) & 0x7fff_ffff;
    const peak = this.#peaks[slot]![0]!;
    if (peak > 0) into.set(this.#frames[slot]!);
    return peak;
  }
}
