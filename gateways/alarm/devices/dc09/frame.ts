import { createCipheriv, createDecipheriv } from 'node:crypto';
import { crc16 } from '../../../kit/crc16.ts';

/**
 * The frame of ANSI/SIA DC-09-2013 and -2021 (§5.4):
 * `<LF> crc(4 hex) 0 length(3 hex) "id" sequence(4) [Rreceiver] Lline #account [data] [extended data]… [_timestamp] <CR>`
 * CRC-16/ARC and length are over everything from the first quote to before the CR.
 */
export interface Frame {
  /** `SIA-DCS`, `ADM-CID`, `NULL`, `ACK` …; without the asterisk of an encrypted one. */
  id: string;
  isEncrypted: boolean;
  sequence: string;
  receiver?: string;
  line: string;
  account: string;
  /** What is between the first brackets; without the account that some repeat before a bar. */
  data: string;
  /** Further bracketed blocks: `X…` longitude, `Y…` latitude, others. */
  extended: string[];
  /** The sender's time, in ms. */
  at?: number;
}

export const FRAME_LIMITS = {
  /** The length field has three hexadecimal digits. */
  bytes: 4095 + 10,
  extendedBlocks: 20,
} as const;

export type FrameReading =
  | { kind: 'frame'; frame: Frame }
  /** CRC, length or shape are wrong. There is nobody to answer: the sender repeats it (§5.5). */
  | { kind: 'garbage'; why: string }
  /** A sound frame that cannot be deciphered or understood: answered with DUH. */
  | {
      kind: 'unreadable';
      why: string;
      frame: Pick<Frame, 'sequence' | 'receiver' | 'line' | 'account' | 'isEncrypted'>;
    };

const HEADER = /^"(\*?)([A-Z0-9-]{2,12})"(\d{4})(?:R([0-9A-F]{0,6}))?L([0-9A-F]{0,6})#([0-9A-Z]{1,16})\[/i;

/**
 * Reads one frame, with or without its LF and CR.
 *
 * @param keyOf the key of an account, 16, 24 or 32 bytes; asked only for encrypted frames
 */
export function readFrame(bytes: Uint8Array, keyOf: (account: string) => Uint8Array | undefined): FrameReading {
  if (bytes.length > FRAME_LIMITS.bytes) return { kind: 'garbage', why: `${bytes.length} bytes` };
  let text = Buffer.from(bytes).toString('latin1');
  if (text.startsWith('\n')) text = text.slice(1);
  if (text.endsWith('\r')) text = text.slice(0, -1);
  const head = /^([0-9A-F]{4})0([0-9A-F]{3})(?=")/i.exec(text);
  if (!head) return { kind: 'garbage', why: 'no CRC and length before the id' };
  const body = text.slice(8);
  if (Number.parseInt(head[2]!, 16) !== body.length)
    return { kind: 'garbage', why: `length ${head[2]} for ${body.length} bytes` };
  if (Number.parseInt(head[1]!, 16) !== crc16(Buffer.from(body, 'latin1'), 0))
    return { kind: 'garbage', why: 'CRC does not fit' };
  const header = HEADER.exec(body);
  if (!header) return { kind: 'garbage', why: 'header malformed' };
  const [all, asterisk, id, sequence, receiver, line, account] = header as unknown as string[];
  const known = {
    isEncrypted: asterisk === '*',
    sequence: sequence!,
    ...(receiver !== undefined && { receiver }),
    line: line!,
    account: account!.toUpperCase(),
  };
  let content: string | undefined = body.slice(all!.length);
  if (known.isEncrypted) {
    const key = keyOf(known.account);
    if (!key) return { kind: 'unreadable', why: 'encrypted, and this account has no key', frame: known };
    content = decipher(content, key);
    if (content === undefined)
      return { kind: 'unreadable', why: 'cannot be deciphered with the key of this account', frame: known };
  }
  const rest = readContent(content, known.account);
  if (!rest) return { kind: 'unreadable', why: 'data malformed', frame: known };
  if (known.isEncrypted && rest.at === undefined)
    return { kind: 'unreadable', why: 'an encrypted message needs a timestamp', frame: known };
  return { kind: 'frame', frame: { id: id!.toUpperCase(), ...known, ...rest } };
}

/** Writes a frame with its LF, CRC, length and CR. Encrypted ones are padded from `pad` (§5.4.4); `key` is needed then. */
export function writeFrame(
  frame: Omit<Frame, 'extended' | 'isEncrypted' | 'at'> & { extended?: string[]; at?: number },
  { key, pad }: { key?: Uint8Array; pad?: (length: number) => string } = {},
): Buffer {
  const { id, sequence, receiver, line, account, data, extended = [], at } = frame;
  const time = at === undefined ? '' : writeTime(at);
  const blocks = extended.map((block) => `[${block}]`).join('');
  const receiverPart = receiver === undefined ? '' : `R${receiver}`;
  const head = (asterisk: string) => `"${asterisk}${id}"${sequence}${receiverPart}L${line}#${account}[`;
  const body = key
    ? head('*') + encipher(`|${data}]${blocks}${time}`, key, pad ?? ((length) => 'A'.repeat(length)))
    : `${head('')}${data}]${blocks}${time}`;
  return seal(body);
}

/** `NAK` carries our time, so that the sender can set its clock; it has no account (§5.5.3). */
export function writeNak(at: number): Buffer {
  return seal(`"NAK"0000R0L0A0[]${writeTime(at)}`);
}

function seal(body: string): Buffer {
  const bytes = Buffer.from(body, 'latin1');
  const crc = crc16(bytes, 0).toString(16).toUpperCase().padStart(4, '0');
  const length = bytes.length.toString(16).toUpperCase().padStart(3, '0');
  return Buffer.concat([Buffer.from(`\n${crc}0${length}`), bytes, Buffer.from('\r')]);
}

function readContent(content: string, account: string): Pick<Frame, 'data' | 'extended' | 'at'> | undefined {
  const parts = /^([^\]]*)\]((?:\[[^\]]*\])*)(?:_(\d\d:\d\d:\d\d,\d\d-\d\d-\d{4}))?$/.exec(content);
  if (!parts) return undefined;
  const [, data, blocks, time] = parts as unknown as [string, string, string, string | undefined];
  const extended = [...blocks.matchAll(/\[([^\]]*)\]/g)].map(([, block]) => block!);
  if (extended.length > FRAME_LIMITS.extendedBlocks) return undefined;
  const at = time === undefined ? undefined : readTime(time);
  if (time !== undefined && at === undefined) return undefined;
  return { data: withoutAccount(data, account), extended, ...(at !== undefined && { at }) };
}

