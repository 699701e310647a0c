import type { G711Law } from './g711.ts';
import { G722Decoder, G722Encoder } from './g722.ts';

/** Codecs of 16 kHz that remember: each stream has an encoder and a decoder of its own. */
export type WideCodec = 'g722';
export type AudioCodec = G711Law | WideCodec;

/** Encodes 20 ms of 16 kHz at a time. */
export interface WideEncoder {
  /** @returns bytes written to `into` from `at` on */
  encode(samples: Int16Array, into: Uint8Array, at: number): number;
  /** Goes on where another of the same codec is, so that the far end's decoder does not notice the change. */
  copyFrom(other: WideEncoder): void;
}

/** Decodes packets in the order in which they come. */
export interface WideDecoder {
  /** Decodes `packet[start, end)` to the beginning of `into`. @returns samples written */
  decode(packet: Uint8Array, start: number, end: number, into: Int16Array): number;
}

export const isWide = (codec: AudioCodec): codec is WideCodec => codec === 'g722';

export const openEncoder = (_codec: WideCodec): WideEncoder => new G722Encoder();
export const openDecoder = (_codec: WideCodec): WideDecoder => new G722Decoder();
