import { isWide, openEncoder, type AudioCodec, type WideEncoder } from '../codecs/codec.ts';
import { CODE_OF, SILENCE_CODE, type G711Law } from '../codecs/g711.ts';
import { HalfBandDown } from '../half-band.ts';
import { FRAME_SAMPLES, WIDE_FRAME_SAMPLES } from '../jitter-buffer.ts';
import type { Mix, Voice } from '../mixer.ts';

/**
 * So many frames after a leg's last sound it goes back to the shared encoding: in that time its own encoder, fed the same
 * sound, has come to where the shared one is, and its far end does not notice the change.
 */
const OWN_ENCODER_FOR_FRAMES = 25;

/** Encodes what a leg hears whose own voice is of 16 kHz: to a codec of 16 kHz, or to G.711 where it sends that. */
export class WideEncoding {
  readonly #codec: AudioCodec;
  readonly #encoder: WideEncoder | undefined;
  readonly #frame = new Int16Array(WIDE_FRAME_SAMPLES);
  readonly #narrow = new Int16Array(FRAME_SAMPLES);
  readonly #down = new HalfBandDown();
  #ownFramesLeft = 0;

  constructor(codec: AudioCodec) {
    this.#codec = codec;
    this.#encoder = isWide(codec) ? openEncoder(codec) : undefined;
  }

  /** Shared with all who hear the same, or apart while one's own voice is left out. @returns bytes written */
  encode(mix: Mix | undefined, own: Voice | undefined, into: Uint8Array, at: number): number {
    const codec = this.#codec;
    if (!mix) return this.#encodeApart(undefined, own, into, at);
    if (own?.isAudible) {
      if (this.#ownFramesLeft === 0 && isWide(codec)) this.#encoder!.copyFrom(mix.encodingOf(codec).encoder);
      this.#ownFramesLeft = OWN_ENCODER_FOR_FRAMES;
    }
    if (this.#ownFramesLeft > 0) {
      this.#ownFramesLeft -= 1;
      return this.#encodeApart(mix, own, into, at);
    }
    if (!isWide(codec)) {
      mix.encodeFor(undefined, codec, into, at);
      return FRAME_SAMPLES;
    }
    const { bytes, length } = mix.encodingOf(codec);
    for (let i = 0; i < length; i += 1) into[at + i] = bytes[i]!;
    return length;
  }

  #encodeApart(mix: Mix | undefined, own: Voice | undefined, into: Uint8Array, at: number): number {
    if (mix) mix.writeWide(own, this.#frame);
    else this.#frame.fill(0);
    if (this.#encoder) return this.#encoder.encode(this.#frame, into, at);
    const law = this.#codec as G711Law;
    if (!mix) into.fill(SILENCE_CODE[law], at, at + FRAME_SAMPLES);
    else {
      this.#down.process(this.#frame, this.#narrow);
      for (let i = 0; i < FRAME_SAMPLES; i += 1) into[at + i] = CODE_OF[law][this.#narrow[i]! & 0xffff]!;
    }
    return FRAME_SAMPLES;
  }
}
