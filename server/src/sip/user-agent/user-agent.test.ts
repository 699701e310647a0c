import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { InviteDialog } from '../session/invite-dialog.ts';
import { ANSWER, OFFER, handPhone, passwordIs, town } from './test-town.ts';

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
  assert.deepEqual(heard, [100, 180]);
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

test('a phone that answers a call of before a restart is acknowledged and released at once', async (t) => {
  const { wind, agent, network } = town(t);
  await agent('server');
  const phone = handPhone(network, 'hand');
  const answer = `SIP/2.0 200 OK
Via: SIP/2.0/UDP server:5060;branch=z9hG4bKbefore;rport
From: <sip:8000@server>;tag=ours
To: <sip:200@hand>;tag=theirs
Call-ID: before-the-crash
CSeq: 7 INVITE
Contact: <sip:200@hand:5060>
Content-Length: 0

`;
  phone.send('server', answer);
  phone.send('server', answer);
  await wind(100);
  const [, second] = phone.lines;
  assert.equal(phone.lines.filter((line) => line === 'ACK sip:200@hand:5060 SIP/2.0').length, 2);
  assert.equal(second, 'BYE sip:200@hand:5060 SIP/2.0');
  // What was meant for another, or says no, is nobody's business.
  const before = phone.heard.length;
  phone.send('server', answer.replace('UDP server', 'UDP other'));
  phone.send('server', answer.replace('200 OK', '486 Busy').replace('before-the-crash', 'another'));
  await wind(100);
  assert.equal(phone.heard.length, before);
  phone.send(
    'server',
    `SIP/2.0 200 OK
Via: ${phone.heard.find((message) => message.toString().startsWith('BYE'))!.list('Via')[0]}
From: <sip:8000@server>;tag=ours
To: <sip:200@hand>;tag=theirs
Call-ID: before-the-crash
CSeq: 8 BYE
Content-Length: 0

`,
  );
  await wind(33_000);
});

/** A request made by hand from a phone called hand. */
const byHand = (method: string, options: { extra?: string; branch?: string; cseq?: number; toTag?: string } = {}) =>
  `${method} sip:200@server SIP/2.0
Via: SIP/2.0/UDP hand:5060;branch=z9hG4bK${options.branch ?? method};rport
Max-Forwards: 70
From: <sip:1001@server>;tag=h
To: <sip:200@server>${options.toTag === undefined ? '' : `;tag=${options.toTag}`}
Call-ID: by-hand
CSeq: ${options.cseq ?? 1} ${method}
Contact: <sip:1001@hand:5060>
${options.extra ?? ''}
`;

test('what is asked outside a call gets the answer RFC 3261 names', async (t) => {
  const { wind, agent, network } = town(t);
  await agent('server');
  const hand = handPhone(network, 'hand');
  const answers: [string, number][] = [
    [byHand('OPTIONS'), 200],
    [byHand('BYE', { toTag: 'gone' }), 481],
    [byHand('INFO'), 481],
    [byHand('CANCEL'), 481],
    [byHand('SUBSCRIBE'), 489],
    [byHand('DANCE'), 501],
    [byHand('OPTIONS', { branch: 'r', extra: 'Require: 199, timer\n' }), 420],
    [byHand('INVITE', { branch: 'mf', cseq: 7 }).replace('Forwards: 70', 'Forwards: 0'), 483],
    // Nobody listens for calls here.
    [byHand('INVITE', { cseq: 8 }), 480],
  ];
  for (const [request, status] of answers) {
    hand.send('server', request);
    await wind(10);
    assert.equal(Number(hand.lines.at(-1)?.slice(8, 11)), status, request);
    const allow = hand.heard.at(-1)?.get('Allow');
    if (status === 405 || status === 501) assert.match(allow ?? '', /INVITE, ACK/);
  }
  assert.ok(hand.heard.some((answer) => answer.get('Unsupported') === '199'));
});

test('a forked INVITE that comes twice is merged: the second is told 482', async (t) => {
  const { wind, agent, network } = town(t);
  const server = await agent('server');
  server.on('invite', (call) => call.ring());
  const hand = handPhone(network, 'hand');
  hand.send('server', byHand('INVITE', { branch: 'one' }));
  hand.send('server', byHand('INVITE', { branch: 'two' }));
  await wind(10);
  assert.deepEqual(hand.lines.filter((line) => !line.includes('100')).sort(), [
    'SIP/2.0 180 Ringing',
    'SIP/2.0 482 Loop Detected',
  ]);
});

