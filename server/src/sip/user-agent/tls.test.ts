import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';

import { systemChance } from '#kernel/chance.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { testCertificates } from '../transport/test-certificates.ts';
import type { UserAgentOptions } from './face.ts';
import { ANSWER, OFFER, passwordIs } from './test-town.ts';
import { type UserAgent, openUserAgent } from './user-agent.ts';

const certificates = testCertificates!;
const needsOpenssl = { skip: testCertificates === undefined && 'openssl is not installed' };

async function agent(t: TestContext, options: Partial<UserAgentOptions> = {}): Promise<UserAgent> {
  const common = { host: '127.0.0.1', port: 0, clock: systemClock, chance: systemChance, log: silentLog };
  const opened = await openUserAgent({ ...common, ...options });
  t.after(() => opened[Symbol.asyncDispose]());
  return opened;
}

const tls = (): UserAgentOptions['tls'] => ({ ...certificates, port: 0 });

const tlsPort = (userAgent: UserAgent): number => userAgent.tlsAddress!.port;

const registered = (phone: UserAgent, registrar: string) =>
  new Promise<void>((resolve, reject) => {
    phone.register({ registrar, user: '1001', password: 'x', expiresS: 300 }).on('state', (state) => {
      if (state.kind === 'registered') resolve();
      if (state.kind === 'failed') reject(new Error(`${state.status ?? 'no answer'}`));
    });
  });

for (const host of ['127.0.0.1', '::1'])
  test(`a phone registers over TLS at ${host} and is called back over the same connection`, needsOpenssl, async (t) => {
    const server = await agent(t, { host, credentials: passwordIs('x'), tls: tls() });
    const phone = await agent(t, { host, tls: tls() });
    const at = host.includes(':') ? `[${host}]` : host;
    await registered(phone, `sip:${at}:${tlsPort(server)};transport=tls`);
    const [binding] = server.registrar.lookup('1001');
    assert.equal(binding?.source.transport, 'tls');
    assert.ok(binding.contact.includes(`:${tlsPort(phone)};transport=tls`), binding.contact);
    phone.on('invite', (call) => void call.answer(ANSWER));
    const outcome = await server.invite({ target: binding, from: { user: '100' }, offer: OFFER }).outcome;
    assert.ok(outcome.kind === 'answered', JSON.stringify(outcome));
    assert.equal((server.snapshot() as { transport: { tlsConnections: number } }).transport.tlsConnections, 1);
    await outcome.dialog.bye();
  });

test(
  'sips: goes by TLS, and a peer whose certificate nobody we believe has signed is not reached',
  needsOpenssl,
  async (t) => {
    const server = await agent(t, { tls: tls() });
    const believer = await agent(t, { tls: tls() });
    const stranger = await agent(t, { tls: { ...certificates, port: 0, ca: undefined } });
    const target = `sips:127.0.0.1:${tlsPort(server)}`;
    assert.equal((await believer.ping(target, 5000)).kind, 'answered');
    assert.equal((await stranger.ping(target, 5000)).kind, 'unanswered');
    const outcome = await stranger.invite({ target, from: { user: '100' }, offer: OFFER }).outcome;
    assert.ok(outcome.kind === 'unreachable' && /certificate/.test(outcome.detail), JSON.stringify(outcome));
  },
);

test('without a certificate of our own, TLS leads nowhere', async (t) => {
  const plain = await agent(t);
  const outcome = await plain.invite({ target: 'sips:127.0.0.1', from: { user: '100' }, offer: OFFER }).outcome;
  assert.equal(outcome.kind, 'unreachable');
});

test('who speaks no TLS at the TLS port is sent away', needsOpenssl, async (t) => {
  const server = await agent(t, { tls: tls() });
  const socket = connect(tlsPort(server), '127.0.0.1');
  socket.on('error', () => {});
  socket.write('OPTIONS sip:a@b SIP/2.0\r\n\r\n');
  await once(socket.resume(), 'close');
  assert.equal((server.snapshot() as { transport: { tlsConnections: number } }).transport.tlsConnections, 0);
});

for (const transport of ['udp', 'tcp'])
  for (const [server, target] of [
    ['::1', '[::1]'],
    ['::', '[::1]'],
    ['::', '127.0.0.1'],
  ] as const)
    test(`an agent on ${server} is called at ${target} over ${transport}`, async (t) => {
      const callee = await agent(t, { host: server, advertisedHost: target });
      const caller = await agent(t, { host: target.replace(/[[\]]/g, '') });
      const heard = new Promise<string>((resolve) =>
        callee.on('invite', (call) => {
          resolve(call.source.host);
          void call.answer(ANSWER).then((dialog) => setImmediate(() => void dialog.bye()));
        }),
      );
      const uri = `sip:200@${target}:${callee.address.port};transport=${transport}`;
      const outcome = await caller.invite({ target: uri, from: { user: '100' }, offer: OFFER }).outcome;
      assert.ok(outcome.kind === 'answered', JSON.stringify(outcome));
      await new Promise<void>((resolve) => outcome.dialog.on('ended', () => resolve()));
      assert.equal(await heard, target.replace(/[[\]]/g, ''));
    });
