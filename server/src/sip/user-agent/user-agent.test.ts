import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { InviteDialog } from '../session/invite-dialog.ts';
import { ANSWER, OFFER, passwordIs, town } from './test-town.ts';

test('Alice calls Bob, Bob rings, answers, and Alice hangs up', async (t) => {
  const { network, wind, agent, nextCall } = town(t);
  const alice = await agent('alice');
  const bob = await agent('bob');
  const incoming = nextCall(bob);
  const call = alice.invite({ target: 'sip:200@bob', from: { user: '100', displayName: 'Alice 爱' }, offer: OFFER });
  const heard: number[] = [];
  call.on('provisional', ({ status }) => heard.push(status));
  await wind(10);
  const invite = await incoming;
  assert.equal(invite.offer, OFFER);
  assert.deepEqual(invite.from, { user: '100', host: 'alice', displayName: 'Alice 爱' });
  assert.equal(invite.dialled, '200');
  invite.ring();
  await wind(10);
  const answering = invite.answer(ANSWER);
  await wind(10);
  const outcome = await call.outcome;
  assert.ok(outcome.kind === 'answered');
  assert.equal(outcome.answer, ANSWER);
  const ended: unknown[] = [];
  (await answering).on('ended', (ending) => ended.push(ending));
  const bye = outcome.dialog.bye({ cause: 'caller-hung-up', q850: 16 });
  await wind(10);
  await bye;
  assert.deepEqual(ended, [{ by: 'remote', reason: 'caller-hung-up', q850: 16 }]);
  assert.deepEqual(heard, [180]);
  assert.deepEqual(
    network.firstLines.map((line) => line.replace('bob:5060', 'bob')),
    [
      'alice>bob INVITE sip:200@bob SIP/2.0',
      'bob>alice SIP/2.0 100 Trying',
      'bob>alice SIP/2.0 180 Ringing',
      'bob>alice SIP/2.0 200 OK',
      'alice>bob ACK sip:200@bob SIP/2.0',
      'alice>bob BYE sip:200@bob SIP/2.0',
      'bob>alice SIP/2.0 200 OK',
    ],
  );
});

test('a phone registers with digest, is called at its contact, and unregisters', async (t) => {
  const { wind, agent, nextCall } = town(t);
  const server = await agent('server', { credentials: passwordIs('secret') });
  const phone = await agent('phone');
  const changes: number[] = [];
  server.on('bindings-changed', (_user, bindings) => changes.push(bindings.length));
  const registration = phone.register({ registrar: 'sip:server', user: '1001', password: 'secret', expiresS: 60 });
  await wind(50);
  assert.equal(registration.state.kind, 'registered');
  const [binding] = server.registrar.lookup('1001');
  assert.equal(binding?.contact, 'sip:1001@phone:5060');
  const incoming = nextCall(phone);
  const call = server.invite({ target: binding, from: { user: '9' }, offer: OFFER });
  await wind(10);
  (await incoming).refuse(486, undefined, 17);
  await wind(10);
  assert.deepEqual(await call.outcome, { kind: 'refused', status: 486, reason: 'Busy Here', q850: 17 });
  const closing = registration[Symbol.asyncDispose]();
  await wind(50);
  await closing;
  assert.deepEqual(server.registrar.lookup('1001'), []);
  assert.deepEqual(changes, [1, 0]);
});

test('a caller who cancels while it rings is told cancelled, the callee hears it', async (t) => {
  const { network, wind, agent, nextCall } = town(t);
  const alice = await agent('alice');
  const bob = await agent('bob');
  const incoming = nextCall(bob);
  const call = alice.invite({ target: 'sip:200@bob', from: { user: '100' }, offer: OFFER });
  await wind(10);
  const invite = await incoming;
  invite.ring();
  await wind(10);
  call.cancel('plan-ended');
  assert.deepEqual(await call.outcome, { kind: 'cancelled' });
  await wind(10);
  assert.equal(invite.cancelled.aborted, true);
  assert.equal(invite.cancelled.reason, 'plan-ended');
  assert.deepEqual(network.firstLines.slice(-4), [
    'alice>bob CANCEL sip:200@bob SIP/2.0',
    'bob>alice SIP/2.0 200 OK',
    'bob>alice SIP/2.0 487 Request Terminated',
    'alice>bob ACK sip:200@bob SIP/2.0',
  ]);
});

test('a 200 that crosses the CANCEL is acknowledged and hung up', async (t) => {
  const { wind, agent, nextCall, network } = town(t);
  const alice = await agent('alice');
  const bob = await agent('bob');
  network.weather = () => [30];
  const incoming = nextCall(bob);
  const call = alice.invite({ target: 'sip:200@bob', from: { user: '100' }, offer: OFFER });
  await wind(100);
  const answering = (await incoming).answer(ANSWER);
  call.cancel();
  await wind(200);
  const dialog: InviteDialog = await answering;
  assert.equal(dialog.isEnded, true);
  assert.deepEqual(await call.outcome, { kind: 'cancelled' });
  assert.ok(network.firstLines.some((line) => line.startsWith('alice>bob BYE')));
});