test('a trunk is taken without digest, and its name is known; others are challenged', async (t) => {
  const { wind, agent, nextCall } = town(t);
  const server = await agent('server', {
    credentials: passwordIs('secret'),
    trustedSource: ({ host }) => (host === 'carrier' ? 'carrier-1' : undefined),
  });
  const carrier = await agent('carrier');
  const phone = await agent('phone');
  let incoming = nextCall(server);
  carrier.invite({ target: 'sip:110@server', from: { user: '13800000000' }, offer: OFFER });
  await wind(10);
  const byTrunk = await incoming;
  assert.deepEqual([byTrunk.trunk, byTrunk.account], ['carrier-1', undefined]);
  const refused = phone.invite({ target: 'sip:110@server', from: { user: '1001' }, offer: OFFER });
  await wind(10);
  const outcome = await refused.outcome;
  assert.ok(outcome.kind === 'refused' && outcome.status === 401);
  incoming = nextCall(server);
  const credentials = { user: '1001', password: 'secret' };
  phone.invite({ target: 'sip:110@server', from: { user: '1001' }, offer: OFFER, credentials });
  await wind(10);
  const byPhone = await incoming;
  assert.deepEqual([byPhone.trunk, byPhone.account], [undefined, '1001']);
});

test('nobody registers for somebody else', async (t) => {
  const { wind, agent } = town(t);
  const server = await agent('server', {
    // One secret for all, so that only the name stands between them.
    credentials: async () => (await import('../auth/digest.ts')).digestSecret('1001', 'tocsin', 'secret'),
  });
  const phone = await agent('phone');
  const registration = phone.register({ registrar: 'sip:server', user: '1001', password: 'wrong', expiresS: 60 });
  await wind(20);
  assert.ok(registration.state.kind === 'failed' && registration.state.status === 401);
  assert.deepEqual(server.registrar.lookup('1001'), []);
});

test('a guesser is refused for a minute, the right password included, while others are not', async (t) => {
  const { wind, agent, network } = town(t);
  const server = await agent('server', { credentials: passwordIs('secret') });
  const guesser = await agent('guesser');
  const tryOnce = async (user: string, password: string) => {
    const registration = guesser.register({ registrar: 'sip:server', user, password, expiresS: 60 });
    await wind(20);
    const { state } = registration;
    await registration[Symbol.asyncDispose]();
    return state.kind === 'failed' ? state.status : state.kind;
  };
  for (let i = 0; i < 10; i += 1) assert.equal(await tryOnce('1001', `guess ${i}`), 401);
  assert.equal(await tryOnce('1001', 'guess'), 403);
  assert.equal(await tryOnce('1001', 'secret'), 403);
  network.sent.length = 0;
  const other = guesser.register({ registrar: 'sip:server', user: '1002', password: 'secret', expiresS: 60 });
  await wind(20);
  assert.equal(other.state.kind, 'registered');
  await wind(60_000);
  const again = guesser.register({ registrar: 'sip:server', user: '1001', password: 'secret', expiresS: 60 });
  await wind(20);
  assert.equal(again.state.kind, 'registered');
  assert.equal(server.registrar.lookup('1001').length, 1);
});

test('a call to nowhere is unreachable, to silence unanswered, by an aborted signal cancelled', async (t) => {
  const { wind, agent } = town(t);
  const alice = await agent('alice');
  const from = { user: '100' };
  const tls = alice.invite({ target: 'sips:x@y', from, offer: OFFER });
  const refused = alice.invite({ target: 'sip:x@nobody;transport=tcp', from, offer: OFFER });
  const silent = alice.invite({ target: 'sip:x@nobody', from, offer: OFFER });
  const aborted = alice.invite({ target: 'sip:x@nobody', from, offer: OFFER, signal: AbortSignal.abort('stopped') });
  await wind(33_000);
  assert.equal((await tls.outcome).kind, 'unreachable');
  assert.equal((await refused.outcome).kind, 'unreachable');
  assert.equal((await silent.outcome).kind, 'unanswered');
  assert.equal((await aborted.outcome).kind, 'cancelled');
});

test('a ping tells who lives', async (t) => {
  const { wind, agent } = town(t);
  const alice = await agent('alice');
  await agent('bob');
  const bob = alice.ping('sip:bob', 500);
  const nobody = alice.ping('sip:nobody', 500);
  await wind(600);
  const answer = await bob;
  assert.ok(answer.kind === 'answered' && answer.status === 200);
  assert.deepEqual(await nobody, { kind: 'unanswered' });
});

test('closing hangs up what is open and refuses what rings', async (t) => {
  const { wind, agent, nextCall } = town(t);
  const alice = await agent('alice');
  const bob = await agent('bob');
  let incoming = nextCall(bob);
  const talking = alice.invite({ target: 'sip:200@bob', from: { user: '100' }, offer: OFFER });
  await wind(10);
  void (await incoming).answer(ANSWER);
  await wind(10);
  const outcome = await talking.outcome;
  assert.ok(outcome.kind === 'answered');
  const endings: unknown[] = [];
  outcome.dialog.on('ended', (ending) => endings.push(ending));
  incoming = nextCall(bob);
  const ringing = alice.invite({ target: 'sip:200@bob', from: { user: '100' }, offer: OFFER });
  await wind(10);
  (await incoming).ring();
  await wind(10);
  const closing = bob[Symbol.asyncDispose]();
  await wind(100);
  await closing;
  assert.deepEqual(endings, [{ by: 'remote', reason: 'server-stopping', q850: undefined }]);
  const refused = await ringing.outcome;
  assert.ok(refused.kind === 'refused' && refused.status === 503);
});
