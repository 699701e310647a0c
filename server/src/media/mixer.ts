import type { WideCodec } from './codecs/codec.ts';
import { CODE_OF, SILENCE_CODE, type G711Law } from './codecs/g711.ts';
import { Crossover, type SharedEncoding } from './crossover.ts';
import { FRAME_SAMPLES, WIDE_FRAME_SAMPLES } from './jitter-buffer.ts';

/** Below this a sum of several voices is exact; above, it bends towards full scale instead of breaking off at it. */
const KNEE = 24_576;
const HEADROOM = 32_767 - KNEE;

/** One who speaks, as the mixer sees him: his 20 ms (of 8 kHz, or of 16), and whether there is anything in them. */
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
  #narrowTalkers = 0;
  /** There from the first voice or listener of 16 kHz on. */
  crossover: Crossover | undefined;
  /** Encodings made since the beginning. */
  encodings = 0;

  get talkers(): number {
    return this.#talkers;
  }

  /** Sums this tick's audible voices. */
  sum(voices: readonly Voice[]): void {
    const total = this.#total;
    let narrow = 0;
    let wide = 0;
    for (let v = 0; v < voices.length; v += 1) {
      const voice = voices[v]!;
      if (!voice.isAudible) continue;
      const frame = voice.frame;
      if (frame.length > FRAME_SAMPLES) {
        const sum = (this.crossover ??= new Crossover()).wide;
        if (wide === 0) sum.set(frame);
        else for (let i = 0; i < WIDE_FRAME_SAMPLES; i += 1) sum[i]! += frame[i]!;
        wide += 1;
        continue;
      }
      if (narrow === 0) for (let i = 0; i < FRAME_SAMPLES; i += 1) total[i] = frame[i]!;
      else for (let i = 0; i < FRAME_SAMPLES; i += 1) total[i]! += frame[i]!;
      narrow += 1;
    }
    this.#talkers = narrow + wide;
    this.#narrowTalkers = narrow;
    this.#isEncoded.pcma = this.#isEncoded.pcmu = false;
    if (!this.crossover) return;
    if (narrow === 0) total.fill(0);
    this.crossover.begin();
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
      encode(this.#narrowSum(), own.frame, others, CODE_OF[law], packet, at);
      this.encodings += 1;
      return true;
    }
    const shared = this.#shared[law];
    if (!this.#isEncoded[law]) {
      encode(this.#narrowSum(), undefined, others, CODE_OF[law], shared, 0);
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
    const total = this.#narrowSum();
    for (let i = 0; i < FRAME_SAMPLES; i += 1) {
      const value = others === 0 ? 0 : total[i]! - (frame ? frame[i]! : 0);
      into[at + i * stride] = value > KNEE || value < -KNEE ? (others > 1 ? softClip(value) : hardClip(value)) : value;
    }
  }

  /** Writes what a listener of 16 kHz hears to the beginning of `into`. */
  writeWide(own: Voice | undefined, into: Int16Array): void {
    const frame = own !== undefined && own.isAudible ? own.frame : undefined;
    const others = frame ? this.#talkers - 1 : this.#talkers;
    const crossover = (this.crossover ??= this.#openCrossover());
    const total = crossover.wideSum(this.#total, this.#talkers > this.#narrowTalkers);
    for (let i = 0; i < WIDE_FRAME_SAMPLES; i += 1) {
      const value = total[i]! - (frame ? frame[i]! : 0);
      into[i] = value > KNEE || value < -KNEE ? (others > 1 ? softClip(value) : hardClip(value)) : value;
    }
  }

  /** The encoding for all listeners of 16 kHz whose own voice is not in the mix; one encoder goes on from tick to tick. */
  encodingOf(codec: WideCodec): SharedEncoding {
    const crossover = (this.crossover ??= this.#openCrossover());
    return crossover.encoding(codec, () => {
      this.encodings += 1;
      this.writeWide(undefined, SCRATCH);
      return SCRATCH;
    });
  }

  /** The first listener of 16 kHz: the sum of 8 kHz may be of an earlier tick when nobody speaks in this one. */
  #openCrossover(): Crossover {
    if (this.#narrowTalkers === 0) this.#total.fill(0);
    const crossover = new Crossover();
    crossover.begin();
    return crossover;
  }

  #narrowSum(): Int32Array {
    return this.crossover?.narrowSum(this.#total, this.#talkers > this.#narrowTalkers) ?? this.#total;
  }
}

const SCRATCH = new Int16Array(WIDE_FRAME_SAMPLES);

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
