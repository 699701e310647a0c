/**
 * CMPP 2.0 and 3.0, China Mobile's protocol between a sender and its short-message gateway (ISMG): the packets as bytes.
 * Fields are those of the specification's chapter "message definitions"; text fields are padded with zeros, numbers are
 * big-endian. Nothing here has state or does I/O.
 */
import { createHash } from 'node:crypto';

export type CmppVersion = '2.0' | '3.0';

export const CMPP_LIMITS = {
  /** A packet that says to be longer is not read: the longest SUBMIT to one number is below 400 bytes. */
  packetBytes: 4096,
} as const;

const HEADER_BYTES = 12;

/** Command_Id; the answer to each has the highest bit set. */
const COMMANDS = {
  connect: 0x00000001,
  terminate: 0x00000002,
  submit: 0x00000004,
  deliver: 0x00000005,
  'active-test': 0x00000008,
  'connect-resp': 0x80000001,
  'terminate-resp': 0x80000002,
  'submit-resp': 0x80000004,
  'deliver-resp': 0x80000005,
  'active-test-resp': 0x80000008,
} as const;
const NAMES = new Map<number, keyof typeof COMMANDS>(
  Object.entries(COMMANDS).map(([name, id]) => [id, name as keyof typeof COMMANDS]),
);

export type CmppPdu =
  | { command: 'connect'; account: string; proof: Buffer; version: number; timestamp: number }
  | { command: 'connect-resp'; status: number; proof: Buffer; version: number }
  | { command: 'terminate' | 'terminate-resp' | 'active-test' | 'active-test-resp' }
  | {
      command: 'submit';
      partNumber: number;
      partTotal: number;
      serviceId: string;
      /** Msg_src: whose account it is. */
      account: string;
      hasHeader: boolean;
      format: number;
      from: string;
      to: string;
      content: Buffer;
    }
  | { command: 'submit-resp'; messageId: string; result: number }
  | {
      command: 'deliver';
      messageId: string;
      from: string;
      to: string;
      serviceId: string;
      hasHeader: boolean;
      format: number;
      isReport: boolean;
      content: Buffer;
    }
  | { command: 'deliver-resp'; messageId: string; result: number };

export type NumberedPdu = CmppPdu & { sequence: number };

/** What stands in a DELIVER that is a status report. */
export interface CmppReport {
  messageId: string;
  /** DELIVRD, EXPIRED, UNDELIV …, or a code of the network such as MK:0013. */
  word: string;
  recipient: string;
}

/** How wide phone numbers and results are in each version. */
const WIDTHS = { '2.0': { number: 21, result: 1 }, '3.0': { number: 32, result: 4 } } as const;

export function writeCmpp(pdu: NumberedPdu, version: CmppVersion): Buffer {
  const body = bodyOf(pdu, version);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(HEADER_BYTES + body.length, 0);
  header.writeUInt32BE(COMMANDS[pdu.command], 4);
  header.writeUInt32BE(pdu.sequence >>> 0, 8);
  return Buffer.concat([header, body]);
}

function bodyOf(pdu: CmppPdu, version: CmppVersion): Buffer {
  const { number, result } = WIDTHS[version];
  const isThree = version === '3.0';
  switch (pdu.command) {
    case 'connect':
      return Buffer.concat([text(pdu.account, 6), fixed(pdu.proof, 16), byte(pdu.version), uint(pdu.timestamp, 4)]);
    case 'connect-resp':
      return Buffer.concat([uint(pdu.status, result), fixed(pdu.proof, 16), byte(pdu.version)]);
    case 'terminate':
    case 'terminate-resp':
    case 'active-test':
      return Buffer.alloc(0);
    case 'active-test-resp':
      return Buffer.alloc(1);
    case 'submit':
      return Buffer.concat([
        Buffer.alloc(8),
        byte(pdu.partTotal),
        byte(pdu.partNumber),
        // A status report is wanted; ordinary priority.
        byte(1),
        byte(1),
        text(pdu.serviceId, 10),
        // The sender pays: no fee number.
        byte(2),
        text('', number),
        ...(isThree ? [byte(0)] : []),
        byte(0),
        byte(pdu.hasHeader ? 1 : 0),
        byte(pdu.format),
        text(pdu.account, 6),
        text('01', 2),
        text('000000', 6),
        text('', 17),
        text('', 17),
        text(pdu.from, 21),
        byte(1),
        text(pdu.to, number),
        ...(isThree ? [byte(0)] : []),
        byte(pdu.content.length),
        pdu.content,
        Buffer.alloc(isThree ? 20 : 8),
      ]);
    case 'submit-resp':
    case 'deliver-resp':
      return Buffer.concat([idBytes(pdu.messageId), uint(pdu.result, result)]);
    case 'deliver':
      return Buffer.concat([
        idBytes(pdu.messageId),
        text(pdu.to, 21),
        text(pdu.serviceId, 10),
        byte(0),
        byte(pdu.hasHeader ? 1 : 0),
        byte(pdu.format),
        text(pdu.from, number),
        ...(isThree ? [byte(0)] : []),
        byte(pdu.isReport ? 1 : 0),
        byte(pdu.content.length),
        pdu.content,
        Buffer.alloc(isThree ? 20 : 8),
      ]);
  }
}

