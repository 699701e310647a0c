/** RTCP receiver reports (RFC 3550 §6.4.2) with a CNAME, as horns send them: the proof that speech arrived. */

export interface ReceiverReport {
  /** The horn's name. */
  cname: string;
  /** Whose stream it reports on. */
  ssrc: number;
  /** Packets lost since it began to listen. */
  lost: number;
  /** Highest sequence number received, with the count of its wraps above 16 bits. */
  extendedSequence: number;
}

const RECEIVER_REPORT = 201;
const SENDER_REPORT = 200;
const SOURCE_DESCRIPTION = 202;

/** A compound packet: one report block and the name. */
export function writeReceiverReport(report: ReceiverReport & { ownSsrc: number }): Buffer {
  const name = Buffer.from(report.cname, 'utf8').subarray(0, 255);
  // SDES chunk: SSRC, item CNAME, at least one zero, padded to 32 bits (§6.5).
  const chunkBytes = Math.ceil((4 + 2 + name.length + 1) / 4) * 4;
  const packet = Buffer.alloc(32 + 4 + chunkBytes);
  packet.writeUInt8(0x81, 0);
  packet.writeUInt8(RECEIVER_REPORT, 1);
  packet.writeUInt16BE(7, 2);
  packet.writeUInt32BE(report.ownSsrc >>> 0, 4);
  packet.writeUInt32BE(report.ssrc >>> 0, 8);
  packet.writeIntBE(Math.max(-0x800000, Math.min(0x7fffff, report.lost)), 13, 3);
  packet.writeUInt32BE(report.extendedSequence >>> 0, 16);
  packet.writeUInt8(0x81, 32);
  packet.writeUInt8(SOURCE_DESCRIPTION, 33);
  packet.writeUInt16BE(chunkBytes / 4, 34);
  packet.writeUInt32BE(report.ownSsrc >>> 0, 36);
  packet.writeUInt8(1, 40);
  packet.writeUInt8(name.length, 41);
  packet.set(name, 42);
  return packet;
}

/** Reads the reports of a compound packet; undefined when its lengths do not add up. Without a CNAME the SSRC is the name. */
export function readReceiverReports(packet: Buffer): ReceiverReport[] | undefined {
  const reports: Omit<ReceiverReport, 'cname'>[] = [];
  let cname: string | undefined;
  let reporter = 0;
  if (packet.length < 8) return undefined;
  for (let at = 0; at < packet.length;) {
    if (at + 8 > packet.length || packet[at]! >> 6 !== 2) return undefined;
    const count = packet[at]! & 0x1f;
    const type = packet[at + 1]!;
    const end = at + (packet.readUInt16BE(at + 2) + 1) * 4;
    if (end > packet.length || end < at + 4) return undefined;
    if (type === RECEIVER_REPORT || type === SENDER_REPORT) {
      reporter = packet.readUInt32BE(at + 4);
      const first = at + (type === SENDER_REPORT ? 28 : 8);
      for (let block = first, n = 0; n < count && block + 24 <= end; n++, block += 24)
        reports.push({
          ssrc: packet.readUInt32BE(block),
          lost: packet.readIntBE(block + 5, 3),
          extendedSequence: packet.readUInt32BE(block + 8),
        });
    }
    if (type === SOURCE_DESCRIPTION && count > 0 && at + 10 <= end && packet[at + 8] === 1) {
      const nameEnd = at + 10 + packet[at + 9]!;
      if (nameEnd <= end) cname = packet.toString('utf8', at + 10, nameEnd);
    }
    at = end;
  }
  const name = cname || `ssrc-${reporter.toString(16)}`;
  return reports.map((report) => ({ cname: name, ...report }));
}
