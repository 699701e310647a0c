import { type Uri, parseUri } from '../message/uri.ts';
import type { Hop } from '../transport/flow.ts';

/**
 * Where a URI is reached (RFC 3263 §4 without DNS records): its host, its port or 5060, its transport or UDP. Undefined
 * when we have no such transport (tls, sips, ws without a connection) or the URI is no SIP URI.
 */
function hopOf(uri: Uri): Hop | undefined {
  if (uri.scheme !== 'sip') return undefined;
  const transport = (uri.params.get('transport') ?? 'udp').toLowerCase();
  if (transport !== 'udp' && transport !== 'tcp') return undefined;
  return { transport, host: uri.host, port: uri.port ?? 5060 };
}

/** As hopOf, of a URI in text; undefined also when the text is no URI. */
export function hopOfText(text: string): Hop | undefined {
  try {
    return hopOf(parseUri(text));
  } catch {
    return undefined;
  }
}
