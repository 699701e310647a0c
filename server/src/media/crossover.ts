import { openEncoder, type WideCodec, type WideEncoder } from './codecs/codec.ts';
import { HalfBandDown, HalfBandUp } from './half-band.ts';
import { FRAME_SAMPLES, WIDE_FRAME_SAMPLES } from './jitter-buffer.ts';

/** The longest code of 20 ms. */
const LONGEST_CODE = 640;

/** One encoding for all who hear the whole set. */
export interface SharedEncoding {
  readonly encoder: WideEncoder;
  readonly bytes: Uint8Array;
  length: number;
  /** The turn it was made in. */
  turn: number;
}

/**
 * Where voices of 8 and of 16 kHz meet in one mix. The two kinds are summed apart and each sum is carried over to the
 * other rate once, not each voice: so a room pays for its rates, not for its legs. What it remembers lives as long as its
 * listeners, through every change of the room.
 */
export class Crossover {
  readonly wide = new Int32Array(WIDE_FRAME_SAMPLES);
  readonly #heardNarrow = new Int32Array(FRAME_SAMPLES);
  readonly #heardWide = new Int32Array(WIDE_FRAME_SAMPLES);
  readonly #down = new HalfBandDown();
  readonly #up = new HalfBandUp();
  readonly #shared = new Map<WideCodec, SharedEncoding>();
  #turn = 0;
  #narrowTurn = 0;
  #wideTurn = 0;

  /** A new tick's sums are there. */
  begin(): void {
    this.#turn += 1;
  }

  /** What listeners of 8 kHz hear: the narrow sum and what the wide one has below 4 kHz. */
  narrowSum(narrow: Int32Array, hasWide: boolean): Int32Array {
    const heard = this.#heardNarrow;
    if (this.#narrowTurn === this.#turn) return heard;
    this.#narrowTurn = this.#turn;
    this.#down.process(hasWide ? this.wide : undefined, heard);
    for (let i = 0; i < FRAME_SAMPLES; i += 1) heard[i]! += narrow[i]!;
    return heard;
  }

  /** What listeners of 16 kHz hear. */
  wideSum(narrow: Int32Array, hasWide: boolean): Int32Array {
    const heard = this.#heardWide;
    if (this.#wideTurn === this.#turn) return heard;
    this.#wideTurn = this.#turn;
    this.#up.process(narrow, heard);
    if (hasWide) for (let i = 0; i < WIDE_FRAME_SAMPLES; i += 1) heard[i]! += this.wide[i]!;
    return heard;
  }

  /** The encoding of this tick; `fill` gives the sound when it has not been made yet. */
  encoding(codec: WideCodec, fill: () => Int16Array): SharedEncoding {
    let shared = this.#shared.get(codec);
    if (!shared) {
      shared = { encoder: openEncoder(codec), bytes: new Uint8Array(LONGEST_CODE), length: 0, turn: -1 };
      this.#shared.set(codec, shared);
    }
    if (shared.turn === this.#turn) return shared;
    shared.turn = this.#turn;
    shared.length = shared.encoder.encode(fill(), shared.bytes, 0);
    return shared;
  }
}