/** Data may begin with the account once more, or with an empty one: `#1234|…`, `1234|…`, `|…`. */
function withoutAccount(data: string, account: string): string {
  const bar = data.indexOf('|');
  if (bar < 0) return data;
  const before = data.slice(0, bar).replace(/^#/, '').toUpperCase();
  return before === '' || before === account || /^[0-9A-Z]{0,16}$/.test(before) ? data.slice(bar + 1) : data;
}

/** `HH:MM:SS,MM-DD-YYYY` in Greenwich time (§5.4.8). */
function readTime(text: string): number | undefined {
  const [, hour, minute, second, month, day, year] = /^(\d\d):(\d\d):(\d\d),(\d\d)-(\d\d)-(\d{4})$/
    .exec(text)!
    .map(Number) as [number, number, number, number, number, number, number];
  const at = Date.UTC(year, month - 1, day, hour, minute, second);
  return writeTime(at) === `_${text}` ? at : undefined;
}

function writeTime(at: number): string {
  const [date, time] = new Date(at).toISOString().split('T') as [string, string];
  const [year, month, day] = date.split('-');
  return `_${time.slice(0, 8)},${month}-${day}-${year}`;
}

// --- AES in CBC mode with an initial vector of zeros, written as hexadecimal digits (§5.4.4) ---

const BLOCK = 16;

function decipher(hex: string, key: Uint8Array): string | undefined {
  if (hex.length === 0 || hex.length % (BLOCK * 2) !== 0 || !/^[0-9A-F]+$/i.test(hex)) return undefined;
  const cipher = createDecipheriv(`aes-${(key.length * 8) as 128 | 192 | 256}-cbc`, key, Buffer.alloc(BLOCK));
  cipher.setAutoPadding(false);
  const plain = Buffer.concat([cipher.update(Buffer.from(hex, 'hex')), cipher.final()]).toString('latin1');
  // The padding before the bar has no bar and no bracket; a wrong key leaves neither where it belongs.
  const bar = plain.indexOf('|');
  const isPadding = bar >= 0 && !/[[\]]/.test(plain.slice(0, bar));
  const content = isPadding ? plain.slice(bar + 1) : plain.replace(/^\0+/, '');
  return /^[\x20-\xff]*$/.test(content) && content.includes(']') ? content : undefined;
}

function encipher(content: string, key: Uint8Array, pad: (length: number) => string): string {
  const plain = pad(BLOCK - (content.length % BLOCK)) + content;
  const cipher = createCipheriv(`aes-${(key.length * 8) as 128 | 192 | 256}-cbc`, key, Buffer.alloc(BLOCK));
  cipher.setAutoPadding(false);
  return Buffer.concat([cipher.update(Buffer.from(plain, 'latin1')), cipher.final()])
    .toString('hex')
    .toUpperCase();
}

/** A key as it is typed in: 32, 48 or 64 hexadecimal digits, or 16, 24 or 32 characters. @returns undefined otherwise */
export function readKey(text: string): Uint8Array | undefined {
  if (/^(?:[0-9A-F]{32}|[0-9A-F]{48}|[0-9A-F]{64})$/i.test(text)) return Buffer.from(text, 'hex');
  const bytes = Buffer.from(text, 'utf8');
  return [16, 24, 32].includes(bytes.length) ? bytes : undefined;
}
