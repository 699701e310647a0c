import type { AccessUnit } from './h264-clip.ts';

/** Bytes of a unit that go into one packet: with all headers a packet stays below an Ethernet frame. */
const PAYLOAD_BYTES = 1200;

/** One picture as RTP (RFC 6184): single units where they fit, else fragments (FU-A, §5.8). The last packet has the marker. */
export function packetize(
  picture: AccessUnit,
  {
    ssrc,
    payloadType,
    sequence,
    timestamp,
  }: { ssrc: number; payloadType: number; sequence: number; timestamp: number },
): Buffer[] {
  const payloads = picture.units.flatMap(payloadsOf);
  return payloads.map((payload, index) => {
    const header = Buffer.alloc(12);
    header[0] = 0x80;
    header[1] = payloadType | (index === payloads.length - 1 ? 0x80 : 0);
    header.writeUInt16BE((sequence + index) & 0xffff, 2);
    header.writeUInt32BE(timestamp >>> 0, 4);
    header.writeUInt32BE(ssrc, 8);
    return Buffer.concat([header, payload]);
  });
}

function payloadsOf(unit: Buffer): Buffer[] {
  if (unit.length <= PAYLOAD_BYTES) return [unit];
  const [head = 0] = unit;
  const payloads: Buffer[] = [];
  for (let at = 1; at < unit.length; at += PAYLOAD_BYTES) {
    const end = Math.min(unit.length, at + PAYLOAD_BYTES);
    const marks = (at === 1 ? 0x80 : 0) | (end === unit.length ? 0x40 : 0);
    payloads.push(Buffer.concat([Buffer.from([(head & 0xe0) | 28, marks | (head & 0x1f)]), unit.subarray(at, end)]));
  }
  return payloads;
}
