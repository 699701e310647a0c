import { BadMessage } from './bad-message.ts';
import { isSpace, isToken, readNumber, trimSpace } from './grammar.ts';
import { canonicalName } from './header-names.ts';
import { Request, Response, type SipMessage } from './message.ts';

/** What a message may measure. Beyond a limit a request is answered 513, a response dropped. */
export const MESSAGE_LIMITS = { headBytes: 32_768, bodyBytes: 262_144, headers: 200, headerCharacters: 8192 } as const;

export type Parsed =
  | { kind: 'message'; message: SipMessage }
  /** Malformed. `request` is there when it can be answered: its first line and headers could at least be told apart. */
  | { kind: 'bad'; status: number; complaint: string; request?: Request };

/**
 * Reads one datagram (RFC 3261 §18.3: octets after Content-Length are ignored, too few are a 400), or one WebSocket
 * message (RFC 7118 §5).
 */
export function parseDatagram(datagram: Buffer): Parsed {
  const head = findHeadEnd(datagram, 0);
  if (head === undefined) return parseUnended(datagram);
  return parseMessage(datagram.subarray(0, head.end), datagram.subarray(head.bodyStart));
}

/**
 * A datagram without the empty line. With whole lines, and a Content-Length of 0 that shows that nothing was cut off, it is
 * taken (the archive of RFC 4475 has one, baddn); everything else is a 400.
 */
function parseUnended(datagram: Buffer): Parsed {
  const parsed = parseMessage(datagram, EMPTY);
  if (parsed.kind === 'bad') return parsed;
  const { message } = parsed;
  if (datagram.at(-1) === 0x0a && message.get('Content-Length') === '0') return parsed;
  const bad = { kind: 'bad', status: 400, complaint: 'the headers do not end' } as const;
  return message instanceof Request ? { ...bad, request: message } : bad;
}

const EMPTY = Buffer.alloc(0);

/** Finds the empty line from `from` on: where the head ends and where the body begins. */
export function findHeadEnd(bytes: Buffer, from: number): { end: number; bodyStart: number } | undefined {
  const end = bytes.indexOf('\r\n\r\n', from, 'latin1');
  // Bare line feeds are wrong, but hand-written test tools send them and nothing is gained by silence. The first empty line
  // counts, of either kind: else a stream would be cut otherwise when more of it has come.
  const head = end < 0 ? bytes : bytes.subarray(0, end);
  const bare = head.indexOf('\n\n', from, 'latin1');
  if (bare >= 0) return { end: bare + 1, bodyStart: bare + 2 };
  return end < 0 ? undefined : { end: end + 2, bodyStart: end + 4 };
}

/** Reads a message whose head (without the empty line) and following octets are already apart. */
export function parseMessage(head: Buffer, rest: Buffer): Parsed {
  let message: SipMessage | undefined;
  try {
    if (head.length > MESSAGE_LIMITS.headBytes) throw new BadMessage('the headers are too large', 513);
    const { text, encoding } = decode(head);
    const start = skipEmptyLines(text);
    const lineEnd = endOfLine(text, start);
    message = parseStartLine(text.slice(start, trimCr(text, start, lineEnd)), encoding);
    parseHeaders(message, text, lineEnd + 1);
    message.body = bodyOf(message, rest);
    checkMessage(message);
    return { kind: 'message', message };
  } catch (error) {
    if (!(error instanceof BadMessage)) throw error;
    const bad = { kind: 'bad', status: error.status, complaint: error.message } as const;
    return message instanceof Request ? { ...bad, request: message } : bad;
  }
}

function decode(head: Buffer): { text: string; encoding: 'utf8' | 'latin1' } {
  const text = head.toString('utf8');
  return text.includes('\uFFFD') ? { text: head.toString('latin1'), encoding: 'latin1' } : { text, encoding: 'utf8' };
}

/** Stray empty lines before a message are ignored (RFC 3261 §7.5). */
function skipEmptyLines(text: string): number {
  let i = 0;
  while (text.charCodeAt(i) === 0x0d || text.charCodeAt(i) === 0x0a) i += 1;
  return i;
}

