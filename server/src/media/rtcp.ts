import { readUint32, writeUint32 } from './rtp.ts';

/** RTCP sender and receiver reports (RFC 3550 §6.4), compound with the CNAME that §6.1 asks for. */

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const SOURCE_DESCRIPTION = 202;
/** Seconds from 1900 to 1970. */
const NTP_EPOCH = 2_208_988_800;

export interface ReportToSend {
  ssrc: number;
  cname: string;
  /** Given when packets were sent since the last report: makes it a sender report. */
  sender?: { wallClockMs: number; timestamp: number; packets: number; octets: number };
  /** Given when there is a source to report on. */
  reception?: {
    ssrc: number;
    fractionLost: number;
    lost: number;
    extendedSequence: number;
    jitterUnits: number;
    lastSenderReport: number;
    delaySinceLastSenderReportMs: number;
  };
}

/** Writes a compound packet to the beginning of `into` (at least 256 bytes). @returns its length */
export function writeReport(into: Uint8Array, report: ReportToSend): number {
  const { sender, reception } = report;
  let at = 8;
  if (sender) {
    const seconds = sender.wallClockMs / 1000 + NTP_EPOCH;
    writeUint32(into, 8, Math.floor(seconds) >>> 0);
    writeUint32(into, 12, Math.floor((seconds % 1) * 2 ** 32) >>> 0);
    writeUint32(into, 16, sender.timestamp);
    writeUint32(into, 20, sender.packets >>> 0);
    writeUint32(into, 24, sender.octets >>> 0);
    at = 28;
  }
  if (reception) {
    writeUint32(into, at, reception.ssrc);
    const lost = Math.max(-0x800000, Math.min(0x7fffff, reception.lost));
    writeUint32(into, at + 4, ((reception.fractionLost << 24) | (lost & 0xffffff)) >>> 0);
    writeUint32(into, at + 8, reception.extendedSequence);
    writeUint32(into, at + 12, Math.floor(reception.jitterUnits));
    writeUint32(into, at + 16, reception.lastSenderReport);
    const delay =
      reception.lastSenderReport === 0 ? 0 : Math.floor((reception.delaySinceLastSenderReportMs * 65_536) / 1000);
    writeUint32(into, at + 20, delay >>> 0);
    at += 24;
  }
  into[0] = 0x80 | (reception ? 1 : 0);
  into[1] = sender ? SENDER_REPORT : RECEIVER_REPORT;
  into[2] = (at / 4 - 1) >> 8;
  into[3] = at / 4 - 1;
  writeUint32(into, 4, report.ssrc);

  const start = at;
  const name = Buffer.from(report.cname.slice(0, 64), 'latin1');
  into[at] = 0x81;
  into[at + 1] = SOURCE_DESCRIPTION;
  writeUint32(into, at + 4, report.ssrc);
  into[at + 8] = 1;
  into[at + 9] = name.length;
  into.set(name, at + 10);
  at += 10 + name.length;
  do into[at++] = 0;
  while (at % 4 !== 0);
  into[start + 2] = ((at - start) / 4 - 1) >> 8;
  into[start + 3] = (at - start) / 4 - 1;
  return at;
}

export interface RtcpFindings {
  /** The middle 32 bits of a sender report's time, to be told back; undefined when there was none. */
  senderReport?: number;
  /** What the far end says of what we sent. */
  about?: { fractionLost: number; lost: number; jitterUnits: number; lastSenderReport: number; delayUnits: number };
  hasBye: boolean;
}

/** Reads a compound packet for what concerns `ownSsrc`; undefined when its lengths do not add up. */
export function readRtcp(packet: Uint8Array, length: number, ownSsrc: number): RtcpFindings | undefined {
  const findings: RtcpFindings = { hasBye: false };
  for (let at = 0; at < length;) {
    if (at + 4 > length || packet[at]! >> 6 !== 2) return undefined;
    const end = at + (((packet[at + 2]! << 8) | packet[at + 3]!) + 1) * 4;
    if (end > length) return undefined;
    const kind = packet[at + 1]!;
    const blocks = packet[at]! & 0x1f;
    if (kind === SENDER_REPORT && end - at >= 28)
      findings.senderReport =
        ((readUint32(packet, at + 8) & 0xffff) * 65_536 + (readUint32(packet, at + 12) >>> 16)) >>> 0;
    if (kind === SENDER_REPORT || kind === RECEIVER_REPORT) {
      const first = at + (kind === SENDER_REPORT ? 28 : 8);
      for (let block = first, n = 0; n < blocks && block + 24 <= end; n += 1, block += 24) {
        if (readUint32(packet, block) !== ownSsrc) continue;
        const lost = readUint32(packet, block + 4) & 0xffffff;
        findings.about = {
          fractionLost: packet[block + 4]!,
          lost: lost >= 0x800000 ? lost - 0x1000000 : lost,
          jitterUnits: readUint32(packet, block + 12),
          lastSenderReport: readUint32(packet, block + 16),
          delayUnits: readUint32(packet, block + 20),
        };
      }
    }
    if (kind === 203) findings.hasBye = true;
    at = end;
  }
  return findings;
}

/** The middle 32 bits of the NTP time, in which reports tell times to each other. */
export function middleNtp(wallClockMs: number): number {
  const seconds = wallClockMs / 1000 + NTP_EPOCH;
  return ((Math.floor(seconds) & 0xffff) * 65_536 + Math.floor((seconds % 1) * 65_536)) >>> 0;
}
