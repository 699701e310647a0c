import { BadMessage } from './bad-message.ts';
import { isHost, isToken, readNumber, skipSpace } from './grammar.ts';
import { type Params, formatParams, parseParams } from './params.ts';

/** One Via value (RFC 3261 §20.42): which way the message came, and the transaction it belongs to. */
export interface Via {
  /** UDP, TCP, TLS, WS, WSS or a transport we do not know, in upper case. */
  transport: string;
  host: string;
  port?: number;
  params: Params;
}

/** The magic cookie of RFC 3261 §8.1.1.7: a branch that begins so identifies its transaction. */
export const BRANCH_COOKIE = 'z9hG4bK';

/** Reads one Via value, with white space wherever RFC 3261 allows it. */
export function parseVia(text: string): Via {
  const firstSlash = text.indexOf('/');
  const secondSlash = text.indexOf('/', firstSlash + 1);
  if (firstSlash < 0 || secondSlash < 0) throw new BadMessage('a Via has no protocol');
  const protocol = text.slice(0, firstSlash).trim();
  const version = text.slice(firstSlash + 1, secondSlash).trim();
  if (protocol.toUpperCase() !== 'SIP' || version !== '2.0') throw new BadMessage('a Via is not of SIP/2.0');
  let i = skipSpace(text, secondSlash + 1);
  const transportStart = i;
  while (i < text.length && text.charCodeAt(i) !== 0x20 && text.charCodeAt(i) !== 0x09) i += 1;
  const transport = text.slice(transportStart, i).toUpperCase();
  if (!isToken(transport)) throw new BadMessage('a Via has no transport');
  const sentByStart = skipSpace(text, i);
  let end = text.indexOf(';', sentByStart);
  if (end < 0) end = text.length;
  const { host, port } = readSentBy(text.slice(sentByStart, end).trimEnd());
  const via: Via = { transport, host, params: parseParams(text, end) };
  if (port !== undefined) via.port = port;
  return via;
}

function readSentBy(text: string): { host: string; port?: number } {
  const colon = text.indexOf(':', text.startsWith('[') ? text.indexOf(']') : 0);
  const host = (colon < 0 ? text : text.slice(0, colon)).trimEnd().toLowerCase();
  if (!isHost(host)) throw new BadMessage('a Via has no proper host');
  if (colon < 0) return { host };
  return { host, port: readNumber(text.slice(colon + 1).trim(), 65_535, 'the port of a Via') };
}

/** Writes a Via value. */
export function formatVia({ transport, host, port, params }: Via): string {
  return `SIP/2.0/${transport} ${host}${port === undefined ? '' : `:${port}`}${formatParams(params)}`;
}
