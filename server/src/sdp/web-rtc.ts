import { isBrowserCodec, OUR_CODECS, TELEPHONE_EVENTS, type BrowserCodec, type DescribedCodec } from './codec.ts';
import { BadDescription, readDescription, type Description, type MediaSection } from './description.ts';
import { sends, type Direction } from './direction.ts';
import type { Refused } from './plain.ts';

/** The transport that a browser offered or answered with: what ICE and DTLS need to know of it. */
export interface BrowserTransport {
  mid: string;
  protocol: string;
  ice: { ufrag: string; pwd: string };
  fingerprint: { algorithm: string; value: string };
  /** RFC 4145, 5763: actpass in an offer; active or passive in an answer. */
  setup: 'active' | 'passive' | 'actpass';
}

/** The audio line of a browser's offer or answer, with the one codec and the one telephone-event that we take. */
export interface BrowserAudio {
  kind: 'read';
  transport: BrowserTransport;
  codec: BrowserCodec;
  payloadType: number;
  telephoneEventPayloadType?: number;
  /** What it sends with; absent when it does not send. */
  ssrc?: { id: number; cname: string };
  /** As the browser declared it. */
  direction: Direction;
  /** Everything that was read, for `writeWebRtc` to answer line by line. */
  description: Description;
  index: number;
}

/**
 * Reads the first audio line of a browser's offer or answer. Of its codecs exactly one is taken, by our order of preference,
 * and exactly one telephone-event, of 8 kHz: with two agreed, Chromium sends the one that nobody listens to, and the media
 * worker lets no other pass.
 */
export function readBrowserAudio(
  text: string,
  prefers: readonly BrowserCodec[] = ['opus', 'pcma', 'pcmu'],
): BrowserAudio | Refused {
  let description: Description;
  try {
    description = readDescription(text);
  } catch (error) {
    if (error instanceof BadDescription) return { kind: 'refused', why: 'malformed', detail: error.message };
    throw error;
  }
  const line = description.media.find(({ type, port }) => type === 'audio' && port !== 0);
  if (!line) return { kind: 'refused', why: 'no-audio' };
  const transport = readTransport(line);
  if (!transport)
    return { kind: 'refused', why: 'malformed', detail: 'the audio line lacks mid, ICE or a fingerprint' };
  const spoken = line.codecs.filter(isBrowserCodec);
  const codec = prefers.flatMap((name) => spoken.filter((each) => each.name === name))[0];
  if (!codec) return { kind: 'refused', why: 'no-common-codec' };
  return {
    kind: 'read',
    transport,
    codec: codec.name,
    payloadType: codec.payloadType,
    telephoneEventPayloadType: slowEvent(line.telephoneEvents)?.payloadType,
    ssrc: sends(line.direction) ? line.ssrc : undefined,
    direction: line.direction,
    description,
    index: line.index,
  };
}

/** An ICE candidate of ours. */
export interface OurCandidate {
  foundation: string;
  priority: number;
  address: string;
  protocol: 'udp' | 'tcp';
  port: number;
  type: string;
  tcpType?: string;
}

/** What we put into a description for a browser. We are ICE-lite: the browser checks, we answer (RFC 8445 §2.5). */
export interface OurWebRtcAudio {
  sessionId: string;
  /** + 1 with each new description. */
  version: number;
  /** Passive in an answer: with ICE-lite the browser begins DTLS when its check has succeeded. Actpass in an offer. */
  setup: 'passive' | 'actpass';
  ice: { ufrag: string; pwd: string };
  /** Never empty. */
  candidates: readonly OurCandidate[];
  fingerprint: { algorithm: string; value: string };
  codec: BrowserCodec;
  payloadType: number;
  telephoneEventPayloadType?: number;
  direction: Direction;
  ssrc: { id: number; cname: string };
  /** The browser's offer that this answers: its other m-lines are refused in their places. Absent in an offer of ours. */
  answers?: BrowserAudio;
  /** The m-line's name in an offer of ours; in a dialog that has agreed before, the one agreed. Default 0. */
  mid?: string;
}

