/** Speech comes out about as loud as this, dB below full scale (rms). */
const TARGET_DB = -20;
/** By so much it is raised or lowered at most: who is far from his microphone is helped, noise is not made speech. */
const MOST_DB = 12;
/** What is quieter is no speech, and changes nothing. */
const SPEECH_ABOVE_DB = -48;
/** The level is that of about the last 0.4 s of speech. */
const MEMORY = 0.95;
/** Change per frame of 20 ms: down fast (15 dB a second), up slowly (3 dB a second), so that pauses do not pump. */
const STEP_DB = { down: 0.3, up: 0.06 } as const;

/** Brings the voices of a conference to one level, each by its own slow gain. */
export class AutomaticLevel {
  #power = NaN;
  #gainDb = 0;

  /** What is applied now, dB. */
  get gainDb(): number {
    return this.#gainDb;
  }

  /** Judges a frame and applies the gain to it in place, gliding from that of the frame before. */
  apply(frame: Int16Array): void {
    const from = 10 ** (this.#gainDb / 20);
    this.#follow(frame);
    const to = 10 ** (this.#gainDb / 20);
    if (from === 1 && to === 1) return;
    const step = (to - from) / frame.length;
    for (let i = 0; i < frame.length; i += 1) {
      const value = Math.round(frame[i]! * (from + step * i));
      frame[i] = value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : value;
    }
  }

  #follow(frame: Int16Array): void {
    let energy = 0;
    for (let i = 0; i < frame.length; i += 1) energy += frame[i]! * frame[i]!;
    const power = energy / frame.length / 32_768 ** 2;
    if (power < 10 ** (SPEECH_ABOVE_DB / 10)) return;
    this.#power = Number.isNaN(this.#power) ? power : this.#power * MEMORY + power * (1 - MEMORY);
    const wanted = Math.max(-MOST_DB, Math.min(MOST_DB, TARGET_DB - 10 * Math.log10(this.#power)));
    const change = wanted - this.#gainDb;
    this.#gainDb += Math.max(-STEP_DB.down, Math.min(STEP_DB.up, change));
  }
}
