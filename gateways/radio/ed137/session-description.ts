/**
 * The session description of an ED-137 radio session (ED-137B volume 1, chapter 3, "Session Description Protocol"): one audio
 * line with G.711 and the payload type of the real-time session supervision (R2S), and the attributes of the radio.
 */
export interface RadioSession {
  host: string;
  port: number;
  /** `Radio-TxRx`, `Radio-Rxonly`; older gear says `radio`. */
  type: string;
  mode: 'TxRx' | 'Tx' | 'Rx';
  /** The frequency, such as `118.005`. */
  fid?: string;
  /** Best signal selection: how the radio measures quality. */
  bss?: string;
  r2sPayloadType: number;
  keepAlivePeriodMs: number;
  keepAliveMultiplier: number;
  /** What the radio has given us; in an answer. */
  pttId?: number;
}

/** ED-137B's own defaults: a packet each 200 ms, ten that do not come are a lost link. */
export const R2S = { payloadType: 123, keepAlivePeriodMs: 200, keepAliveMultiplier: 10 } as const;

/** Longest description that is read, in characters. */
const LONGEST = 16_384;

export function writeRadioSession(session: RadioSession, sessionId: number): string {
  const family = session.host.includes(':') ? 'IP6' : 'IP4';
  const { fid, bss, pttId } = session;
  return [
    'v=0',
    `o=tocsin ${sessionId} 1 IN ${family} ${session.host}`,
    's=tocsin radio',
    `c=IN ${family} ${session.host}`,
    't=0 0',
    `m=audio ${session.port} RTP/AVP 8 ${session.r2sPayloadType}`,
    'a=rtpmap:8 PCMA/8000',
    `a=rtpmap:${session.r2sPayloadType} R2S/8000`,
    'a=ptime:20',
    'a=sendrecv',
    `a=type:${session.type}`,
    `a=txrxmode:${session.mode}`,
    ...(fid === undefined ? [] : [`a=fid:${fid}`]),
    ...(bss === undefined ? [] : [`a=bss:${bss}`]),
    ...(pttId === undefined ? [] : [`a=ptt-id:${pttId}`]),
    'a=sigtime:1',
    'a=ptt_rep:1',
    `a=R2S-KeepAlivePeriod:${session.keepAlivePeriodMs}`,
    `a=R2S-KeepAliveMultiplier:${session.keepAliveMultiplier}`,
    'a=rtphe:1',
    '',
  ].join('\r\n');
}

/** Reads an offer or answer; the complaint in words when it is no radio session that we can speak. */
export function readRadioSession(sdp: string): RadioSession | string {
  const lines = sdp.slice(0, LONGEST).split(/\r?\n/);
  const attribute = (name: string) =>
    lines
      .find((line) => line.toLowerCase().startsWith(`a=${name.toLowerCase()}:`))
      ?.slice(name.length + 3)
      .trim();
  const media = /^m=audio (\d{1,5})(?:\/\d+)? RTP\/AVP ([\d ]+)/.exec(
    lines.find((line) => line.startsWith('m=')) ?? '',
  );
  const port = Number(media?.[1] ?? 0);
  if (!media || port < 1 || port > 65_535) return 'no audio line over RTP/AVP';
  const host = /^c=IN IP[46] ([^\s/]+)/.exec(lines.find((line) => line.startsWith('c=')) ?? '')?.[1];
  if (!host) return 'no address';
  const types = media[2]!.trim().split(/\s+/).map(Number);
  if (!types.includes(8)) return 'no G.711 A-law';
  const r2s = lines.map((line) => /^a=rtpmap:(\d{1,3}) R2S\//i.exec(line)?.[1]).find((type) => type !== undefined);
  const type = attribute('type') ?? 'radio';
  if (!/^radio/i.test(type)) return `type "${type}" is no radio`;
  const mode = attribute('txrxmode') ?? 'TxRx';
  if (mode !== 'TxRx' && mode !== 'Tx' && mode !== 'Rx') return `txrxmode "${mode}"`;
  const pttId = attribute('ptt-id');
  const fid = attribute('fid');
  const bss = attribute('bss');
  return {
    host,
    port,
    type,
    mode,
    ...(fid === undefined ? {} : { fid: fid.slice(0, 32) }),
    ...(bss === undefined ? {} : { bss: bss.slice(0, 32) }),
    r2sPayloadType: r2s === undefined ? R2S.payloadType : Number(r2s),
    keepAlivePeriodMs: within(attribute('R2S-KeepAlivePeriod'), 20, 1000, R2S.keepAlivePeriodMs),
    keepAliveMultiplier: within(attribute('R2S-KeepAliveMultiplier'), 2, 50, R2S.keepAliveMultiplier),
    ...(pttId === undefined ? {} : { pttId: within(pttId, 0, 63, 0) }),
  };
}

function within(text: string | undefined, least: number, most: number, otherwise: number): number {
  const value = Number(text);
  return text !== undefined && Number.isInteger(value) && value >= least && value <= most ? value : otherwise;
}