/** Writes an offer or an answer for a browser: one audio line, bundled, all candidates in it (RFC 8829, RFC 8839, RFC 8842). */
export function writeWebRtc(ours: OurWebRtcAudio): string {
  const mid = ours.answers?.transport.mid ?? ours.mid ?? '0';
  const [candidate] = ours.candidates;
  if (!candidate) throw new Error('a description for a browser needs a candidate');
  const audio = writeAudio(ours, candidate, mid);
  const { answers } = ours;
  const media = answers
    ? answers.description.media.map((line) => (line.index === answers.index ? audio : refusedLine(line)))
    : [audio];
  return [
    'v=0',
    `o=tocsin ${ours.sessionId} ${ours.version} IN ${family(candidate.address)}`,
    's=-',
    't=0 0',
    'a=ice-lite',
    `a=group:BUNDLE ${mid}`,
    'a=msid-semantic: WMS *',
    ...media.flat(),
    '',
  ].join('\r\n');
}

function readTransport(line: MediaSection): BrowserTransport | undefined {
  const { mid, ice, fingerprint, setup = 'actpass' } = line;
  if (mid === undefined || !ice || !fingerprint) return undefined;
  // The hashes of RFC 8122 §5, but for the two that nobody may use any more.
  if (!/^sha-(1|224|256|384|512)$/.test(fingerprint.algorithm)) return undefined;
  if (!/^[0-9A-F]{2}(:[0-9A-F]{2})+$/.test(fingerprint.value)) return undefined;
  if (setup !== 'active' && setup !== 'passive' && setup !== 'actpass') return undefined;
  return { mid, protocol: line.protocol, ice, fingerprint, setup };
}

const slowEvent = (events: readonly DescribedCodec[]) => events.find(({ clockRate }) => clockRate === 8000);

function writeAudio(ours: OurWebRtcAudio, candidate: OurCandidate, mid: string): string[] {
  const { payloadType, telephoneEventPayloadType: event, ssrc } = ours;
  const protocol = ours.answers?.transport.protocol ?? 'UDP/TLS/RTP/SAVPF';
  const { rtpmap, fmtp } = OUR_CODECS[ours.codec];
  return [
    `m=audio ${candidate.port} ${protocol} ${payloadType}${event === undefined ? '' : ` ${event}`}`,
    `c=IN ${family(candidate.address)}`,
    `a=mid:${mid}`,
    `a=ice-ufrag:${ours.ice.ufrag}`,
    `a=ice-pwd:${ours.ice.pwd}`,
    ...ours.candidates.map(writeCandidate),
    'a=end-of-candidates',
    `a=fingerprint:${ours.fingerprint.algorithm} ${ours.fingerprint.value}`,
    `a=setup:${ours.setup}`,
    'a=rtcp-mux',
    'a=rtcp-rsize',
    `a=rtpmap:${payloadType} ${rtpmap}`,
    ...(fmtp ? [`a=fmtp:${payloadType} ${fmtp}`] : []),
    ...(event === undefined ? [] : [`a=rtpmap:${event} telephone-event/8000`, `a=fmtp:${event} ${TELEPHONE_EVENTS}`]),
    'a=ptime:20',
    `a=${ours.direction}`,
    `a=msid:${ssrc.cname} a0`,
    `a=ssrc:${ssrc.id} cname:${ssrc.cname}`,
  ];
}

const writeCandidate = ({ foundation, protocol, priority, address, port, type, tcpType }: OurCandidate): string =>
  `a=candidate:${foundation} 1 ${protocol} ${priority} ${address} ${port} typ ${type}` +
  (tcpType === undefined ? '' : ` tcptype ${tcpType}`);

/** An announced name stands in the candidates; the o- and c-lines then carry an address that says nothing. */
function family(address: string): string {
  if (address.includes(':')) return `IP6 ${address}`;
  return /^[\d.]+$/.test(address) ? `IP4 ${address}` : 'IP4 0.0.0.0';
}

const refusedLine = ({ type, protocol, formats, mid }: MediaSection): string[] => [
  `m=${type} 0 ${protocol} ${formats}`,
  'c=IN IP4 0.0.0.0',
  ...(mid === undefined ? [] : [`a=mid:${mid}`]),
  'a=inactive',
];
