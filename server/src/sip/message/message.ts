import { BadMessage } from './bad-message.ts';
import { isSpace, isToken, readNumber, skipSpace, splitList } from './grammar.ts';
import { isKnownName } from './header-names.ts';
import { type NameAddr, parseNameAddr } from './name-addr.ts';
import { type Params, parseParams } from './params.ts';
import { reasonPhrase } from './status.ts';
import { type Uri, parseUri } from './uri.ts';
import { type Via, formatVia, parseVia } from './via.ts';

export interface CSeq {
  /** Below 2³¹ (RFC 3261 §8.1.1.5). */
  number: number;
  method: string;
}

const EMPTY = Buffer.alloc(0);

/**
 * What requests and responses share: headers in their order, kept as written and read only when asked for, and a body.
 * Header names are the full, usual spellings (`canonicalName`). The typed readers throw BadMessage on a malformed value;
 * `checkMessage` has asked for all that every message needs, so after the door they only can for the optional ones.
 */
abstract class Message {
  readonly names: string[];
  readonly values: string[];
  body: Buffer;
  /** How the head's bytes were read: latin1 when they were no UTF-8, so that an echo gives back the same bytes. */
  encoding: 'utf8' | 'latin1';
  #via?: Via;
  #from?: NameAddr;
  #to?: NameAddr;
  #cseq?: CSeq;
  #contacts?: (NameAddr | '*')[];

  constructor(names: string[], values: string[], body: Buffer | string, encoding: 'utf8' | 'latin1') {
    this.names = names;
    this.values = values;
    this.body = typeof body === 'string' ? (body === '' ? EMPTY : Buffer.from(body)) : body;
    this.encoding = encoding;
  }

  /** The first line. */
  protected abstract startLine(): string;

  /** The first header of this name, as written. */
  get(name: string): string | undefined {
    const index = this.names.indexOf(name);
    return index < 0 ? undefined : this.values[index];
  }

  has(name: string): boolean {
    return this.names.includes(name);
  }

  /** Every header of this name, as written, one entry a line. */
  all(name: string): string[] {
    const found: string[] = [];
    for (let i = this.names.indexOf(name); i >= 0; i = this.names.indexOf(name, i + 1)) found.push(this.values[i]!);
    return found;
  }

  /** Every value of a header that holds a list, whether in one line or in many. */
  list(name: string): string[] {
    const lines = this.all(name);
    const isPlain = lines.length === 0 || (lines.length === 1 && !lines[0]!.includes(','));
    return isPlain ? lines : lines.flatMap(splitList);
  }

  /** Puts a header at the end. Throws when the value holds a line break: nobody writes headers through a value. */
  add(name: string, value: string): this {
    if (/[\r\n]/.test(value) || !(isKnownName(name) || isToken(name)))
      throw new BadMessage(`header ${name} would break its line`);
    this.names.push(name);
    this.values.push(value);
    this.#forget();
    return this;
  }

  /** Puts a header before all others. */
  prepend(name: string, value: string): this {
    this.names.unshift(name);
    this.values.unshift(value);
    this.#forget();
    return this;
  }

  /** Gives the header this one value, where its first stood, or at the end. */
  set(name: string, value: string): this {
    const index = this.names.indexOf(name);
    if (index < 0) return this.add(name, value);
    this.values[index] = value;
    for (let i = this.names.length - 1; i > index; i -= 1) if (this.names[i] === name) this.#cut(i);
    this.#forget();
    return this;
  }

  remove(name: string): this {
    for (let i = this.names.length - 1; i >= 0; i -= 1) if (this.names[i] === name) this.#cut(i);
    this.#forget();
    return this;
  }

