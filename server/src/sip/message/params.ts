import { BadMessage } from './bad-message.ts';
import { isBareIPv6, isHost, isToken, quote, skipQuoted, skipSpace, trimSpace, unquote } from './grammar.ts';

/** Parameters after a `;`: names in lower case; a flag such as `lr` has the value undefined. */
export type Params = Map<string, string | undefined>;

/**
 * Reads `;name=value;flag` from index `from` to the end of `text`. White space around separators is taken, quoted
 * values are unquoted. An empty parameter, as in `;;`, is a BadMessage.
 */
export function parseParams(text: string, from: number): Params {
  const params: Params = new Map();
  let i = skipSpace(text, from);
  while (i < text.length) {
    if (text.charCodeAt(i) !== 0x3b) throw new BadMessage('something other than parameters follows a header value');
    const nameStart = skipSpace(text, i + 1);
    let end = nameStart;
    while (end < text.length && text.charCodeAt(end) !== 0x3d && text.charCodeAt(end) !== 0x3b) end += 1;
    const name = trimSpace(text.slice(nameStart, end));
    if (!isToken(name)) throw new BadMessage('a parameter has no proper name');
    let value: string | undefined;
    if (text.charCodeAt(end) === 0x3d) {
      const valueStart = skipSpace(text, end + 1);
      if (text.charCodeAt(valueStart) === 0x22) {
        end = skipQuoted(text, valueStart);
        value = unquote(text.slice(valueStart, end));
        end = skipSpace(text, end);
      } else {
        end = text.indexOf(';', valueStart);
        if (end < 0) end = text.length;
        value = trimSpace(text.slice(valueStart, end));
      }
    }
    // The first of a repeated parameter counts; RFC 3261 forbids the second and says no more.
    const key = name.toLowerCase();
    if (!params.has(key)) params.set(key, value);
    i = end;
  }
  return params;
}

/** Writes parameters in their order; a value that is neither token nor host is quoted. */
export function formatParams(params: Params): string {
  let text = '';
  for (const [name, value] of params) {
    if (value === undefined) text += `;${name}`;
    else text += `;${name}=${isToken(value) || isHost(value) || isBareIPv6(value) ? value : quote(value)}`;
  }
  return text;
}
