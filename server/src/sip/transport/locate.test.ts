import assert from 'node:assert/strict';
import { test } from 'node:test';

import { seededChance } from '#kernel/chance.ts';
import { parseUri } from '../message/uri.ts';
import { locate, needsDns } from './locate.ts';
import type { Resolver } from './resolver.ts';

const ADDRESSES: Record<string, string[]> = { a: ['10.0.0.1'], b: ['10.0.0.2', '2001:db8::2'], carrier: ['10.0.0.9'] };

function dns(records: {
  naptr?: [order: number, service: string, replacement: string][];
  srv?: Record<string, [priority: number, weight: number, name: string][]>;
}): Resolver {
  return {
    naptr: async () =>
      (records.naptr ?? []).map(([order, service, replacement]) => ({
        ...{ order, preference: 1, flags: 's', service, replacement },
      })),
    srv: async (name) =>
      (records.srv?.[name] ?? []).map(([priority, weight, target]) => ({ priority, weight, name: target, port: 5070 })),
    addresses: async (host) => ADDRESSES[host] ?? [],
  };
}

/** `udp 10.0.0.1:5060`, one for each target in order. */
async function found(text: string, resolver: Resolver, { canTls = true, seed = '' } = {}): Promise<string[]> {
  const uri = parseUri(text);
  assert.ok(needsDns(uri));
  const hops = await locate(uri, resolver, seededChance(seed), canTls);
  return hops.map(({ transport, host, port, domain }) => `${transport} ${host}:${port}${domain ? ` ${domain}` : ''}`);
}

test('an address needs no DNS', () => {
  assert.deepEqual(
    ['sip:a@10.0.0.1', 'sip:a@[2001:db8::1]:5070', 'tel:112', 'sip:a@carrier'].map((uri) => needsDns(parseUri(uri))),
    [false, false, false, true],
  );
});

test('a name without records is reached at its addresses, and with a port only there', async () => {
  assert.deepEqual(await found('sip:1@carrier', dns({})), ['udp 10.0.0.9:5060']);
  const withSrv = dns({ srv: { '_sip._udp.carrier': [[1, 1, 'a']] } });
  assert.deepEqual(await found('sip:1@carrier:5099', withSrv), ['udp 10.0.0.9:5099']);
  assert.deepEqual(await found('sip:1@nowhere', dns({})), []);
});

test('SRV gives targets by priority, each with all its addresses', async () => {
  const resolver = dns({ srv: { '_sip._udp.carrier': [[20, 0, 'a'], [10, 0, 'b']] } }); // prettier-ignore
  assert.deepEqual(await found('sip:1@carrier', resolver), [
    'udp 10.0.0.2:5070',
    'udp [2001:db8::2]:5070',
    'udp 10.0.0.1:5070',
  ]);
  assert.deepEqual(await found('sip:1@carrier;transport=tcp', resolver), ['tcp 10.0.0.9:5060']);
});

test('among equals the heavier comes first the more often', async () => {
  const resolver = dns({ srv: { '_sip._udp.carrier': [[1, 90, 'a'], [1, 10, 'carrier']] } }); // prettier-ignore
  let first = 0;
  for (let seed = 0; seed < 200; seed += 1)
    if ((await found('sip:1@carrier', resolver, { seed: `${seed}` }))[0] === 'udp 10.0.0.1:5070') first += 1;
  assert.ok(first > 160 && first < 198, `${first} of 200`);
});

test('NAPTR chooses the transport, among those that we speak', async () => {
  const records = dns({
    naptr: [
      [1, 'SIPS+D2T', 'tls.carrier'],
      [2, 'SIP+D2T', 'tcp.carrier'],
      [3, 'SIP+D2X', 'x.carrier'],
    ],
    srv: { 'tls.carrier': [[1, 1, 'a']], 'tcp.carrier': [[1, 1, 'a']] },
  });
  assert.deepEqual(await found('sip:1@carrier', records), ['tls 10.0.0.1:5070 carrier', 'tcp 10.0.0.1:5070']);
  assert.deepEqual(await found('sip:1@carrier', records, { canTls: false }), ['tcp 10.0.0.1:5070']);
});

test('sips: goes by TLS or not at all, and the certificate is to be for the name that was meant', async () => {
  const records = dns({ srv: { '_sips._tcp.carrier': [[1, 1, 'a']] } });
  assert.deepEqual(await found('sips:1@carrier', records), ['tls 10.0.0.1:5070 carrier']);
  assert.deepEqual(await found('sips:1@carrier', records, { canTls: false }), []);
  assert.deepEqual(await found('sip:1@carrier;transport=sctp', records), []);
});
