import { BadMessage } from './bad-message.ts';
import { isHost, readNumber } from './grammar.ts';

/** A sip: or sips: URI (RFC 3261 §19.1). `user`, `password` and `headers` are as on the wire, with their %-escapes. */
interface SipUri {
  scheme: 'sip' | 'sips';
  user?: string;
  password?: string;
  /** A name, an IPv4 address, or an IPv6 address in brackets; in lower case. */
  host: string;
  port?: number;
  /** Names in lower case; a flag such as `lr` has the value undefined. Values are as on the wire. */
  params: Map<string, string | undefined>;
  /** What follows the `?`. */
  headers?: string;
}

/** A tel: URI (RFC 3966): the number as written, and its parameters. */
interface TelUri {
  scheme: 'tel';
  number: string;
  params: Map<string, string | undefined>;
}

/** A URI of another scheme, kept but not understood. */
interface OtherUri {
  scheme: 'other';
  name: string;
  opaque: string;
}

export type Uri = SipUri | TelUri | OtherUri;

const URI_CHARACTERS_LIMIT = 2048;

/** Reads a URI; throws BadMessage 400 when malformed, 414 when longer than 2048 characters. */
export function parseUri(text: string): Uri {
  if (text.length > URI_CHARACTERS_LIMIT) throw new BadMessage('a URI is too long', 414);
  const colon = text.indexOf(':');
  if (colon <= 0) throw new BadMessage('a URI has no scheme');
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code === 0x22 || code === 0x3c || code === 0x3e || code === 0x7f)
      throw new BadMessage('a URI has a character that must be escaped');
  }
  const scheme = text.slice(0, colon).toLowerCase();
  if (scheme === 'sip' || scheme === 'sips') return parseSipUri(scheme, text.slice(colon + 1));
  if (scheme === 'tel') {
    const [number = '', ...params] = text.slice(colon + 1).split(';');
    if (number === '') throw new BadMessage('a tel: URI has no number');
    return { scheme, number, params: readUriParams(params) };
  }
  if (!/^[a-z][a-z0-9+.-]*$/.test(scheme)) throw new BadMessage('a URI has no proper scheme');
  return { scheme: 'other', name: scheme, opaque: text.slice(colon + 1) };
}

function parseSipUri(scheme: 'sip' | 'sips', rest: string): SipUri {
  const uri: SipUri = { scheme, host: '', params: NO_PARAMS };
  // The user part may hold `;` `?` and `/` (RFC 4475 §3.1.1.9), so the last @ before any header part decides.
  let hostStart = 0;
  const at = rest.indexOf('@');
  if (at >= 0) {
    const userInfo = rest.slice(0, at);
    const colon = userInfo.indexOf(':');
    uri.user = colon < 0 ? userInfo : userInfo.slice(0, colon);
    if (colon >= 0) uri.password = userInfo.slice(colon + 1);
    if (uri.user === '') throw new BadMessage('a SIP URI has an empty user part');
    hostStart = at + 1;
  }
  let afterHost = hostStart;
  if (rest.charCodeAt(afterHost) === 0x5b) {
    afterHost = rest.indexOf(']', afterHost) + 1;
    if (afterHost === 0) throw new BadMessage('an IPv6 address is not closed');
  } else {
    while (afterHost < rest.length && !endsHost(rest.charCodeAt(afterHost))) afterHost += 1;
  }
  uri.host = rest.slice(hostStart, afterHost).toLowerCase();
  if (!isHost(uri.host)) throw new BadMessage('a SIP URI has no proper host');
  let i = afterHost;
  if (rest.charCodeAt(i) === 0x3a) {
    let end = i + 1;
    while (end < rest.length && !endsHost(rest.charCodeAt(end))) end += 1;
    uri.port = readNumber(rest.slice(i + 1, end), 65_535, 'the port of a URI');
    i = end;
  }
  const question = rest.indexOf('?', i);
  const params = question < 0 ? rest.slice(i) : rest.slice(i, question);
  if (question >= 0) uri.headers = rest.slice(question + 1);
  if (params !== '') {
    if (params.charCodeAt(0) !== 0x3b) throw new BadMessage('a SIP URI has something odd after its host');
    uri.params = readUriParams(params.slice(1).split(';'));
  }
  return uri;
}

