import { Resolver as DnsResolver, lookup } from 'node:dns/promises';

interface Naptr {
  order: number;
  preference: number;
  /** `s` when `replacement` is a name to ask SRV for. */
  flags: string;
  /** SIP+D2U, SIP+D2T, SIPS+D2T … */
  service: string;
  replacement: string;
}

interface Srv {
  priority: number;
  weight: number;
  /** `.` when the service is decidedly not there (RFC 2782). */
  name: string;
  port: number;
}

/** What DNS says; a name that there is not, or a DNS that does not answer, is an empty list. */
export interface Resolver {
  naptr(domain: string): Promise<Naptr[]>;
  srv(name: string): Promise<Srv[]>;
  /** IPv4 and IPv6 addresses, in the order of the system's preference. */
  addresses(host: string): Promise<string[]>;
}

/** A question to a DNS that does not answer must not hold a call up for long. */
const ASK = { timeout: 1500, tries: 2 } as const;

/** The system's DNS; addresses also from its hosts file. */
export function systemResolver(): Resolver {
  const dns = new DnsResolver(ASK);
  return {
    naptr: (domain) => listOf(dns.resolveNaptr(domain)),
    srv: (name) => listOf(dns.resolveSrv(name)),
    addresses: async (host) => (await listOf(lookup(host, { all: true }))).map(({ address }) => address),
  };
}

async function listOf<T>(asking: Promise<T[]>): Promise<T[]> {
  try {
    return await asking;
  } catch {
    return [];
  }
}
