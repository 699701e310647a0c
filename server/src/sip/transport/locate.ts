import { isIP } from 'node:net';

import type { Chance } from '#kernel/chance.ts';
import type { Uri } from '../message/uri.ts';
import { type Hop, bare, bracketed } from './flow.ts';
import type { Resolver } from './resolver.ts';

type SipUri = Extract<Uri, { scheme: 'sip' | 'sips' }>;
type Transport = Hop['transport'];

/** More targets of one name than this nobody waits for. */
const HOPS_LIMIT = 8;

const DEFAULT_PORT: Record<Transport, number> = { udp: 5060, tcp: 5060, tls: 5061 };
const SRV_PREFIX: Record<Transport, string> = { udp: '_sip._udp', tcp: '_sip._tcp', tls: '_sips._tcp' };
const NAPTR_SERVICE: Record<string, Transport> = { 'SIP+D2U': 'udp', 'SIP+D2T': 'tcp', 'SIPS+D2T': 'tls' };

/** Whether DNS has to be asked for this URI at all. */
export const needsDns = (uri: Uri): uri is SipUri =>
  (uri.scheme === 'sip' || uri.scheme === 'sips') && isIP(bare(uri.host)) === 0;

/**
 * Where a URI with a host name is reached, the targets in the order in which they are to be tried (RFC 3263 §4): by NAPTR,
 * then by SRV with priority and weight, then by address. `canTls` says whether TLS can be spoken; sips: is nothing else.
 */
export async function locate(uri: SipUri, resolver: Resolver, chance: Chance, canTls: boolean): Promise<Hop[]> {
  const named = uri.params.get('transport')?.toLowerCase();
  const isSips = uri.scheme === 'sips';
  if (named !== undefined && named !== 'udp' && named !== 'tcp' && named !== 'tls') return [];
  if ((isSips && (named === 'udp' || !canTls)) || (named === 'tls' && !canTls)) return [];
  const chosen: Transport | undefined = isSips ? 'tls' : named;
  // A port says that no SRV is meant (§4.2).
  if (uri.port !== undefined) return hopsOf(uri.host, uri.port, chosen ?? 'udp', uri.host, resolver);
  const services = await servicesOf(uri, chosen, resolver, canTls);
  const hops: Hop[] = [];
  for (const { transport, name } of services) {
    for (const target of inOrder(await resolver.srv(name), chance)) {
      if (hops.length >= HOPS_LIMIT || target.name === '.') break;
      hops.push(...(await hopsOf(target.name, target.port, transport, uri.host, resolver)));
    }
  }
  if (hops.length > 0) return hops.slice(0, HOPS_LIMIT);
  const transport = chosen ?? 'udp';
  return (await hopsOf(uri.host, DEFAULT_PORT[transport], transport, uri.host, resolver)).slice(0, HOPS_LIMIT);
}

/** The names to ask SRV for, by NAPTR when the transport is left open (§4.1). */
async function servicesOf(
  uri: SipUri,
  chosen: Transport | undefined,
  resolver: Resolver,
  canTls: boolean,
): Promise<{ transport: Transport; name: string }[]> {
  if (chosen) return [{ transport: chosen, name: `${SRV_PREFIX[chosen]}.${uri.host}` }];
  const records = (await resolver.naptr(uri.host)).toSorted((a, b) => a.order - b.order || a.preference - b.preference);
  const offered = records.flatMap(({ flags, service, replacement }) => {
    const transport = NAPTR_SERVICE[service.toUpperCase()];
    const isOurs = transport !== undefined && flags.toLowerCase() === 's' && (transport !== 'tls' || canTls);
    return isOurs ? [{ transport, name: replacement }] : [];
  });
  if (offered.length > 0) return offered;
  return (['udp', 'tcp'] as const).map((transport) => ({ transport, name: `${SRV_PREFIX[transport]}.${uri.host}` }));
}

/** The order of RFC 2782: the lowest priority first, and among equals by lot, the heavier the likelier. */
function inOrder<T extends { priority: number; weight: number }>(records: T[], chance: Chance): T[] {
  const left = records.toSorted((a, b) => a.priority - b.priority);
  const ordered: T[] = [];
  while (left.length > 0) {
    const equals = left.filter(({ priority }) => priority === left[0]!.priority);
    const total = equals.reduce((sum, { weight }) => sum + weight, 0);
    let lot = chance.fraction() * total;
    const drawn = equals.find(({ weight }) => (lot -= weight) < 0) ?? equals[0]!;
    ordered.push(drawn);
    left.splice(left.indexOf(drawn), 1);
  }
  return ordered;
}

async function hopsOf(host: string, port: number, transport: Transport, domain: string, resolver: Resolver) {
  const addresses = await resolver.addresses(host);
  return addresses.map((address): Hop => {
    const hop: Hop = { transport, host: bracketed(address), port };
    // The certificate is to be for the name that was meant, whatever it was resolved to (RFC 5922 §4).
    return transport === 'tls' ? { ...hop, domain } : hop;
  });
}
