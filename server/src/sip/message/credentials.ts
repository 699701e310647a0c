import { BadMessage } from './bad-message.ts';
import { isToken, quote, skipQuoted, skipSpace, unquote } from './grammar.ts';

/** A challenge or credentials: WWW-Authenticate, Authorization and their Proxy- kin (RFC 3261 §20.7, §20.44). */
export interface AuthValue {
  /** As written; compare without regard to case. */
  scheme: string;
  /** Names in lower case, values unquoted. */
  params: Map<string, string>;
}

/** Parameters whose values are bare tokens in digest; all others are quoted (RFC 7616 §3.3, §3.4). */
const BARE = new Set(['algorithm', 'stale', 'nc']);

/** Reads `Scheme name=value, name="value"`; throws BadMessage when it is not of that form. */
export function parseAuthValue(text: string): AuthValue {
  let i = 0;
  while (i < text.length && text.charCodeAt(i) > 0x20) i += 1;
  const scheme = text.slice(0, i);
  if (!isToken(scheme)) throw new BadMessage('an authorization has no scheme');
  const params = new Map<string, string>();
  i = skipSpace(text, i);
  while (i < text.length) {
    const equals = text.indexOf('=', i);
    if (equals < 0) throw new BadMessage('an authorization parameter has no value');
    const name = text.slice(i, equals).trim().toLowerCase();
    if (!isToken(name)) throw new BadMessage('an authorization parameter has no proper name');
    const valueStart = skipSpace(text, equals + 1);
    let end: number;
    if (text.charCodeAt(valueStart) === 0x22) {
      end = skipQuoted(text, valueStart);
      params.set(name, unquote(text.slice(valueStart, end)));
      end = skipSpace(text, end);
    } else {
      end = text.indexOf(',', valueStart);
      if (end < 0) end = text.length;
      params.set(name, text.slice(valueStart, end).trim());
    }
    if (end < text.length && text.charCodeAt(end) !== 0x2c) throw new BadMessage('an authorization has no comma');
    i = skipSpace(text, end + 1);
  }
  return { scheme, params };
}

/** Writes a challenge (`qop` quoted) or credentials (`qop` bare), as RFC 7616 asks of each. */
export function formatAuthValue(value: AuthValue, kind: 'challenge' | 'credentials'): string {
  const parts: string[] = [];
  for (const [name, text] of value.params) {
    const isBare = BARE.has(name) || (name === 'qop' && kind === 'credentials');
    parts.push(`${name}=${isBare ? text : quote(text)}`);
  }
  return `${value.scheme} ${parts.join(', ')}`;
}
