import type { G711Law } from './g711.ts';
import { G722Decoder, G722Encoder } from './g722.ts';
import { OpusDecoder, OpusEncoder } from './opus.ts';

/** Codecs of 16 kHz that remember: each stream has an encoder and a decoder of its own. */
export type WideCodec = 'g722' | 'opus';
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
  /** Where the codec can: stands in for the frame lost just before this packet, which is to be decoded after. */
  recover?(packet: Uint8Array, start: number, end: number, into: Int16Array): number;
}

export const isWide = (codec: AudioCodec): codec is WideCodec => codec === 'g722' || codec === 'opus';

/** RTP counts Opus in 48 kHz whatever it carries (RFC 7587 §4.1), everything else here in 8: so many times the 8. */
export const clockTimes = (codec: AudioCodec): number => (codec === 'opus' ? 6 : 1);

export const openEncoder = (codec: WideCodec): WideEncoder =>
  codec === 'opus' ? new OpusEncoder() : new G722Encoder();
export const openDecoder = (codec: WideCodec): WideDecoder =>
  codec === 'opus' ? new OpusDecoder() : new G722Decoder();
