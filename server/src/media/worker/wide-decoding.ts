import { isWide, openDecoder, type AudioCodec, type WideCodec, type WideDecoder } from '../codecs/codec.ts';
import { LINEAR_OF } from '../codecs/g711.ts';
import { HalfBandUp } from '../half-band.ts';
import { FRAME_SAMPLES, WIDE_FRAME_SAMPLES } from '../jitter-buffer.ts';

/** Sound of the longest packet that is taken (120 ms). */
const LONGEST_PACKET_SAMPLES = 1920;
/** G.722 holds two samples in a byte. An Opus packet of more (384 kbit/s) is cut, and so refused. */
const LONGEST_PACKET_BYTES = 960;

/** Who is further behind than this has started over, and is not late (RFC 3550 appendix A.1: MAX_MISORDER). */
const LATEST_PACKETS = 100;

/** What a leg of 16 kHz receives: its decoders, one for each codec that came, and the places of packets in time. */
export class WideDecoding {
  /** Where `decode` puts its samples. */
  readonly decoded = new Int16Array(LONGEST_PACKET_SAMPLES);
  readonly #narrow = new Int16Array(FRAME_SAMPLES);
  readonly #decoders = new Map<WideCodec, WideDecoder>();
  #codec: AudioCodec;
  #up: HalfBandUp | undefined;
  /** Of the packet decoded last: its sequence number, and its time without wrapping, in RTP's clock. */
  #sequence = -1;
  #time = 0;

  constructor(codec: AudioCodec) {
    this.#codec = codec;
  }

  /** From now on packets are of this codec. */
  hear(codec: AudioCodec): void {
    this.#codec = codec;
    this.#sequence = -1;
  }

  /** A new stream begins. */
  forgetSource(): void {
    this.#decoders.clear();
    this.#up = undefined;
    this.#sequence = -1;
  }

  /** The place of an RTP time among the samples. A clock of 48 kHz needs unwrapping: 2^32 is no multiple of three. */
  sampleTime(timestamp: number): number {
    if (this.#codec !== 'opus') return Math.imul(timestamp, 2) >>> 0;
    const time = this.#time + ((timestamp - (this.#time >>> 0)) | 0);
    return Math.round(time / 3) >>> 0;
  }

  /**
   * To be called with every packet before it is decoded.
   * @returns the samples in `decoded` that stand in for one lost just before it; -1 when it comes after one that was
   * played past it and is of no use any more
   */
  follow(packet: Uint8Array, start: number, end: number, sequence: number, timestamp: number): number {
    const decoder = isWide(this.#codec) ? this.#decoderOf(this.#codec) : undefined;
    if (!decoder?.recover) return 0;
    const ahead = (sequence - this.#sequence) & 0xffff;
    const hasRestarted = ahead > 0x8000 && ahead < 0x10000 - LATEST_PACKETS;
    const isFirst = this.#sequence < 0 || hasRestarted;
    if (!isFirst && (ahead === 0 || ahead > 0x8000)) return -1;
    this.#time = isFirst ? timestamp : this.#time + ((timestamp - (this.#time >>> 0)) | 0);
    this.#sequence = sequence;
    return !isFirst && ahead > 1 && ahead < 50 ? decoder.recover(packet, start, end, this.decoded) : 0;
  }

  /**
   * Decodes a packet in the order of arrival: what overtakes or is lost costs a moment of inexact prediction, no more.
   * G.711 is taken too, for phones that send it whatever was agreed. @returns samples of 16 kHz in `decoded`
   */
  decode(packet: Uint8Array, start: number, end: number, codec: AudioCodec): number {
    if (isWide(codec))
      return this.#decoderOf(codec).decode(packet, start, Math.min(end, start + LONGEST_PACKET_BYTES), this.decoded);
    this.#up ??= new HalfBandUp();
    const linear = LINEAR_OF[codec];
    const frames = Math.min(Math.floor((end - start) / FRAME_SAMPLES), LONGEST_PACKET_SAMPLES / WIDE_FRAME_SAMPLES);
    for (let frame = 0; frame < frames; frame += 1) {
      const from = start + frame * FRAME_SAMPLES;
      for (let i = 0; i < FRAME_SAMPLES; i += 1) this.#narrow[i] = linear[packet[from + i]!]!;
      this.#up.process(this.#narrow, this.decoded.subarray(frame * WIDE_FRAME_SAMPLES));
    }
    return frames * WIDE_FRAME_SAMPLES;
  }

  /** The energy of the samples decoded last, as a meter of 8 kHz counts it. */
  energy(count: number): number {
    let energy = 0;
    for (let i = 0; i < count; i += 1) energy += this.decoded[i]! ** 2;
    return energy / 2;
  }

  #decoderOf(codec: WideCodec): WideDecoder {
    let decoder = this.#decoders.get(codec);
    if (!decoder) this.#decoders.set(codec, (decoder = openDecoder(codec)));
    return decoder;
  }
}