/** Reads one whole packet; undefined when it is none of ours or its lengths do not add up. Never throws. */
export function readCmpp(packet: Buffer, version: CmppVersion): NumberedPdu | undefined {
  if (packet.length < HEADER_BYTES || packet.readUInt32BE(0) !== packet.length) return undefined;
  const command = NAMES.get(packet.readUInt32BE(4));
  if (!command) return undefined;
  const sequence = packet.readUInt32BE(8);
  const reader = new Reader(packet.subarray(HEADER_BYTES));
  const pdu = readBody(command, reader, version);
  return reader.isShort ? undefined : { ...pdu, sequence };
}

function readBody(command: keyof typeof COMMANDS, read: Reader, version: CmppVersion): CmppPdu {
  const { number, result } = WIDTHS[version];
  const isThree = version === '3.0';
  switch (command) {
    case 'connect':
      return { command, account: read.text(6), proof: read.bytes(16), version: read.uint(1), timestamp: read.uint(4) };
    case 'connect-resp':
      return { command, status: read.uint(result), proof: read.bytes(16), version: read.uint(1) };
    case 'terminate':
    case 'terminate-resp':
    case 'active-test':
    case 'active-test-resp':
      return { command };
    case 'submit': {
      read.bytes(8);
      const [partTotal, partNumber] = [read.uint(1), read.uint(1)];
      read.bytes(2);
      const serviceId = read.text(10);
      read.bytes(1 + number + (isThree ? 1 : 0) + 1);
      const [hasHeader, format, account] = [read.uint(1) === 1, read.uint(1), read.text(6)];
      read.bytes(2 + 6 + 17 + 17);
      const from = read.text(21);
      const numbers = Array.from({ length: read.uint(1) }, () => read.text(number));
      if (isThree) read.bytes(1);
      const content = read.bytes(read.uint(1));
      const to = numbers[0] ?? '';
      return { command, partTotal, partNumber, serviceId, account, hasHeader, format, from, to, content };
    }
    case 'submit-resp':
    case 'deliver-resp':
      return { command, messageId: idText(read.bytes(8)), result: read.uint(result) };
    case 'deliver': {
      const [messageId, to, serviceId] = [idText(read.bytes(8)), read.text(21), read.text(10)];
      read.bytes(1);
      const [hasHeader, format, from] = [read.uint(1) === 1, read.uint(1), read.text(number)];
      if (isThree) read.bytes(1);
      const isReport = read.uint(1) === 1;
      const content = read.bytes(read.uint(1));
      return { command, messageId, from, to, serviceId, hasHeader, format, isReport, content };
    }
  }
}

/** Cuts a TCP stream into packets. */
export class CmppFrames {
  #rest: Buffer = Buffer.alloc(0);

