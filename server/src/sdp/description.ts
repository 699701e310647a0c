import { parse, type MediaDescription, type SessionDescription } from 'sdp-transform';
import { STATIC_PAYLOAD_TYPES, type DescribedCodec } from './codec.ts';
import { readCrypto, type CryptoLine } from './crypto.ts';
import { directionOf, receives, sends, type Direction } from './direction.ts';

/** Named limits of a description from outside; one that is larger is refused as malformed. */
export const DESCRIPTION_LIMITS = { characters: 65_536, mediaLines: 32, codecsPerLine: 64, candidates: 64 } as const;

/** A session description as far as we read it. */
export interface Description {
  /** From the o-line: the same session has the same id; each change has version + 1 (RFC 3264 §8). */
  sessionId: string;
  version: number;
  /** Every m-line in its order, refused ones (port 0) too: an answer must have one for each (RFC 3264 §6). */
  media: MediaSection[];
  /** The first audio line that is not refused: a plain one where there is one, else a secure one. */
  audio?: MediaSection;
}

/** One m-line and what stands below it; media-level attributes beat the session's. */
export interface MediaSection {
  /** Place among the m-lines, from 0. */
  index: number;
  type: string;
  /** Where the writer wants to receive. `0.0.0.0` is the old way to say hold (RFC 2543). */
  host: string;
  port: number;
  rtcpPort: number;
  protocol: string;
  /** The formats of the m-line, as they stand. */
  formats: string;
  /** In the writer's order of preference; without telephone-event. */
  codecs: DescribedCodec[];
  /** Every telephone-event of the list; a browser offers one for each clock rate. */
  telephoneEvents: DescribedCodec[];
  direction: Direction;
  ptimeMs?: number;
  maxPtimeMs?: number;
  /** RTP/SAVP, RTP/SAVPF or DTLS: keys are needed before anything can be heard. */
  isSecure: boolean;
  /** Keys by SDES that we can work with. A phone that would like SRTP and can do without writes them below RTP/AVP. */
  crypto: CryptoLine[];
  hasRtcpMux: boolean;
  mid?: string;
  ice?: { ufrag: string; pwd: string };
  fingerprint?: { algorithm: string; value: string };
  setup?: string;
  /** The first a=ssrc line with a cname. */
  ssrc?: { id: number; cname: string };
}

/** The text is not a session description that can be worked with; the message says why in words. */
export class BadDescription extends Error {
  override readonly name = 'BadDescription';
}

/** Reads a session description (RFC 8866). Throws `BadDescription`. */
export function readDescription(text: string): Description {
  if (text.length > DESCRIPTION_LIMITS.characters) throw new BadDescription('the description is too long');
  if (!/^v=0\s*$/m.test(text)) throw new BadDescription('there is no line v=0');
  const session = parse(text);
  if (session.media.length > DESCRIPTION_LIMITS.mediaLines) throw new BadDescription('there are too many m-lines');
  const media = session.media.map((line, index) => readSection(session, line, index));
  const alive = media.filter(({ type, port }) => type === 'audio' && port !== 0);
  return {
    sessionId: String(session.origin?.sessionId ?? '0'),
    version: Number(session.origin?.sessionVersion ?? 0),
    media,
    audio: alive.find(({ isSecure }) => !isSecure) ?? alive[0],
  };
}

/** Was this written by a browser? Then it wants ICE and DTLS-SRTP and goes to the media worker, not to the engine. */
export function isWebRtc(text: string): boolean {
  return /^m=audio \S+ UDP\/TLS\/RTP\/SAVPF?\b/m.test(text) && /^a=ice-ufrag:/m.test(text);
}

function readSection(session: SessionDescription, line: MediaDescription, index: number): MediaSection {
  if (typeof line.type !== 'string' || typeof line.port !== 'number' || !line.protocol)
    throw new BadDescription(`the m-line at place ${index} cannot be read`);
  const host = line.connection?.ip ?? session.connection?.ip;
  if (line.port !== 0 && host === undefined) throw new BadDescription(`the m-line at place ${index} has no c-line`);
  if (line.port > 65_535) throw new BadDescription(`the m-line at place ${index} has port ${line.port}`);
  const all = readCodecs(line);
  const ufrag = line.iceUfrag ?? session.iceUfrag;
  const pwd = line.icePwd ?? session.icePwd;
  const fingerprint = line.fingerprint ?? session.fingerprint;
  const hasRtcpMux = line.rtcpMux !== undefined;
  return {
    index,
    type: line.type,
    host: String(host ?? '0.0.0.0').split('/')[0] ?? '0.0.0.0',
    port: line.port,
    rtcpPort: hasRtcpMux ? line.port : (line.rtcp?.port ?? line.port + 1),
    protocol: line.protocol,
    formats: String(line.payloads ?? ''),
    codecs: all.filter(({ name }) => name !== 'telephone-event'),
    telephoneEvents: all.filter(({ name }) => name === 'telephone-event'),
    direction: readDirection(line.direction ?? session.direction ?? 'sendrecv', ufrag === undefined ? host : undefined),
    ptimeMs: positive(line.ptime),
    maxPtimeMs: positive(line.maxptime),
    isSecure: /SAVP/.test(line.protocol),
    crypto: readCrypto(line),
    hasRtcpMux,
    mid: line.mid === undefined ? undefined : String(line.mid),
    // The parser turns a value of digits into a number, so everything that is a word is made one again.
    ice: ufrag === undefined || pwd === undefined ? undefined : { ufrag: String(ufrag), pwd: String(pwd) },
    fingerprint: fingerprint && { algorithm: fingerprint.type.toLowerCase(), value: fingerprint.hash.toUpperCase() },
    setup: line.setup ?? session.setup,
    ssrc: readSsrc(line),
  };
}

/**
 * A c-line of 0.0.0.0 means "send me nothing" whatever the direction says (RFC 3264 §8.4). With ICE it only means that no
 * candidate has been gathered yet: a browser writes it after an ICE restart (RFC 8839 §4.3.1).
 */
function readDirection(declared: Direction, host: string | undefined): Direction {
  return host === '0.0.0.0' && receives(declared) ? directionOf(sends(declared), false) : declared;
}

function readCodecs(line: MediaDescription): DescribedCodec[] {
  const payloadTypes = String(line.payloads ?? '').split(/\s+/);
  if (payloadTypes.length > DESCRIPTION_LIMITS.codecsPerLine)
    throw new BadDescription('an m-line has too many formats');
  return payloadTypes.flatMap((format) => {
    if (!/^\d{1,3}$/.test(format)) return [];
    const payloadType = Number(format);
    if (payloadType > 127) return [];
    const map = line.rtp.find(({ payload }) => payload === payloadType);
    const parameters = line.fmtp.find(({ payload }) => payload === payloadType)?.config;
    if (!map) {
      const known = STATIC_PAYLOAD_TYPES.get(payloadType);
      return known ? [{ ...known, payloadType, parameters }] : [];
    }
    const name = String(map.codec).toLowerCase();
    return [{ name, payloadType, clockRate: map.rate ?? 8000, channels: Number(map.encoding ?? 1), parameters }];
  });
}

function readSsrc(line: MediaDescription): MediaSection['ssrc'] {
  const first = line.ssrcs?.[0];
  if (!first || !(Number(first.id) <= 0xffff_ffff)) return undefined;
  const cname = line.ssrcs?.find(({ id, attribute }) => id === first.id && attribute === 'cname')?.value;
  return { id: Number(first.id), cname: String(cname ?? first.id) };
}

const positive = (value: unknown): number | undefined =>
  typeof value === 'number' && value > 0 && value <= 1000 ? value : undefined;
