/**
 * The little of SDP (RFC 8866) and offer/answer (RFC 3264) that a gateway needs: one audio stream over plain RTP, G.711 and
 * telephone-event. The server's own `sdp` folder is not for gateways, which may run at a remote site without it.
 */

export interface AudioLine {
  host: string;
  port: number;
  /** In the offerer's order. */
  codecs: { name: 'pcma' | 'pcmu'; payloadType: number }[];
  telephoneEventPayloadType?: number;
  direction: Direction;
}

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

const DIRECTIONS = ['sendrecv', 'sendonly', 'recvonly', 'inactive'] as const;

/** What the static payload types mean without an rtpmap (RFC 3551 §6). */
const STATIC: Record<number, string> = { 0: 'pcmu', 8: 'pcma' };

/** Longest description that is read, in characters. */
const LONGEST = 16_384;

/** Reads the first audio line over RTP/AVP; undefined when there is none that we can speak. */
export function readAudioLine(sdp: string): (AudioLine & { index: number; mediaLines: string[] }) | undefined {
  const lines = sdp.slice(0, LONGEST).split(/\r?\n/);
  const starts = lines.flatMap((line, at) => (line.startsWith('m=') ? [at] : []));
  const session = lines.slice(0, starts[0] ?? lines.length);
  const mediaLines = starts.map((at) => lines[at]!);
  for (const [index, start] of starts.entries()) {
    const [kind, port, profile, ...formats] = lines[start]!.slice(2).trim().split(/\s+/);
    if (kind !== 'audio' || profile !== 'RTP/AVP' || !port || Number(port) === 0) continue;
    const block = lines.slice(start, starts[index + 1] ?? lines.length);
    const value = (prefix: string) =>
      [...block, ...session]
        .find((line) => line.startsWith(prefix))
        ?.slice(prefix.length)
        .trim();
    const host = /^IN IP[46] ([^\s/]+)/.exec(value('c=') ?? '')?.[1];
    if (!host || !(Number(port) > 0 && Number(port) < 65_536)) continue;
    const names = new Map(
      block.flatMap((line) => {
        const map = /^a=rtpmap:(\d{1,3}) ([^/\s]+)\/8000/.exec(line);
        return map ? [[Number(map[1]), map[2]!.toLowerCase()] as const] : [];
      }),
    );
    const types = formats.map(Number).filter((type) => Number.isInteger(type) && type >= 0 && type < 128);
    const nameOf = (type: number) => names.get(type) ?? STATIC[type];
    const codecs = types.flatMap((payloadType) => {
      const name = nameOf(payloadType);
      return name === 'pcma' || name === 'pcmu' ? [{ name, payloadType } as const] : [];
    });
    if (codecs.length === 0) continue;
    const telephoneEvent = types.find((type) => nameOf(type) === 'telephone-event');
    const direction =
      DIRECTIONS.find((each) => block.includes(`a=${each}`)) ??
      DIRECTIONS.find((each) => session.includes(`a=${each}`)) ??
      'sendrecv';
    return {
      index,
      mediaLines,
      host,
      port: Number(port),
      codecs,
      direction,
      ...(telephoneEvent !== undefined && { telephoneEventPayloadType: telephoneEvent }),
    };
  }
  return undefined;
}

export interface OwnAudio {
  host: string;
  port: number;
  sessionId: number;
  version: number;
  direction: Direction;
}

/** Our description with one audio line. `mediaLines`: those of the offer, of which all but `index` are refused (port 0, RFC 3264 §6). */
export function writeAudio(
  own: OwnAudio,
  line: Pick<AudioLine, 'codecs' | 'telephoneEventPayloadType'>,
  answered?: { index: number; mediaLines: string[] },
): string {
  const family = own.host.includes(':') ? 'IP6' : 'IP4';
  const types = [...line.codecs.map(({ payloadType }) => payloadType), line.telephoneEventPayloadType].filter(
    (type) => type !== undefined,
  );
  const audio = [
    `m=audio ${own.port} RTP/AVP ${types.join(' ')}`,
    ...line.codecs.map(({ name, payloadType }) => `a=rtpmap:${payloadType} ${name.toUpperCase()}/8000`),
    ...(line.telephoneEventPayloadType === undefined
      ? []
      : [
          `a=rtpmap:${line.telephoneEventPayloadType} telephone-event/8000`,
          `a=fmtp:${line.telephoneEventPayloadType} 0-15`,
        ]),
    'a=ptime:20',
    `a=${own.direction}`,
  ];
  const media = (answered?.mediaLines ?? ['']).flatMap((offered, index) => {
    if (index === (answered?.index ?? 0)) return audio;
    const [kind, , ...rest] = offered.slice(2).trim().split(/\s+/);
    return [`m=${kind} 0 ${rest.join(' ')}`];
  });
  return [
    'v=0',
    `o=- ${own.sessionId} ${own.version} IN ${family} ${own.host}`,
    's=tocsin',
    `c=IN ${family} ${own.host}`,
    't=0 0',
    ...media,
    '',
  ].join('\r\n');
}

/** The direction that answers an offered one when ours may at most be `wanted`. */
export function answerDirection(offered: Direction, wanted: Direction): Direction {
  const sends = (wanted === 'sendrecv' || wanted === 'sendonly') && (offered === 'sendrecv' || offered === 'recvonly');
  const hears = (wanted === 'sendrecv' || wanted === 'recvonly') && (offered === 'sendrecv' || offered === 'sendonly');
  return sends ? (hears ? 'sendrecv' : 'sendonly') : hears ? 'recvonly' : 'inactive';
}
