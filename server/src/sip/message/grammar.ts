import { BadMessage } from './bad-message.ts';

/**
 * The few words of RFC 3261 §25.1 that every header shares. Everything here walks a string by index and never
 * backtracks, so that no input costs more than its length.
 */

const TOKEN = charTable("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~");
const HOST = charTable('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._');
const IPV6 = charTable('abcdefABCDEF0123456789:.');

function charTable(characters: string): Uint8Array {
  const table = new Uint8Array(128);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

function allIn(table: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (table[text.charCodeAt(i)] !== 1) return false;
  return text.length > 0;
}

/** A method, a parameter's name, a tag: one or more of the token characters. */
export const isToken = (text: string): boolean => allIn(TOKEN, text);

/** A host name, an IPv4 address or a bracketed IPv6 reference; underscores are taken, as real networks have them. */
export function isHost(text: string): boolean {
  if (text.charCodeAt(0) === 0x5b) return text.endsWith(']') && allIn(IPV6, text.slice(1, -1));
  return text.length <= 255 && allIn(HOST, text);
}

/** Characters of an IPv6 address without brackets, as `received` has it (RFC 5118 §4.5). */
export const isBareIPv6 = (text: string): boolean => text.includes(':') && allIn(IPV6, text);

/** Reads a decimal number of at most `max`; anything else is a BadMessage naming `what`. */
export function readNumber(text: string, max: number, what: string): number {
  let value = 0;
  if (text.length === 0) throw new BadMessage(`${what} is empty`);
  for (let i = 0; i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) throw new BadMessage(`${what} is not a number`);
    value = value * 10 + digit;
    if (value > max) throw new BadMessage(`${what} is larger than ${max}`);
  }
  return value;
}

export const isSpace = (code: number): boolean => code === 0x20 || code === 0x09;

/** The index of the first character at or after `from` that is no white space. */
export function skipSpace(text: string, from: number): number {
  let i = from;
  while (i < text.length && isSpace(text.charCodeAt(i))) i += 1;
  return i;
}

/**
 * Without the white space at both ends. `String.trim` would take U+00A0 and its kin along, which are characters like any
 * other here, and bytes of a Latin-1 text.
 */
export function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

/** `text` starts a quoted string at `from`; the index just after its closing quote. */
export function skipQuoted(text: string, from: number): number {
  for (let i = from + 1; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === 0x5c) i += 1;
    else if (code === 0x22) return i + 1;
  }
  throw new BadMessage('a quoted string is not closed');
}

/** The text inside a quoted string, its backslash escapes undone. */
export function unquote(quoted: string): string {
  const inside = quoted.slice(1, -1);
  if (!inside.includes('\\')) return inside;
  let plain = '';
  for (let i = 0; i < inside.length; i += 1) {
    if (inside.charCodeAt(i) === 0x5c && i + 1 < inside.length) i += 1;
    plain += inside[i];
  }
  return plain;
}

/** A quoted string that says `text`; line breaks, which no header may hold, become spaces. */
export function quote(text: string): string {
  let quoted = '"';
  for (const character of text) {
    if (character === '"' || character === '\\') quoted += '\\';
    quoted += character < ' ' ? ' ' : character;
  }
  return `${quoted}"`;
}

/**
 * The values of a header that holds a list, split at the commas that stand outside quotes and angle brackets
 * (RFC 3261 §7.3.1). An empty value is a BadMessage.
 */
export function splitList(value: string): string[] {
  if (!value.includes(',')) return [value];
  const values: string[] = [];
  let start = 0;
  let isInAngle = false;
  for (let i = 0; i < value.length;) {
    const code = value.charCodeAt(i);
    if (code === 0x22 && !isInAngle) {
      i = skipQuoted(value, i);
      continue;
    }
    if (code === 0x3c) isInAngle = true;
    else if (code === 0x3e) isInAngle = false;
    else if (code === 0x2c && !isInAngle) {
      values.push(trimSpace(value.slice(start, i)));
      start = i + 1;
    }
    i += 1;
  }
  values.push(trimSpace(value.slice(start)));
  if (values.includes('')) throw new BadMessage('a list of header values has an empty place');
  return values;
}
