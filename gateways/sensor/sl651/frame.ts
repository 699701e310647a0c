import { crc16 } from '../../kit/crc16.ts';

/**
 * The frames of SL 651-2014 (水文监测数据通信规约), §6: in octets (HEX/BCD) and in characters (ASCII).
 * Upward: start, centre, station, password, function, length, STX, body, ETX, CRC. Downward the station comes first.
 * CRC-16/MODBUS over everything before it, the high octet first.
 */
export interface UpFrame {
  coding: 'hex' | 'ascii';
  /** Two hexadecimal digits. */
  centre: string;
  /** Ten digits. */
  station: string;
  /** Four hexadecimal digits. */
  password: string;
  /** See FUNCTIONS. */
  function: number;
  body: Buffer;
  /** Of a report in several packets: how many there are, and which this is, from 1. */
  packet?: { count: number; number: number };
  /** More packets follow (ETB). */
  hasMore: boolean;
}

export const FUNCTIONS = {
  linkMaintenance: 0x2f,
  test: 0x30,
  uniformInterval: 0x31,
  timed: 0x32,
  added: 0x33,
  hourly: 0x34,
  manual: 0x35,
} as const;

export const SL651_LIMITS = {
  /** The length has twelve bits. */
  body: 4095,
  packets: 64,
} as const;

const SOH_HEX = 0x7e;
const SOH_ASCII = 0x01;
const STX = 0x02;
const SYN = 0x16;
const ETX = 0x03;
const ETB = 0x17;

/** How a downward frame ends: the station may go, stays in touch, or sends again. */
export const ENDS = { over: 0x04, stay: 0x1b, repeat: 0x15 } as const;

/** Octets before the body of an octet frame, its STX included; and characters of a character frame. */
const HEAD_HEX = 14;
const HEAD_ASCII = 24;

export type FrameReading =
  | { kind: 'frame'; frame: UpFrame; used: number }
  /** These octets are no part of a frame. */
  | { kind: 'garbage'; why: string; used: number }
  /** A frame has begun and is not whole. */
  | { kind: 'more' };

/** Reads the next frame of a stream, or tells how many octets to throw away. */
export function readUpFrame(bytes: Buffer): FrameReading {
  if (bytes.length === 0) return { kind: 'more' };
  if (bytes[0] === SOH_ASCII) return readAscii(bytes);
  if (bytes[0] === SOH_HEX && (bytes.length === 1 || bytes[1] === SOH_HEX)) return readHex(bytes);
  const next = bytes.findIndex((octet, at) => at > 0 && (octet === SOH_ASCII || octet === SOH_HEX));
  return { kind: 'garbage', why: 'no start of a frame', used: next < 0 ? bytes.length : next };
}

function readHex(bytes: Buffer): FrameReading {
  if (bytes.length < HEAD_HEX) return { kind: 'more' };
  const flags = bytes.readUInt16BE(11);
  const length = flags & 0xfff;
  if (flags >> 12 !== 0) return { kind: 'garbage', why: 'not an upward frame', used: 2 };
  const all = HEAD_HEX + length + 3;
  if (bytes.length < all) return { kind: 'more' };
  if (bytes.readUInt16BE(all - 2) !== crc16(bytes.subarray(0, all - 2), 0xffff))
    return { kind: 'garbage', why: 'CRC does not fit', used: 2 };
  const head = {
    centre: bytes.toString('hex', 2, 3),
    station: bytes.toString('hex', 3, 8),
    password: bytes.toString('hex', 8, 10).toUpperCase(),
    function: bytes[10]!,
  };
  const content = bytes.subarray(HEAD_HEX, HEAD_HEX + length);
  return finish('hex', head, { start: bytes[13]!, content, end: bytes[all - 3]!, used: all });
}

function readAscii(bytes: Buffer): FrameReading {
  if (bytes.length < HEAD_ASCII) return { kind: 'more' };
  const text = bytes.toString('latin1', 1, HEAD_ASCII - 1);
  const head = /^([0-9A-F]{2})([0-9A-F]{10})([0-9A-F]{4})([0-9A-F]{2})0([0-9A-F]{3})$/i.exec(text);
  if (!head) return { kind: 'garbage', why: 'header malformed', used: 1 };
  const [, centre, station, password, code, size] = head as unknown as string[];
  const length = Number.parseInt(size!, 16);
  const all = HEAD_ASCII + length + 5;
  if (bytes.length < all) return { kind: 'more' };
  const crc = crc16(bytes.subarray(0, all - 4), 0xffff)
    .toString(16)
    .padStart(4, '0');
  if (bytes.toString('latin1', all - 4, all).toLowerCase() !== crc)
    return { kind: 'garbage', why: 'CRC does not fit', used: 1 };
  const known = {
    centre: centre!,
    station: station!,
    password: password!.toUpperCase(),
    function: Number.parseInt(code!, 16),
  };
  const content = bytes.subarray(HEAD_ASCII, HEAD_ASCII + length);
  return finish('ascii', known, { start: bytes[HEAD_ASCII - 1]!, content, end: bytes[all - 5]!, used: all });
}

