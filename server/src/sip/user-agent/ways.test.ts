import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';

import type { Resolver } from '../transport/resolver.ts';
import { ANSWER, OFFER, handPhone, town } from './test-town.ts';

/** A carrier with two targets behind one name; `names` counts how often DNS was asked. */
async function withCarrier(t: TestContext) {
  const place = town(t);
  const asked: string[] = [];
  const resolver: Resolver = {
    naptr: async () => [],
    srv: async (name) => {
      asked.push(name);
      const target = (name_: string, priority: number) => ({ name: name_, priority, weight: 1, port: 5060 });
      return name === '_sip._udp.carrier.example' ? [target('first', 1), target('second', 2)] : [];
    },
    addresses: async (host) => ({ first: ['10.0.0.1'], second: ['10.0.0.2'] })[host] ?? [],
  };
  const us = await place.agent('us', { resolver });
  const sentTo = (host: string, start: string) =>
    place.network.sent.filter(({ to, text }) => to === host && text.startsWith(start)).length;
  return { ...place, us, asked, sentTo };
}

const call = { target: 'sip:112@carrier.example', from: { user: '100' }, offer: OFFER };

test('a call to a name whose first target is silent goes to the second, and the next call goes there at once', async (t) => {
  const { us, agent, wind, asked, sentTo } = await withCarrier(t);
  const second = await agent('10.0.0.2');
  second.on('invite', (invite) => void invite.answer(ANSWER));
  const first = us.invite(call);
  await wind(4000);
  const outcome = await first.outcome;
  assert.ok(outcome.kind === 'answered');
  assert.ok(sentTo('10.0.0.1', 'INVITE') > 0);
  const before = sentTo('10.0.0.1', 'INVITE');
  const next = us.invite(call);
  await wind(500);
  assert.equal((await next.outcome).kind, 'answered');
  assert.equal(sentTo('10.0.0.1', 'INVITE'), before);
  assert.deepEqual(asked, ['_sip._udp.carrier.example', '_sip._tcp.carrier.example']);
  void outcome.dialog.bye();
  await wind(100);
});

test('503 leads to the next target, any other refusal stands, and nobody at all is unreachable', async (t) => {
  const { us, agent, wind } = await withCarrier(t);
  const [first, second] = [await agent('10.0.0.1'), await agent('10.0.0.2')];
  let busy = 0;
  first.on('invite', (invite) => invite.refuse(503));
  second.on('invite', (invite) => {
    busy += 1;
    invite.refuse(486);
  });
  const outgoing = us.invite(call);
  await wind(1000);
  const outcome = await outgoing.outcome;
  assert.ok(outcome.kind === 'refused' && outcome.status === 486, JSON.stringify(outcome));
  assert.equal(busy, 1);
  const nowhere = us.invite({ ...call, target: 'sip:1@nowhere.example' });
  await wind(100);
  assert.deepEqual(await nowhere.outcome, { kind: 'unreachable', detail: 'the name leads nowhere' });
});

test('a call to a name can be cancelled while targets are tried, and then no other is', async (t) => {
  const { us, wind, sentTo } = await withCarrier(t);
  const outgoing = us.invite(call);
  await wind(1000);
  outgoing.cancel('caller-gave-up');
  assert.deepEqual(await outgoing.outcome, { kind: 'cancelled' });
  await wind(40_000);
  assert.equal(sentTo('10.0.0.2', 'INVITE'), 0);
});

test('a registration and a text find the target that serves, and a name lives while one of its targets does', async (t) => {
  const { us, agent, wind } = await withCarrier(t);
  const second = await agent('10.0.0.2');
  second.on('message', ({ accept }) => accept());
  const registration = us.register({ registrar: 'sip:carrier.example', user: '55', expiresS: 300 });
  await wind(6000);
  assert.equal(registration.state.kind, 'registered');
  assert.equal(second.registrar.lookup('55').length, 1);
  const sent = us.message({ target: 'sip:55@carrier.example', from: { user: '100' }, body: 'hello' });
  await wind(500);
  assert.deepEqual(await sent, { kind: 'answered', status: 200 });
  const ping = us.ping('sip:carrier.example', 4000);
  await wind(3000);
  assert.equal((await ping).kind, 'answered');
});

test('a phone behind a NAT is asked every 25 s, one that is not is left alone', async (t) => {
  const { network, wind, agent } = town(t);
  await agent('server');
  const register = (contact: string) =>
    `REGISTER sip:server SIP/2.0\nVia: SIP/2.0/UDP ${contact};rport;branch=z9hG4bK${contact}\nMax-Forwards: 70\nFrom: <sip:${contact}@server>;tag=1\nTo: <sip:${contact}@server>\nCall-ID: ${contact}\nCSeq: 1 REGISTER\nContact: <sip:1@${contact}>\nExpires: 120\nContent-Length: 0\n\n`;
  handPhone(network, '198.51.100.7').send('server', register('192.168.1.5'));
  handPhone(network, '198.51.100.8').send('server', register('198.51.100.8'));
  await wind(100_000);
  const asked = network.sent.filter(({ text }) => text.startsWith('OPTIONS'));
  assert.deepEqual([...new Set(asked.map(({ to }) => to))], ['198.51.100.7']);
  assert.ok(asked.length >= 3 && asked.length <= 4, `${asked.length} times`);
  assert.match(asked[0]!.text, /^OPTIONS sip:1@192\.168\.1\.5 SIP\/2\.0/);
  await wind(60_000);
  const before = network.sent.length;
  await wind(60_000);
  assert.equal(network.sent.length, before, 'an expired binding is not asked any more');
});