  #cut(index: number): void {
    this.names.splice(index, 1);
    this.values.splice(index, 1);
  }

  #forget(): void {
    this.#via = this.#from = this.#to = this.#cseq = this.#contacts = undefined;
  }

  /** The topmost Via. */
  get via(): Via {
    return (this.#via ??= parseVia(splitList(this.#needed('Via'))[0]!));
  }

  /** Writes the topmost Via anew, after `received` or `rport` were put into it. */
  rewriteTopVia(via: Via): void {
    const index = this.names.indexOf('Via');
    const rest = splitList(this.values[index]!).slice(1);
    this.values[index] = [formatVia(via), ...rest].join(', ');
    this.#via = via;
  }

  get from(): NameAddr {
    return (this.#from ??= parseNameAddr(this.#needed('From')));
  }

  get to(): NameAddr {
    return (this.#to ??= parseNameAddr(this.#needed('To')));
  }

  get fromTag(): string | undefined {
    return this.from.params.get('tag');
  }

  get toTag(): string | undefined {
    return this.to.params.get('tag');
  }

  get callId(): string {
    return this.#needed('Call-ID');
  }

  get cseq(): CSeq {
    return (this.#cseq ??= parseCSeq(this.#needed('CSeq')));
  }

  /** Contacts in their order; `*` (REGISTER only) is the string itself. */
  get contacts(): (NameAddr | '*')[] {
    return (this.#contacts ??= this.list('Contact').map((value) => (value === '*' ? '*' : parseNameAddr(value))));
  }

  /** Option tags of Require, Supported, Proxy-Require, Unsupported or the methods of Allow. */
  tags(name: 'Require' | 'Supported' | 'Proxy-Require' | 'Unsupported' | 'Allow'): string[] {
    return this.all(name).flatMap((line) =>
      line
        .split(',')
        .map((tag) => tag.trim())
        .filter((tag) => tag !== ''),
    );
  }

  /** Content-Type without parameters, in lower case; undefined when there is no body. */
  get contentType(): string | undefined {
    if (this.body.length === 0) return undefined;
    return (this.get('Content-Type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
  }

  get bodyText(): string {
    return this.body.toString('utf8');
  }

  /** The session description the message carries, also as a part of a multipart body (RFC 5621). */
  get sdp(): string | undefined {
    const type = this.contentType;
    if (type === 'application/sdp') return this.bodyText;
    if (type === undefined || !type.startsWith('multipart/')) return undefined;
    return partOf(this.bodyText, this.get('Content-Type')!, 'application/sdp');
  }

  setBody(contentType: string, body: string): this {
    this.body = Buffer.from(body);
    return this.set('Content-Type', contentType);
  }

  #needed(name: string): string {
    const value = this.get(name);
    if (value === undefined) throw new BadMessage(`there is no ${name}`);
    return value;
  }

  /** The bytes for the wire. Content-Length is always written, and always right. */
  toBuffer(): Buffer {
    let head = `${this.startLine()}\r\n`;
    const { names, values } = this;
    for (let i = 0; i < names.length; i += 1)
      if (names[i] !== 'Content-Length') head += `${names[i]!}: ${values[i]!}\r\n`;
    head += `Content-Length: ${this.body.length}\r\n\r\n`;
    const headBytes = Buffer.from(head, this.encoding);
    return this.body.length === 0 ? headBytes : Buffer.concat([headBytes, this.body]);
  }

  toString(): string {
    return this.toBuffer().toString(this.encoding);
  }
}

export class Request extends Message {
  readonly method: string;
  /** As on the wire. */
  requestUri: string;
  #uri?: { text: string; uri: Uri };

  constructor(
    method: string,
    requestUri: string,
    names: string[] = [],
    values: string[] = [],
    body: Buffer | string = EMPTY,
    encoding: 'utf8' | 'latin1' = 'utf8',
  ) {
    super(names, values, body, encoding);
    this.method = method;
    this.requestUri = requestUri;
  }

  /** The Request-URI, read; throws BadMessage 400 when malformed. */
  get uri(): Uri {
    if (this.#uri?.text !== this.requestUri) this.#uri = { text: this.requestUri, uri: parseUri(this.requestUri) };
    return this.#uri.uri;
  }

  /** Absent or out of range counts as absent (RFC 4475 §3.1.2.4). */
  get maxForwards(): number | undefined {
    const value = this.get('Max-Forwards');
    return value !== undefined && /^\d{1,10}$/.test(value) && Number(value) <= 255 ? Number(value) : undefined;
  }

  protected startLine(): string {
    return `${this.method} ${this.requestUri} SIP/2.0`;
  }
}

export class Response extends Message {
  readonly status: number;
  readonly reason: string;

  constructor(
    status: number,
    reason: string = reasonPhrase(status),
    names: string[] = [],
    values: string[] = [],
    body: Buffer | string = EMPTY,
    encoding: 'utf8' | 'latin1' = 'utf8',
  ) {
    super(names, values, body, encoding);
    this.status = status;
    this.reason = reason;
  }

  /**
   * A response to `request` with the headers RFC 3261 §8.2.6.2 has copied. `toTag` is added to To unless it has a tag or
   * the response is a 100.
   */
  static to(request: Request, status: number, options: { reason?: string; toTag?: string } = {}): Response {
    const response = new Response(status, options.reason, [], [], EMPTY, request.encoding);
    for (let i = 0; i < request.names.length; i += 1) {
      const name = request.names[i]!;
      if (!COPIED.has(name)) continue;
      response.names.push(name);
      response.values.push(request.values[i]!);
    }
    if (status > 100 && options.toTag !== undefined) {
      const index = response.names.indexOf('To');
      if (index >= 0 && !hasToTag(request)) response.values[index] += `;tag=${options.toTag}`;
    }
    return response;
  }

  get isProvisional(): boolean {
    return this.status < 200;
  }

  protected startLine(): string {
    return `SIP/2.0 ${this.status} ${this.reason.replace(/[\r\n]/g, ' ')}`;
  }
}

export type SipMessage = Request | Response;

const COPIED = new Set(['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Timestamp']);

/** A To that cannot be read has no tag we could use; the answer to such a request is a 400 and stays as it is. */
function hasToTag(request: Request): boolean {
  try {
    return request.toTag !== undefined;
  } catch {
    return true;
  }
}

/** Reads `314159 INVITE`. */
function parseCSeq(value: string): CSeq {
  const text = value.trim();
  let end = 0;
  while (end < text.length && !isSpace(text.charCodeAt(end))) end += 1;
  const method = text.slice(skipSpace(text, end));
  if (!isToken(method)) throw new BadMessage('CSeq is not a number and a method');
  return { number: readNumber(text.slice(0, end), 0x7fffffff, 'CSeq'), method };
}

/** Reads a value of the form `token;param=value`, such as Event, Session-Expires, Subscription-State. */
export function parseTokenWithParams(value: string): { token: string; params: Params } {
  const semicolon = value.indexOf(';');
  const end = semicolon < 0 ? value.length : semicolon;
  return { token: value.slice(0, end).trim(), params: parseParams(value, end) };
}

function partOf(body: string, contentType: string, wanted: string): string | undefined {
  const boundary = parseTokenWithParams(contentType).params.get('boundary');
  if (!boundary) return undefined;
  for (const part of body.split(`--${boundary}`).slice(1)) {
    const [head = '', ...rest] = part.split(/\r?\n\r?\n/);
    const type = /^content-type[ \t]*:[ \t]*([^;\s]+)/im.exec(head)?.[1];
    if (type?.toLowerCase() === wanted) return rest.join('\r\n\r\n').replace(/\r?\n$/, '\r\n');
  }
  return undefined;
}
