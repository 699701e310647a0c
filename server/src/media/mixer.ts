import { CODE_OF, SILENCE_CODE, type G711Law } from './codecs/g711.ts';
import { FRAME_SAMPLES } from './jitter-buffer.ts';

/** Below this a sum of several voices is exact; above, it bends towards full scale instead of breaking off at it. */
const KNEE = 24_576;
const HEADROOM = 32_767 - KNEE;

/** One who speaks, as the mixer sees him: his 20 ms, and whether there is anything in them. */
export interface Voice {
  readonly frame: Int16Array;
  /** His own signal is in the mix in this tick. */
  isAudible: boolean;
}

const SILENCE: Record<G711Law, Uint8Array> = {
  pcma: new Uint8Array(FRAME_SAMPLES).fill(SILENCE_CODE.pcma),
  pcmu: new Uint8Array(FRAME_SAMPLES).fill(SILENCE_CODE.pcmu),
};

/**
 * The sum of a set of voices in one tick, and its encodings. Everyone who hears exactly this set shares one encoding for
 * each codec; a talker who belongs to the set hears the total minus his own signal, encoded for him alone.
 */
export class Mix {
  readonly #total = new Int32Array(FRAME_SAMPLES);
  readonly #shared: Record<G711Law, Uint8Array> = {
    pcma: new Uint8Array(FRAME_SAMPLES),
    pcmu: new Uint8Array(FRAME_SAMPLES),
  };
  readonly #isEncoded: Record<G711Law, boolean> = { pcma: false, pcmu: false };
  #talkers = 0;
  /** Encodings made since the beginning. */
  encodings = 0;

  get talkers(): number {
    return this.#talkers;
  }

  /** Sums this tick's audible voices. */
  sum(voices: readonly Voice[]): void {
    const total = this.#total;
    let talkers = 0;
    for (let v = 0; v < voices.length; v += 1) {
      const voice = voices[v]!;
      if (!voice.isAudible) continue;
      const frame = voice.frame;
      if (talkers === 0) for (let i = 0; i < FRAME_SAMPLES; i += 1) total[i] = frame[i]!;
      else for (let i = 0; i < FRAME_SAMPLES; i += 1) total[i]! += frame[i]!;
      talkers += 1;
    }
    this.#talkers = talkers;
    this.#isEncoded.pcma = this.#isEncoded.pcmu = false;
  }

  /**
   * Writes what a listener hears as 160 codes to `packet` from `at` on. `own` is his own voice when it belongs to this
   * set. @returns false when that is silence
   */
  encodeFor(own: Voice | undefined, law: G711Law, packet: Uint8Array, at: number): boolean {
    const isOwnIn = own !== undefined && own.isAudible;
    const others = isOwnIn ? this.#talkers - 1 : this.#talkers;
    if (others === 0) {
      packet.set(SILENCE[law], at);
      return false;
    }
    if (isOwnIn) {
      encode(this.#total, own.frame, others, CODE_OF[law], packet, at);
      this.encodings += 1;
      return true;
    }
    const shared = this.#shared[law];
    if (!this.#isEncoded[law]) {
      encode(this.#total, undefined, others, CODE_OF[law], shared, 0);
      this.#isEncoded[law] = true;
      this.encodings += 1;
    }
    packet.set(shared, at);
    return true;
  }

  /** Writes what a listener hears as linear samples, `stride` apart. */
  writeLinear(own: Voice | undefined, into: Int16Array, at: number, stride: number): void {
    const frame = own !== undefined && own.isAudible ? own.frame : undefined;
    const others = frame ? this.#talkers - 1 : this.#talkers;
    for (let i = 0; i < FRAME_SAMPLES; i += 1) {
      const value = others === 0 ? 0 : this.#total[i]! - (frame ? frame[i]! : 0);
      into[at + i * stride] = value > KNEE || value < -KNEE ? (others > 1 ? softClip(value) : hardClip(value)) : value;
    }
  }
}

/** Encodes the total, minus one frame if given. A single voice passes as it is; a sum is clipped softly. */
function encode(
  total: Int32Array,
  minus: Int16Array | undefined,
  voices: number,
  codes: Uint8Array,
  into: Uint8Array,
  at: number,
): void {
  const clip = voices > 1 ? softClip : hardClip;
  for (let i = 0; i < FRAME_SAMPLES; i += 1) {
    let value = minus === undefined ? total[i]! : total[i]! - minus[i]!;
    if (value > KNEE || value < -KNEE) value = clip(value);
    into[at + i] = codes[value & 0xffff]!;
  }
}

/** Leaves ±24,576 as it is and bends what is above so that no sum, however large, exceeds 16 bits. */
export function softClip(value: number): number {
  const over = (Math.abs(value) - KNEE) / HEADROOM;
  if (over <= 0) return value;
  const bent = Math.floor(KNEE + (HEADROOM * over) / (1 + over));
  return value < 0 ? -bent : bent;
}

function hardClip(value: number): number {
  return value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : value;
}