  /** Takes what has come; gives the packets that are whole now, or undefined when this is not CMPP: end the connection. */
  take(bytes: Buffer): Buffer[] | undefined {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const packets: Buffer[] = [];
    while (this.#rest.length >= 4) {
      const length = this.#rest.readUInt32BE(0);
      if (length < HEADER_BYTES || length > CMPP_LIMITS.packetBytes) return undefined;
      if (this.#rest.length < length) break;
      packets.push(this.#rest.subarray(0, length));
      this.#rest = this.#rest.subarray(length);
    }
    return packets;
  }
}

// --- proofs, times and ids ---

/** AuthenticatorSource: MD5 of account, nine zeros, shared secret and the time as ten digits. */
export function proofOfSender(account: string, secret: string, timestamp: number): Buffer {
  const digits = String(timestamp).padStart(10, '0');
  return md5(Buffer.from(account, 'latin1'), Buffer.alloc(9), Buffer.from(secret, 'latin1'), Buffer.from(digits));
}

/** AuthenticatorISMG: MD5 of the status, the sender's proof and the shared secret. */
export function proofOfGateway(status: number, senderProof: Buffer, secret: string, version: CmppVersion): Buffer {
  return md5(uint(status, WIDTHS[version].result), senderProof, Buffer.from(secret, 'latin1'));
}

/** The version as CONNECT writes it: major in the high four bits, minor in the low. */
export function versionByte(version: CmppVersion): number {
  return version === '2.0' ? 0x20 : 0x30;
}

/** A moment as MMDDHHMMSS, read as one number, in local time as the gateways use it. */
export function timestampOf(atMs: number): number {
  const at = new Date(atMs);
  const parts = [at.getMonth() + 1, at.getDate(), at.getHours(), at.getMinutes(), at.getSeconds()];
  return Number(parts.map((part) => String(part).padStart(2, '0')).join(''));
}

/** A Msg_Id as people can read it: MMDDHHMMSS, the gateway's code and the sequence. */
export function messageIdOf(timestamp: number, gatewayCode: number, sequence: number): string {
  return `${String(timestamp).padStart(10, '0')}-${gatewayCode}-${sequence}`;
}

/** The 64 bits of a Msg_Id: month 4, day 5, hour 5, minute 6, second 6, gateway 22, sequence 16. */
function idBytes(id: string): Buffer {
  const [time = '', gateway = '0', sequence = '0'] = id.split('-');
  const two = (at: number) => BigInt(Number(time.slice(at, at + 2)) || 0);
  const bits = [
    [two(0), 4n],
    [two(2), 5n],
    [two(4), 5n],
    [two(6), 6n],
    [two(8), 6n],
    [BigInt(Number(gateway) || 0), 22n],
    [BigInt(Number(sequence) || 0), 16n],
  ] as const;
  const value = bits.reduce((sum, [part, width]) => (sum << width) | (part & ((1n << width) - 1n)), 0n);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

function idText(bytes: Buffer): string {
  if (bytes.length < 8) return '';
  let value = bytes.readBigUInt64BE(0);
  const take = (width: bigint) => {
    const part = Number(value & ((1n << width) - 1n));
    value >>= width;
    return part;
  };
  const [sequence, gateway] = [take(16n), take(22n)];
  const [second, minute, hour, day, month] = [take(6n), take(6n), take(5n), take(5n), take(4n)];
  const time = [month!, day!, hour!, minute!, second!].map((part) => String(part).padStart(2, '0')).join('');
  return `${time}-${gateway}-${sequence}`;
}

// --- status reports ---

/** Writes the content of a DELIVER that reports on a message. */
export function writeReport(report: CmppReport & { atMs: number; sequence: number }, version: CmppVersion): Buffer {
  const minute = String(timestampOf(report.atMs)).padStart(10, '0').slice(0, 8);
  const time = text(`${String(new Date(report.atMs).getFullYear()).slice(2)}${minute}`, 10);
  const { number } = WIDTHS[version];
  return Buffer.concat([
    idBytes(report.messageId),
    text(report.word, 7),
    time,
    time,
    text(report.recipient, number),
    uint(report.sequence, 4),
  ]);
}

/** Reads the content of a report; undefined when it is too short. */
export function readReport(content: Buffer, version: CmppVersion): CmppReport | undefined {
  const read = new Reader(content);
  const messageId = idText(read.bytes(8));
  const word = read.text(7);
  read.bytes(20);
  const recipient = read.text(WIDTHS[version].number);
  return read.isShort || word === '' ? undefined : { messageId, word, recipient };
}

// --- bytes ---

class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  /** Something was asked for that was not there. */
  isShort = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  bytes(count: number): Buffer {
    const taken = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    if (taken.length < count) this.isShort = true;
    return taken;
  }

  uint(count: number): number {
    const taken = this.bytes(count);
    return taken.length < count ? 0 : taken.readUIntBE(0, count);
  }

  text(count: number): string {
    const taken = this.bytes(count);
    const end = taken.indexOf(0);
    return (end < 0 ? taken : taken.subarray(0, end)).toString('latin1').trim();
  }
}

function text(value: string, width: number): Buffer {
  return fixed(Buffer.from(value, 'latin1'), width);
}

function fixed(value: Buffer, width: number): Buffer {
  const bytes = Buffer.alloc(width);
  value.copy(bytes, 0, 0, width);
  return bytes;
}

function byte(value: number): Buffer {
  return Buffer.from([value & 0xff]);
}

function uint(value: number, width: number): Buffer {
  const bytes = Buffer.alloc(width);
  bytes.writeUIntBE(value % 2 ** (8 * width), 0, width);
  return bytes;
}

function md5(...parts: Buffer[]): Buffer {
  return createHash('md5').update(Buffer.concat(parts)).digest();
}
