/** G.711 A-law and µ-law, 8 kHz, one channel: what the media engine speaks everywhere. */
export type G711Codec = 'pcma' | 'pcmu';

/** What it speaks by plain RTP: G.722 and Opus (both at 16 kHz) too, where they are asked for. */
export type PlainCodec = G711Codec | 'g722' | 'opus';

/** What a browser phone speaks: every browser knows all three (RFC 7874 §3). */
export type BrowserCodec = G711Codec | 'opus';

/** A line of an m-section's codec list; `payloadType` 0-127, `clockRate` in Hz. */
export interface DescribedCodec {
  /** Lower case: pcma, pcmu, g722, opus, telephone-event … */
  name: string;
  payloadType: number;
  clockRate: number;
  channels: number;
  /** The fmtp line as it stands. */
  parameters?: string;
}

/** Static payload types that may stand in an m-line without an rtpmap (RFC 3551 §6, table 4; those for audio that phones still send). */
export const STATIC_PAYLOAD_TYPES: ReadonlyMap<number, Omit<DescribedCodec, 'payloadType'>> = new Map([
  [0, { name: 'pcmu', clockRate: 8000, channels: 1 }],
  [3, { name: 'gsm', clockRate: 8000, channels: 1 }],
  [4, { name: 'g723', clockRate: 8000, channels: 1 }],
  [8, { name: 'pcma', clockRate: 8000, channels: 1 }],
  // G.722 samples at 16 kHz; its RTP clock of 8 kHz is an old mistake kept for ever (RFC 3551 §4.5.2).
  [9, { name: 'g722', clockRate: 8000, channels: 1 }],
  [13, { name: 'cn', clockRate: 8000, channels: 1 }],
  [18, { name: 'g729', clockRate: 8000, channels: 1 }],
]);

/** Payload types and rtpmap names of what we write ourselves. */
export const OUR_CODECS: Record<PlainCodec, { payloadType: number; rtpmap: string; fmtp?: string }> = {
  pcma: { payloadType: 8, rtpmap: 'PCMA/8000' },
  pcmu: { payloadType: 0, rtpmap: 'PCMU/8000' },
  g722: { payloadType: 9, rtpmap: 'G722/8000' },
  // Always 48000/2, whatever is carried (RFC 7587 §7); we take what the packets repeat of lost ones.
  opus: { payloadType: 96, rtpmap: 'opus/48000/2', fmtp: 'useinbandfec=1' },
};

/** The payload type we propose for telephone-event when nothing else was agreed before. */
export const TELEPHONE_EVENT_PAYLOAD_TYPE = 101;

/** The same beside Opus, whose clock it shares (RFC 4733 §2.1). */
export const FAST_TELEPHONE_EVENT_PAYLOAD_TYPE = 102;

/** Comfort noise beside codecs whose clock is 8 kHz (RFC 3389 §4): its static payload type. */
export const COMFORT_NOISE_PAYLOAD_TYPE = 13;

/** The clock that a codec's telephone-events count in. */
export const eventClockRate = (codec: PlainCodec): number => (codec === 'opus' ? 48_000 : 8000);

/** The events we take: digits 0-9, *, #, A-D and flash (RFC 4733 §3.2). */
export const TELEPHONE_EVENTS = '0-16';

/** Is this G.711 as the media engine speaks it? */
export const isG711 = (codec: DescribedCodec): codec is DescribedCodec & { name: G711Codec } =>
  (codec.name === 'pcma' || codec.name === 'pcmu') && codec.clockRate === 8000 && codec.channels === 1;

/** Is this a codec that a browser phone's leg can have? */
export const isBrowserCodec = (codec: DescribedCodec): codec is DescribedCodec & { name: BrowserCodec } =>
  isG711(codec) || (codec.name === 'opus' && codec.clockRate === 48_000);

/** Is this a codec that the media engine speaks by plain RTP? Some phones write the true rate of G.722 (16000). */
export const isPlain = (codec: DescribedCodec): codec is DescribedCodec & { name: PlainCodec } =>
  isG711(codec) ||
  (codec.name === 'g722' && codec.channels === 1) ||
  (codec.name === 'opus' && codec.clockRate === 48_000);
