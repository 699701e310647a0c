/** One frame: 20 ms at 8 kHz. */
export const FRAME = 160;

/** Sound that can wait: what lies further ahead begins the stream anew. */
const LONGEST_MS = 2000;
/** A frame that is not there is made of the last one, softer and softer, for so many frames; then it is silent. */
const CONCEALED_FRAMES = 4;

/**
 * Evens out a stream that comes over a long link, in bundles and bursts: a fixed delay, because the far end is half a
 * second away in any case and a steady voice is worth more than a tenth of it. Samples lie at their RTP time; a bundle
 * that comes late but before its turn finds its place.
 */
export class LongBuffer {
  readonly counts = { concealed: 0, late: 0, restarts: 0 };
  readonly #delayFrames: number;
  readonly #frames = new Map<number, Int16Array>();
  /** RTP time of the next frame to play, in frames since the beginning; undefined: nothing is playing. */
  #play: number | undefined;
  #first = 0;
  #waited = 0;
  #last: Int16Array | undefined;
  #missing = 0;

  /** `delayMs`: from arrival to play, 20 … 1000. */
  constructor(delayMs: number) {
    this.#delayFrames = Math.max(1, Math.min(50, Math.round(delayMs / 20)));
  }

  /** Takes a packet's sound; `timestamp` in samples, of any beginning, wrapping at 2^32. */
  insert(timestamp: number, samples: Int16Array): void {
    if (this.#play === undefined && this.#frames.size === 0) this.#first = timestamp;
    for (let at = 0; at + FRAME <= samples.length; at += FRAME) {
      // The difference of two 32-bit times, with its sign.
      const index = Math.round(((timestamp + at - this.#first) | 0) / FRAME);
      const next = this.#play ?? 0;
      if (index < next) {
        this.counts.late += 1;
        continue;
      }
      if ((index - next) * 20 > LONGEST_MS) return this.#begin(timestamp, samples);
      this.#frames.set(index, samples.slice(at, at + FRAME));
    }
  }

  /** The frame that is due; called every 20 ms. Undefined: nothing is there to be heard. */
  read(): Int16Array | undefined {
    if (this.#play === undefined) {
      if (this.#frames.size === 0) return undefined;
      if (++this.#waited < this.#delayFrames) return undefined;
      this.#play = 0;
    }
    const frame = this.#frames.get(this.#play);
    this.#frames.delete(this.#play);
    this.#play += 1;
    if (frame) {
      this.#missing = 0;
      this.#last = frame;
      return frame;
    }
    return this.#conceal();
  }

  #conceal(): Int16Array | undefined {
    this.#missing += 1;
    if (!this.#last || this.#missing > CONCEALED_FRAMES) {
      if (this.#frames.size === 0) this.#stop();
      return undefined;
    }
    this.counts.concealed += 1;
    const softer = this.#missing;
    return this.#last.map((sample) => sample >> softer);
  }

  /** The talk spurt is over; the next packet begins a new one. */
  #stop(): void {
    this.#play = undefined;
    this.#waited = 0;
    this.#last = undefined;
    this.#missing = 0;
  }

  #begin(timestamp: number, samples: Int16Array): void {
    this.counts.restarts += 1;
    this.#frames.clear();
    this.#stop();
    this.insert(timestamp, samples);
  }
}