/** Shared by all URIs without parameters, so that the common URI costs no map. Copy before writing to one. */
const NO_PARAMS: Map<string, string | undefined> = new Map();

/** Ends a host or a port: `:` `;` `?`. */
const endsHost = (code: number): boolean => code === 0x3a || code === 0x3b || code === 0x3f;

function readUriParams(parts: string[]): Map<string, string | undefined> {
  if (parts.length === 0) return NO_PARAMS;
  const params = new Map<string, string | undefined>();
  for (const part of parts) {
    const equals = part.indexOf('=');
    const name = (equals < 0 ? part : part.slice(0, equals)).toLowerCase();
    if (name === '') throw new BadMessage('a URI has an empty parameter');
    if (!params.has(name)) params.set(name, equals < 0 ? undefined : part.slice(equals + 1));
  }
  return params;
}

/** Writes a URI as it goes on the wire. */
export function formatUri(uri: Uri): string {
  switch (uri.scheme) {
    case 'other':
      return `${uri.name}:${uri.opaque}`;
    case 'tel':
      return `tel:${uri.number}${formatUriParams(uri.params)}`;
    case 'sip':
    case 'sips': {
      const userInfo =
        uri.user === undefined ? '' : `${uri.user}${uri.password === undefined ? '' : `:${uri.password}`}@`;
      const port = uri.port === undefined ? '' : `:${uri.port}`;
      const headers = uri.headers === undefined ? '' : `?${uri.headers}`;
      return `${uri.scheme}:${userInfo}${uri.host}${port}${formatUriParams(uri.params)}${headers}`;
    }
  }
}

function formatUriParams(params: ReadonlyMap<string, string | undefined>): string {
  let text = '';
  for (const [name, value] of params) text += value === undefined ? `;${name}` : `;${name}=${value}`;
  return text;
}

/** The user a URI names: a SIP user part with its escapes undone, or a telephone number without visual separators. */
export function userOf(uri: Uri): string {
  if (uri.scheme === 'tel') return uri.number.replace(/[-.()]/g, '');
  if (uri.scheme === 'other') return '';
  return unescape(uri.user ?? '');
}

/** Undoes %-escapes; a `%` that starts none stays (RFC 4475 §3.1.1.5), bytes that are no UTF-8 stay escaped. */
export function unescape(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escaped) => {
    try {
      return decodeURIComponent(escaped);
    } catch {
      return escaped;
    }
  });
}

/** Escapes what may not stand in a SIP user part (RFC 3261 §25.1, `user`). */
export function escapeUser(text: string): string {
  return text.replace(/[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

/** The parameters that must agree when either URI has them (RFC 3261 §19.1.4). */
const WEIGHTY_PARAMS = ['user', 'ttl', 'method', 'maddr', 'transport'];

/** Whether two URIs are the same by RFC 3261 §19.1.4. */
export function sameUri(a: Uri, b: Uri): boolean {
  if (a.scheme === 'other' || b.scheme === 'other')
    return a.scheme === b.scheme && formatUri(a) === formatUri(b as OtherUri);
  if (a.scheme === 'tel' || b.scheme === 'tel') return a.scheme === b.scheme && userOf(a) === userOf(b);
  if (a.scheme !== b.scheme || a.host !== b.host || a.port !== b.port) return false;
  if (unescape(a.user ?? '') !== unescape(b.user ?? '') || (a.user === undefined) !== (b.user === undefined))
    return false;
  if ((a.password ?? '') !== (b.password ?? '') || sortedHeaders(a) !== sortedHeaders(b)) return false;
  for (const name of WEIGHTY_PARAMS) if (a.params.has(name) !== b.params.has(name)) return false;
  for (const [name, value] of a.params)
    if (b.params.has(name) && (value ?? '').toLowerCase() !== (b.params.get(name) ?? '').toLowerCase()) return false;
  return true;
}

const sortedHeaders = (uri: SipUri): string => (uri.headers ?? '').toLowerCase().split('&').sort().join('&');
