import { BadMessage } from './bad-message.ts';
import { isToken, quote, skipQuoted, skipSpace, trimSpace, unquote } from './grammar.ts';
import { type Params, formatParams, parseParams } from './params.ts';
import { type Uri, formatUri, parseUri } from './uri.ts';

/** What From, To, Contact, Route, Record-Route and Refer-To hold (RFC 3261 §20.10). */
export interface NameAddr {
  displayName?: string;
  uri: Uri;
  /** The header's parameters, not the URI's. */
  params: Params;
}

/**
 * Reads one name-addr or addr-spec with its parameters. Lenient, as RFC 4475 §3.1.2.14 and §3.1.2.15 allow: spaces just
 * inside the angle brackets are ignored and an unquoted display name may hold any character but a quote.
 */
export function parseNameAddr(text: string): NameAddr {
  let i = skipSpace(text, 0);
  let displayName: string | undefined;
  let open: number;
  if (text.charCodeAt(i) === 0x22) {
    const end = skipQuoted(text, i);
    displayName = unquote(text.slice(i, end));
    open = skipSpace(text, end);
    if (text.charCodeAt(open) !== 0x3c) throw new BadMessage('a display name is not followed by <');
  } else {
    open = text.indexOf('<', i);
    if (open > i) {
      displayName = trimSpace(text.slice(i, open));
      if (displayName.includes('"')) throw new BadMessage('a display name has a stray quote');
      // A `;` before the bracket means that the value was an addr-spec with parameters after all.
      if (displayName.includes(';') && displayName.includes(':')) open = -1;
    }
  }
  if (open >= 0) {
    const close = text.indexOf('>', open);
    if (close < 0) throw new BadMessage('an angle bracket is not closed');
    const uri = parseUri(trimSpace(text.slice(open + 1, close)));
    const params = parseParams(text, close + 1);
    return displayName ? { displayName, uri, params } : { uri, params };
  }
  // An addr-spec: its parameters belong to the header, and `,` or `?` would need brackets (RFC 3261 §20).
  const semicolon = text.indexOf(';', i);
  const end = semicolon < 0 ? text.length : semicolon;
  const spec = trimSpace(text.slice(i, end));
  if (spec.includes('?') || spec.includes(',')) throw new BadMessage('a URI with ? or , must stand in < >');
  i = end;
  return { uri: parseUri(spec), params: parseParams(text, i) };
}

/** Writes a name-addr; the URI always stands in brackets. */
export function formatNameAddr({ displayName, uri, params }: NameAddr): string {
  return `${displayName ? `${formatDisplayName(displayName)} ` : ''}<${formatUri(uri)}>${formatParams(params)}`;
}

const formatDisplayName = (name: string): string => (isToken(name) ? name : quote(name));
