import {
  COMFORT_NOISE_PAYLOAD_TYPE,
  eventClockRate,
  FAST_TELEPHONE_EVENT_PAYLOAD_TYPE,
  isPlain,
  OUR_CODECS,
  TELEPHONE_EVENT_PAYLOAD_TYPE,
  TELEPHONE_EVENTS,
  type DescribedCodec,
  type PlainCodec,
} from './codec.ts';
import {
  answerCrypto,
  chosenCrypto,
  offeredCrypto,
  writeCrypto,
  type AgreedSrtp,
  type CryptoLine,
  type OurSrtp,
} from './crypto.ts';
import { BadDescription, readDescription, type Description, type MediaSection } from './description.ts';
import { agreedDirection, type Direction } from './direction.ts';

/** What we put into a description of plain RTP. */
export interface OurAudio {
  /** The address and the (even) port where our media engine receives; RTCP on port + 1. */
  host: string;
  port: number;
  /** The o-line's id: digits, the same for the life of the dialog. */
  sessionId: string;
  /** The o-line's version: + 1 with every description that differs from our last (RFC 3264 §8). */
  version: number;
  /** What is spoken on this leg; in an offer, in our order of preference. Default pcma, pcmu; g722 and opus only where asked for. */
  codecs?: readonly PlainCodec[];
  /** In an answer: taken where it is offered, whatever the offerer likes best, so that nothing need be transcoded. */
  like?: PlainCodec;
  /** We take silence as comfort noise (RFC 3389), and tell ours so where it is wanted. Default false. */
  comfortNoise?: boolean;
  /** SRTP by SDES; absent: off. */
  srtp?: OurSrtp;
  /** What we would like; in an answer it is cut down to what the offer allows. Default sendrecv. */
  direction?: Direction;
  /** Milliseconds of sound in a packet that we would like to get. Default 20. */
  ptimeMs?: number;
}

/** Why an offer cannot be answered, or an answer not be used. Each is a 488 on the wire. */
export type WhyRefused =
  'malformed' | 'no-audio' | 'no-common-codec' | 'secure-only' | 'not-secure' | 'refused-by-peer';

/** What both sides hold to from now on; the words are those of the media engine's `configure`. */
export interface AgreedAudio {
  kind: 'agreed';
  codec: PlainCodec;
  payloadType: number;
  telephoneEventPayloadType?: number;
  /** What the other side may send: the formats of our description by its numbers, which in an answer may differ (RFC 3264 §5.1). */
  accepts: { payloadType: number; codec: PlainCodec }[];
  acceptsEvents: { payloadType: number; clockRate: number }[];
  /** Where the other side takes comfort noise. */
  comfortNoisePayloadType?: number;
  /** Present when the sound is secured. */
  srtp?: AgreedSrtp;
  /** Where the other side receives RTP. Host 0.0.0.0 when it wants nothing (old hold). */
  remote: { host: string; port: number };
  remoteRtcpPort: number;
  /** Ours. */
  direction: Direction;
  /** As they declared it: sendonly or inactive is their hold. */
  theirDirection: Direction;
  /** Milliseconds in each packet that we send: their wish where it is one the engine can cut, else 20. */
  ptimeMs: number;
}

export type AgreedAnswer = AgreedAudio & { answer: string };
export interface Refused {
  kind: 'refused';
  why: WhyRefused;
  detail?: string;
}

/**
 * Writes an offer of one plain RTP audio line with telephone-event (RFC 3264 §5, RFC 4733).
 * In a dialog that has agreed before, hand in `previous`, our last description: its other m-lines stay, refused, in their
 * places, and its payload types keep their meaning (RFC 3264 §8, §8.3.2).
 */
export function writeOffer(ours: OurAudio & { telephoneEventPayloadType?: number; previous?: string }): string {
  const previous = ours.previous === undefined ? undefined : readDescription(ours.previous);
  const eventOf = (rate: number) =>
    previous?.audio?.telephoneEvents.find(({ clockRate }) => clockRate === rate)?.payloadType;
  const slow = ours.telephoneEventPayloadType ?? eventOf(8000) ?? TELEPHONE_EVENT_PAYLOAD_TYPE;
  const codecs = (ours.codecs ?? ['pcma', 'pcmu']).map((name) => ({
    name,
    payloadType:
      previous?.audio?.codecs.find((codec) => codec.name === name)?.payloadType ?? OUR_CODECS[name].payloadType,
  }));
  const rates = [...new Set(codecs.map(({ name }) => eventClockRate(name)))];
  const mode = ours.srtp?.mode ?? 'off';
  const audio = writeAudio(
    ours,
    // Who can do without it is told the keys below the plain profile, as phones do among each other.
    previous?.audio?.protocol ?? (mode === 'required' ? 'RTP/SAVP' : 'RTP/AVP'),
    codecs,
    rates.map((clockRate) => ({
      payloadType: clockRate === 8000 ? slow : (eventOf(clockRate) ?? FAST_TELEPHONE_EVENT_PAYLOAD_TYPE),
      clockRate,
    })),
    ours.direction ?? 'sendrecv',
    { hasComfortNoise: ours.comfortNoise, crypto: ours.srtp && mode !== 'off' ? offeredCrypto(ours.srtp) : [] },
  );
  const lines = (previous?.media ?? []).map((line) => (line === previous?.audio ? audio : refusedLine(line)));
  return writeSession(ours, previous?.audio ? lines : [...lines, audio]);
}

