/** Silence that was meant so (RFC 3389): heard as the noise of the room at the far end, not as a dead line. */

/** The loudest noise that is believed, dB below full scale: a wrong byte must not roar. */
const LOUDEST_DB = 30;
/** What we send: no quieter room is natural, none louder is wanted. dB below full scale. */
export const SENT_NOISE_DB = 65;

/** Noise of the level that the far end told, until it speaks again. */
export class ComfortNoise {
  #amplitude = 0;
  #seed = 0x2545f491;

  get isOn(): boolean {
    return this.#amplitude > 0;
  }

  /** Takes the payload of a comfort noise packet: its first byte is the level, 0-127 dB below full scale (RFC 3389 §3.1). */
  begin(level: number): void {
    const db = Math.max(LOUDEST_DB, level & 0x7f);
    // Even noise between ±a has a power of a²/3.
    this.#amplitude = 32_768 * 10 ** (-db / 20) * Math.sqrt(3);
  }

  end(): void {
    this.#amplitude = 0;
  }

  fill(frame: Int16Array): void {
    for (let i = 0; i < frame.length; i += 1) {
      // Xorshift: noise needs no more.
      let seed = this.#seed;
      seed ^= seed << 13;
      seed ^= seed >>> 17;
      seed ^= seed << 5;
      this.#seed = seed;
      frame[i] = Math.round((seed / 0x8000_0000) * this.#amplitude);
    }
  }
}