function parseHeaders(message: SipMessage, text: string, from: number): void {
  let position = from;
  const { names, values } = message;
  while (position < text.length) {
    let lineEnd = endOfLine(text, position);
    let contentEnd = trimCr(text, position, lineEnd);
    const colon = text.indexOf(':', position);
    const nameEnd = colon < 0 || colon > contentEnd ? contentEnd : colon;
    const name = trimSpace(text.slice(position, nameEnd));
    const valueStart = nameEnd + 1;
    let value = trimSpace(text.slice(valueStart, contentEnd));
    // Folding: a line that begins with white space continues the one before (RFC 3261 §7.3.1).
    position = lineEnd + 1;
    while (position < text.length && isSpace(text.charCodeAt(position))) {
      lineEnd = endOfLine(text, position);
      contentEnd = trimCr(text, position, lineEnd);
      value = trimSpace(`${value} ${trimSpace(text.slice(position, contentEnd))}`);
      position = lineEnd + 1;
    }
    if (nameEnd !== colon || !isToken(name)) throw new BadMessage('a header line has no name');
    if (value.length > MESSAGE_LIMITS.headerCharacters) throw new BadMessage(`${name} is too long`, 513);
    if (names.length === MESSAGE_LIMITS.headers) throw new BadMessage('there are too many headers', 513);
    if (value.includes('\r')) throw new BadMessage(`${name} has a stray carriage return`);
    names.push(canonicalName(name));
    values.push(value);
  }
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

const trimCr = (text: string, start: number, end: number): number =>
  end > start && text.charCodeAt(end - 1) === 0x0d ? end - 1 : end;

function parseStartLine(line: string, encoding: 'utf8' | 'latin1'): SipMessage {
  const firstSpace = line.indexOf(' ');
  if (firstSpace < 0) throw new BadMessage('the first line is neither a request nor a status');
  const first = line.slice(0, firstSpace);
  if (first.length === 7 && first.slice(0, 4).toUpperCase() === 'SIP/') {
    const secondSpace = line.indexOf(' ', firstSpace + 1);
    const status = line.slice(firstSpace + 1, secondSpace < 0 ? line.length : secondSpace);
    if (first.toUpperCase() !== 'SIP/2.0') throw new BadMessage('the version is not SIP/2.0', 505);
    if (status.length !== 3) throw new BadMessage('the status is not of three digits');
    const code = readNumber(status, 699, 'the status');
    if (code < 100) throw new BadMessage('the status is below 100');
    return new Response(code, secondSpace < 0 ? '' : line.slice(secondSpace + 1), [], [], undefined, encoding);
  }
  if (!isToken(first)) throw new BadMessage('the method is no token');
  const lastSpace = line.lastIndexOf(' ');
  const uri = line.slice(firstSpace + 1, lastSpace);
  const request = new Request(first, uri, [], [], undefined, encoding);
  const version = line.slice(lastSpace + 1);
  // The complaint comes when the headers are read, so that it can be answered.
  if (lastSpace === firstSpace || version.toUpperCase() !== 'SIP/2.0') request.requestUri = `${uri} ${version}`;
  return request;
}

function bodyOf(message: SipMessage, rest: Buffer): Buffer {
  const lengths = message.all('Content-Length');
  if (lengths.length === 0) return rest;
  const length = readNumber(lengths[0]!, Number.MAX_SAFE_INTEGER, 'Content-Length');
  if (lengths.some((other) => other !== lengths[0])) throw new BadMessage('there are different Content-Lengths');
  if (length > rest.length) throw new BadMessage('the body is shorter than Content-Length');
  if (length > MESSAGE_LIMITS.bodyBytes) throw new BadMessage('the body is too large', 513);
  return rest.subarray(0, length);
}

/** Headers of which there is exactly one in every message (RFC 3261 §8.1.1). */
const SINGLE = ['From', 'To', 'Call-ID', 'CSeq'] as const;

/** Every method of the registry (RFC 3261 and its extensions), offered here or not. */
const METHODS = new Set(
  'INVITE ACK BYE CANCEL OPTIONS REGISTER INFO UPDATE PRACK REFER NOTIFY SUBSCRIBE MESSAGE PUBLISH'.split(' '),
);

/** Throws BadMessage unless the message has what every message must, in good form. */
export function checkMessage(message: SipMessage): void {
  if (message instanceof Request) checkRequestLine(message);
  for (const name of SINGLE) {
    const first = message.names.indexOf(name);
    if (first < 0) throw new BadMessage(`there is no ${name}`);
    if (message.names.includes(name, first + 1)) throw new BadMessage(`there is more than one ${name}`);
  }
  if (message.callId === '' || message.callId.includes(' ')) throw new BadMessage('Call-ID is not one word');
  void message.via;
  void message.from;
  void message.to;
  const { cseq } = message;
  if (message instanceof Request) {
    // Of a method that nobody knows, that is said first (RFC 4475 §3.1.2.18).
    if (cseq.method !== message.method)
      throw new BadMessage('the CSeq names another method', METHODS.has(message.method) ? 400 : 501);
    if (message.names.indexOf('Max-Forwards') !== message.names.lastIndexOf('Max-Forwards'))
      throw new BadMessage('there is more than one Max-Forwards');
    void message.contacts;
  }
}

/**
 * A Request-URI of an unknown scheme may be of any form, so only sip:, sips: and tel: are read here; what the scheme
 * means for the request (416) is for the user agent.
 */
function checkRequestLine(request: Request): void {
  const { requestUri } = request;
  const space = requestUri.indexOf(' ');
  if (space >= 0) {
    const version = requestUri.slice(requestUri.lastIndexOf(' ') + 1);
    if (
      /^SIP\/\d+\.\d+$/i.test(version) &&
      version.toUpperCase() !== 'SIP/2.0' &&
      space === requestUri.lastIndexOf(' ')
    )
      throw new BadMessage('the version is not SIP/2.0', 505);
    throw new BadMessage('the request line is not method, URI and version with single spaces between');
  }
  const { uri } = request;
  if ((uri.scheme === 'sip' || uri.scheme === 'sips') && uri.headers !== undefined)
    throw new BadMessage('the Request-URI has headers');
}