/**
 * Answers an offer of plain RTP (RFC 3264 §6): the first audio line that we can speak, with the first codec of ours in the
 * offerer's order and its telephone-event; every other m-line is refused with port 0.
 */
export function answerOffer(offer: string, ours: OurAudio): AgreedAnswer | Refused {
  const read = tryRead(offer);
  if ('kind' in read) return read;
  const found = chooseLine(read, ours);
  if ('kind' in found) return found;
  const { line, codec } = found;
  const crypto = ours.srtp && ours.srtp.mode !== 'off' ? answerCrypto(line.crypto, ours.srtp) : undefined;
  const agreed = { ...agree(line, codec, ours), ...(crypto && { srtp: crypto.agreed }) };
  const audio = writeAudio(
    ours,
    line.protocol,
    [{ name: agreed.codec, payloadType: agreed.payloadType }],
    line.telephoneEvents.filter(({ payloadType }) => payloadType === agreed.telephoneEventPayloadType),
    agreed.direction,
    {
      mid: line.mid,
      hasComfortNoise: agreed.comfortNoisePayloadType !== undefined,
      crypto: crypto ? [crypto.line] : [],
    },
  );
  const lines = read.media.map((each) => (each === line ? audio : refusedLine(each)));
  return { ...agreed, answer: writeSession(ours, lines) };
}

/**
 * Reads the answer to `offer`, an offer of ours: what is agreed now (RFC 3264 §7). The answer's first codec is the one that
 * we send; we go on taking every codec that we offered.
 */
export function readAnswer(answer: string, offer: string): AgreedAudio | Refused {
  const ours = readDescription(offer);
  const read = tryRead(answer);
  if ('kind' in read) return read;
  const offered = ours.audio;
  const line = offered && read.media[offered.index];
  if (!offered || !line || line.type !== 'audio') return { kind: 'refused', why: 'no-audio' };
  if (line.port === 0) return { kind: 'refused', why: 'refused-by-peer' };
  const srtp = chosenCrypto(line.crypto, offered.crypto);
  if (line.isSecure && !srtp) return { kind: 'refused', why: 'secure-only' };
  if (offered.isSecure && !srtp) return { kind: 'refused', why: 'not-secure' };
  const codec = line.codecs.filter(isPlain).find(({ name }) => offered.codecs.some((mine) => mine.name === name));
  if (!codec) return { kind: 'refused', why: 'no-common-codec' };
  const agreed = agree(line, codec, {
    direction: offered.direction,
    ptimeMs: offered.ptimeMs,
    comfortNoise: offered.codecs.some(isComfortNoise),
  });
  // By our numbers, and by theirs, which careless phones send with.
  const accepts = [...agreed.accepts, ...offered.codecs.filter(isPlain)];
  const acceptsEvents = [...agreed.acceptsEvents, ...offered.telephoneEvents];
  return {
    ...agreed,
    ...(srtp && { srtp }),
    accepts: accepts.map(formatOf),
    acceptsEvents: acceptsEvents.map(eventOf),
  };
}

const formatOf = ({
  payloadType,
  ...codec
}: { payloadType: number } & ({ name: PlainCodec } | { codec: PlainCodec })) => ({
  payloadType,
  codec: 'name' in codec ? codec.name : codec.codec,
});
const eventOf = ({ payloadType, clockRate }: { payloadType: number; clockRate: number }) => ({
  payloadType,
  clockRate,
});

/** The codecs of an offer's first audio line that we speak, in its order; none when it cannot be read. Any offer, also a browser's. */
export function offeredCodecs(offer: string): PlainCodec[] {
  const read = tryRead(offer);
  if ('kind' in read) return [];
  const line = read.media.find(({ type, port }) => type === 'audio' && port !== 0);
  return [...new Set(line?.codecs.filter(isPlain).map(({ name }) => name))];
}

function tryRead(text: string): Description | Refused {
  try {
    return readDescription(text);
  } catch (error) {
    if (error instanceof BadDescription) return { kind: 'refused', why: 'malformed', detail: error.message };
    throw error;
  }
}