function finish(
  coding: UpFrame['coding'],
  head: Pick<UpFrame, 'centre' | 'station' | 'password' | 'function'>,
  rest: { start: number; content: Buffer; end: number; used: number },
): FrameReading {
  const { start, content, end, used } = rest;
  if (!/^\d{10}$/.test(head.station)) return { kind: 'garbage', why: 'the station is not ten digits', used };
  if ((start !== STX && start !== SYN) || (end !== ETX && end !== ETB))
    return { kind: 'garbage', why: 'body not between STX and ETX', used };
  const whole = { coding, ...head, hasMore: end === ETB };
  // A copy: the stream's buffer goes on.
  if (start === STX) return { kind: 'frame', frame: { ...whole, body: Buffer.from(content) }, used };
  const size = coding === 'hex' ? 3 : 6;
  const numbers = coding === 'hex' ? content.toString('hex', 0, 3) : content.toString('latin1', 0, 6);
  const [count, number] = [numbers.slice(0, 3), numbers.slice(3, 6)].map((digits) => Number.parseInt(digits, 16)) as [
    number,
    number,
  ];
  if (!(count >= 1 && count <= SL651_LIMITS.packets && number >= 1 && number <= count))
    return { kind: 'garbage', why: `packet ${number} of ${count}`, used };
  return {
    kind: 'frame',
    frame: { ...whole, packet: { count, number }, body: Buffer.from(content.subarray(size)) },
    used,
  };
}

/** Writes an upward frame. */
export function writeUpFrame(frame: Omit<UpFrame, 'hasMore'> & { hasMore?: boolean }): Buffer {
  const { coding, centre, station, password, body, packet, hasMore = false } = frame;
  const numbers = packet
    ? [packet.count, packet.number].map((each) => each.toString(16).padStart(3, '0')).join('')
    : '';
  const edges = { start: packet ? SYN : STX, end: hasMore ? ETB : ETX };
  const content = Buffer.concat([Buffer.from(numbers, coding === 'hex' ? 'hex' : 'latin1'), body]);
  const size = content.length.toString(16).padStart(4, '0');
  const head = `${centre}${station}${password}${frame.function.toString(16).padStart(2, '0')}${size}`;
  return seal(coding, head, content, edges);
}

/** The answer to a report: its serial number and our time. */
export function writeDownFrame(
  to: Pick<UpFrame, 'coding' | 'centre' | 'station' | 'password' | 'function'>,
  answer: { serial: string; time: string; end: number; missing?: { count: number; number: number } },
): Buffer {
  const { coding, centre, station, password } = to;
  const { serial, time, end, missing } = answer;
  const numbers = missing
    ? [missing.count, missing.number].map((each) => each.toString(16).padStart(3, '0')).join('')
    : '';
  const content = Buffer.from(`${numbers}${serial}${time}`, coding === 'hex' ? 'hex' : 'latin1');
  const size = content.length.toString(16).padStart(3, '0');
  const head = `${station}${centre}${password}${to.function.toString(16).padStart(2, '0')}8${size}`;
  return seal(coding, head, content, { start: missing ? SYN : STX, end });
}

function seal(
  coding: UpFrame['coding'],
  head: string,
  content: Buffer,
  { start, end }: { start: number; end: number },
): Buffer {
  const bytes = Buffer.concat([
    coding === 'hex' ? Buffer.from(`7e7e${head}`, 'hex') : Buffer.from(`\u0001${head.toUpperCase()}`, 'latin1'),
    Buffer.from([start]),
    content,
    Buffer.from([end]),
  ]);
  const crc = crc16(bytes, 0xffff).toString(16).padStart(4, '0');
  return Buffer.concat([bytes, coding === 'hex' ? Buffer.from(crc, 'hex') : Buffer.from(crc.toUpperCase(), 'latin1')]);
}

export interface DownFrame {
  station: string;
  function: number;
  serial: string;
  end: number;
}

/** Reads an answer, as a station does; undefined when it is none. */
export function readDownFrame(bytes: Buffer): DownFrame | undefined {
  const isHex = bytes[0] === SOH_HEX;
  if (bytes.length < (isHex ? 25 : 40)) return undefined;
  const crcAt = bytes.length - (isHex ? 2 : 4);
  const crc = isHex ? bytes.toString('hex', crcAt) : bytes.toString('latin1', crcAt).toLowerCase();
  if (crc !== crc16(bytes.subarray(0, crcAt), 0xffff).toString(16).padStart(4, '0')) return undefined;
  const head = isHex ? bytes.toString('hex', 2, 13) : bytes.toString('latin1', 1, 23);
  const numbers = bytes[isHex ? 13 : 23] === SYN ? (isHex ? 3 : 6) : 0;
  const body = isHex ? bytes.toString('hex', 14 + numbers) : bytes.toString('latin1', 24 + numbers);
  if (head[18] !== '8') return undefined;
  return {
    station: head.slice(0, 10),
    function: Number.parseInt(head.slice(16, 18), 16),
    serial: body.slice(0, 4),
    end: bytes[crcAt - 1]!,
  };
}
