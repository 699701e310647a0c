/** RTP packets (RFC 3550 §5.1), read and written in place: nothing is allocated for a packet. */

/** Where things stand in a packet that was read. One object may serve for many packets. */
export interface RtpHeader {
  payloadType: number;
  hasMarker: boolean;
  sequence: number;
  timestamp: number;
  ssrc: number;
  /** The payload is `packet.subarray(payloadStart, payloadEnd)`: CSRCs, extension and padding lie outside. */
  payloadStart: number;
  payloadEnd: number;
}

export const RTP_HEADER_BYTES = 12;

export function emptyRtpHeader(): RtpHeader {
  return { payloadType: 0, hasMarker: false, sequence: 0, timestamp: 0, ssrc: 0, payloadStart: 0, payloadEnd: 0 };
}

/**
 * Reads a packet's header into `into`. False when these bytes are no RTP version 2 packet, or its inner lengths do not
 * add up; `into` is then of no meaning.
 */
export function readRtpInto(packet: Uint8Array, length: number, into: RtpHeader): boolean {
  if (length < RTP_HEADER_BYTES || packet[0]! >> 6 !== 2) return false;
  const first = packet[0]!;
  const second = packet[1]!;
  let start = RTP_HEADER_BYTES + (first & 0x0f) * 4;
  if (first & 0x10) {
    if (start + 4 > length) return false;
    start += 4 + ((packet[start + 2]! << 8) | packet[start + 3]!) * 4;
  }
  let end = length;
  if (first & 0x20) {
    const padding = packet[length - 1]!;
    if (padding === 0) return false;
    end -= padding;
  }
  if (start > end) return false;
  into.payloadType = second & 0x7f;
  into.hasMarker = (second & 0x80) !== 0;
  into.sequence = (packet[2]! << 8) | packet[3]!;
  into.timestamp = readUint32(packet, 4);
  into.ssrc = readUint32(packet, 8);
  into.payloadStart = start;
  into.payloadEnd = end;
  return true;
}

/** Reads a packet; undefined when it is none. For code that may allocate. */
export function readRtp(packet: Uint8Array): (RtpHeader & { payload: Uint8Array }) | undefined {
  const header = emptyRtpHeader();
  if (!readRtpInto(packet, packet.length, header)) return undefined;
  return { ...header, payload: packet.subarray(header.payloadStart, header.payloadEnd) };
}

/** Writes the 12 bytes of a header without CSRCs or extension at the beginning of `packet`. */
export function writeRtpHeader(
  packet: Uint8Array,
  payloadType: number,
  hasMarker: boolean,
  sequence: number,
  timestamp: number,
  ssrc: number,
): void {
  packet[0] = 0x80;
  packet[1] = (hasMarker ? 0x80 : 0) | payloadType;
  packet[2] = sequence >> 8;
  packet[3] = sequence;
  writeUint32(packet, 4, timestamp);
  writeUint32(packet, 8, ssrc);
}

/** A whole packet in fresh memory. */
export function writeRtp(options: {
  payloadType: number;
  hasMarker?: boolean;
  sequence: number;
  timestamp: number;
  ssrc: number;
  payload: Uint8Array;
}): Uint8Array {
  const packet = new Uint8Array(RTP_HEADER_BYTES + options.payload.length);
  const { payloadType, hasMarker = false, sequence, timestamp, ssrc } = options;
  writeRtpHeader(packet, payloadType, hasMarker, sequence & 0xffff, timestamp >>> 0, ssrc >>> 0);
  packet.set(options.payload, RTP_HEADER_BYTES);
  return packet;
}

/**
 * Whether a packet that came in on a shared port is RTCP: its second byte is one of the RTCP types 192-223
 * (RFC 5761 §4), which no RTP packet with a payload type outside 64-95 can have.
 */
export function isRtcp(packet: Uint8Array, length: number): boolean {
  return length >= 8 && packet[0]! >> 6 === 2 && packet[1]! >= 192 && packet[1]! <= 223;
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