/** The audio line to take: not refused, as secure as we want it, with a codec of ours. A phone may offer SRTP and plain side by side. */
function chooseLine(
  { media }: Description,
  { codecs: speaks = ['pcma', 'pcmu'], like, srtp: { mode } = { mode: 'off' } as OurSrtp }: OurAudio,
): { line: MediaSection; codec: DescribedCodec & { name: PlainCodec } } | Refused {
  const audio = media.filter(({ type, port }) => type === 'audio' && port !== 0);
  if (audio.length === 0) return { kind: 'refused', why: 'no-audio' };
  const isPlainLine = ({ protocol }: MediaSection) => protocol === 'RTP/AVP' || protocol === 'RTP/AVPF';
  const plain = mode === 'required' ? [] : audio.filter(isPlainLine);
  const secured =
    mode === 'off'
      ? []
      : audio.filter((line) => line.crypto.length > 0 && (isPlainLine(line) || /^RTP\/SAVPF?$/.test(line.protocol)));
  if (plain.length === 0 && secured.length === 0)
    return { kind: 'refused', why: mode === 'required' ? 'not-secure' : 'secure-only' };
  for (const line of [...secured, ...plain]) {
    const spoken = line.codecs.filter(isPlain).filter(({ name }) => speaks.includes(name));
    const codec = spoken.find(({ name }) => name === like) ?? spoken[0];
    if (codec) return { line, codec };
  }
  return { kind: 'refused', why: 'no-common-codec' };
}

function agree(
  line: MediaSection,
  codec: DescribedCodec & { name: PlainCodec },
  { direction, ptimeMs, comfortNoise }: Pick<OurAudio, 'direction' | 'ptimeMs' | 'comfortNoise'>,
): AgreedAudio {
  const clockRate = eventClockRate(codec.name);
  const event = line.telephoneEvents.find((each) => each.clockRate === clockRate);
  const noise = comfortNoise && clockRate === 8000 ? line.codecs.find(isComfortNoise) : undefined;
  return {
    kind: 'agreed',
    codec: codec.name,
    payloadType: codec.payloadType,
    telephoneEventPayloadType: event?.payloadType,
    accepts: [{ payloadType: codec.payloadType, codec: codec.name }],
    acceptsEvents: event ? [{ payloadType: event.payloadType, clockRate }] : [],
    ...(noise && { comfortNoisePayloadType: noise.payloadType }),
    remote: { host: line.host, port: line.port },
    remoteRtcpPort: line.rtcpPort,
    direction: agreedDirection(line.direction, direction ?? 'sendrecv'),
    theirDirection: line.direction,
    ptimeMs: agreePtime(line, ptimeMs ?? 20),
  };
}

/** Only the static type: what stands beside other clocks is of no use to us. */
const isComfortNoise = ({ name, payloadType }: DescribedCodec) =>
  name === 'cn' && payloadType === COMFORT_NOISE_PAYLOAD_TYPE;

/** Packets of 10 to 60 ms in steps of 10 are what the engine cuts; a maxptime below the wish wins (RFC 4566 §6). */
function agreePtime({ ptimeMs, maxPtimeMs }: MediaSection, oursMs: number): number {
  const wishedMs = Math.min(ptimeMs ?? oursMs, maxPtimeMs ?? Infinity);
  return wishedMs % 10 === 0 && wishedMs >= 10 && wishedMs <= 60 ? wishedMs : oursMs;
}

function writeSession({ host, sessionId, version }: OurAudio, media: string[][]): string {
  const family = host.includes(':') ? 'IP6' : 'IP4';
  return [
    'v=0',
    `o=tocsin ${sessionId} ${version} IN ${family} ${host}`,
    's=-',
    `c=IN ${family} ${host}`,
    't=0 0',
    ...media.flat(),
    '',
  ].join('\r\n');
}

function writeAudio(
  { port, ptimeMs }: OurAudio,
  protocol: string,
  codecs: { name: PlainCodec; payloadType: number }[],
  events: { payloadType: number; clockRate: number }[],
  direction: Direction,
  {
    mid,
    hasComfortNoise = false,
    crypto = [],
  }: { mid?: string; hasComfortNoise?: boolean; crypto?: readonly CryptoLine[] },
): string[] {
  const formats = [
    ...codecs.map(({ payloadType }) => payloadType),
    ...(hasComfortNoise ? [COMFORT_NOISE_PAYLOAD_TYPE] : []),
    ...events.map(({ payloadType }) => payloadType),
  ];
  return [
    `m=audio ${port} ${protocol} ${formats.join(' ')}`,
    ...codecs.flatMap(({ name, payloadType }) => {
      const { rtpmap, fmtp } = OUR_CODECS[name];
      return [`a=rtpmap:${payloadType} ${rtpmap}`, ...(fmtp ? [`a=fmtp:${payloadType} ${fmtp}`] : [])];
    }),
    ...(hasComfortNoise ? [`a=rtpmap:${COMFORT_NOISE_PAYLOAD_TYPE} CN/8000`] : []),
    ...events.flatMap(({ payloadType, clockRate }) => [
      `a=rtpmap:${payloadType} telephone-event/${clockRate}`,
      `a=fmtp:${payloadType} ${TELEPHONE_EVENTS}`,
    ]),
    ...crypto.map(writeCrypto),
    `a=ptime:${ptimeMs ?? 20}`,
    `a=${direction}`,
    ...(mid === undefined ? [] : [`a=mid:${mid}`]),
  ];
}

/** An m-line that we do not take keeps its place, with port 0 and its formats (RFC 3264 §6). */
const refusedLine = ({ type, protocol, formats }: MediaSection): string[] => [`m=${type} 0 ${protocol} ${formats}`];
