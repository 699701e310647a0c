import { type Uri, parseUri } from '../message/uri.ts';
import type { Hop } from '../transport/flow.ts';

/**
 * Where a URI is reached (RFC 3263 §4 without DNS records): its host, its port or 5060 (5061 with TLS), its transport or UDP.
 * Undefined when there is no going there by ourselves (ws without a connection) or the URI is no SIP URI.
 */
function hopOf(uri: Uri): Hop | undefined {
  if (uri.scheme !== 'sip' && uri.scheme !== 'sips') return undefined;
  const named = uri.params.get('transport')?.toLowerCase();
  // sips: is TLS all the way, whatever transport carries it (RFC 3261 §19.1.1, §26.2.2); over UDP there is none.
  const transport = uri.scheme === 'sips' && named !== 'udp' ? 'tls' : (named ?? 'udp');
  if (transport !== 'udp' && transport !== 'tcp' && transport !== 'tls') return undefined;
  if (uri.scheme === 'sips' && transport === 'udp') return undefined;
  return { transport, host: uri.host, port: uri.port ?? (transport === 'tls' ? 5061 : 5060) };
}

/** As hopOf, of a URI in text; undefined also when the text is no URI. */
export function hopOfText(text: string): Hop | undefined {
  try {
    return hopOf(parseUri(text));
  } catch {
    return undefined;
  }
}
