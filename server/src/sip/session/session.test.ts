import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';

import { ANSWER, OFFER, handPhone, town } from '../user-agent/test-town.ts';
import type { InviteDialog } from './invite-dialog.ts';
import { parseReplaces } from './replaces.ts';

/** Alice and Bob in a call. */
async function inCall(t: TestContext) {
  const place = town(t);
  const alice = await place.agent('alice');
  const bob = await place.agent('bob');
  const incoming = place.nextCall(bob);
  const call = alice.invite({ target: 'sip:200@bob', from: { user: '100' }, offer: OFFER });
  await place.wind(10);
  const answering = (await incoming).answer(ANSWER);
  await place.wind(10);
  const outcome = await call.outcome;
  assert.ok(outcome.kind === 'answered');
  place.network.sent.length = 0;
  return { ...place, alice, bob, atAlice: outcome.dialog, atBob: await answering };
}

function endingsOf(dialog: InviteDialog) {
  const endings: unknown[] = [];
  dialog.on('ended', (ending) => endings.push(ending));
  return endings;
}

const methods = (lines: string[]): string[] => lines.map((line) => line.replace(/ sip:\S+ SIP\/2.0| SIP\/2.0/g, ''));

for (const asker of ['caller', 'callee'] as const)
  test(`the ${asker} changes the session, and the other answers`, async (t) => {
    const { atAlice, atBob, wind, network } = await inCall(t);
    const [us, them] = asker === 'caller' ? [atAlice, atBob] : [atBob, atAlice];
    const offers: unknown[] = [];
    them.on('reoffer', ({ offer, answer }) => {
      offers.push(offer);
      answer('v=0\r\nheld');
    });
    const reinvite = us.reinvite('v=0\r\nhold');
    await wind(20);
    assert.deepEqual(await reinvite, { kind: 'answered', answer: 'v=0\r\nheld' });
    assert.deepEqual(offers, ['v=0\r\nhold']);
    const lines = methods(network.firstLines);
    assert.deepEqual([lines[0]?.slice(-6), lines.at(-1)?.slice(-3)], ['INVITE', 'ACK']);
    network.sent.length = 0;
    await wind(40_000);
    assert.deepEqual(network.firstLines, [], 'everything is quiet afterwards');
  });

test('when both change the session at once, both are told 491 and both get their turn', async (t) => {
  const { atAlice, atBob, wind, network } = await inCall(t);
  network.weather = () => [20];
  for (const dialog of [atAlice, atBob]) dialog.on('reoffer', ({ answer }) => answer('v=0\r\nyes'));
  const both = Promise.all([atAlice.reinvite('v=0\r\na'), atBob.reinvite('v=0\r\nb')]);
  await wind(100);
  assert.equal(network.firstLines.filter((line) => line.includes('491')).length, 2);
  await wind(6000);
  const answered = { kind: 'answered', answer: 'v=0\r\nyes' };
  assert.deepEqual(await both, [answered, answered]);
});

test('a change that nobody listens for is refused 488 and the call goes on', async (t) => {
  const { atAlice, atBob, wind } = await inCall(t);
  const reinvite = atAlice.reinvite('v=0\r\nx');
  await wind(20);
  assert.deepEqual(await reinvite, { kind: 'refused', status: 488 });
  assert.deepEqual([atAlice.isEnded, atBob.isEnded], [false, false]);
});

test('a 200 is sent again until its ACK comes, and the lost ACK again for each', async (t) => {
  const { wind, agent, nextCall, network } = town(t);
  const alice = await agent('alice');
  const bob = await agent('bob');
  let acks = 0;
  network.weather = (bytes) => (bytes.toString().startsWith('ACK') && (acks += 1) <= 2 ? [] : [1]);
  const incoming = nextCall(bob);
  const call = alice.invite({ target: 'sip:200@bob', from: { user: '100' }, offer: OFFER });
  await wind(10);
  const answering = (await incoming).answer(ANSWER);
  await wind(20_000);
  assert.equal((await call.outcome).kind, 'answered');
  assert.equal((await answering).isEnded, false);
  assert.deepEqual([acks, network.firstLines.filter((line) => line.endsWith('200 OK')).length], [3, 3]);
});

test('a call whose ACK never comes ends by no-ack with a BYE', async (t) => {
  const { wind, agent, nextCall, network } = town(t);
  const alice = await agent('alice');
  const bob = await agent('bob');
  network.weather = (bytes) => (bytes.toString().startsWith('ACK') ? [] : [1]);
  const incoming = nextCall(bob);
  alice.invite({ target: 'sip:200@bob', from: { user: '100' }, offer: OFFER });
  await wind(10);
  const endings = endingsOf(await (await incoming).answer(ANSWER));
  await wind(33_000);
  assert.deepEqual(endings, [{ by: 'no-ack', reason: 'no-ack' }]);
  assert.ok(network.firstLines.some((line) => line.startsWith('bob>alice BYE')));
});

test('the callee’s BYE waits for the ACK', async (t) => {
  const { wind, agent, nextCall, network } = town(t);
  const alice = await agent('alice');
  const bob = await agent('bob');
  const incoming = nextCall(bob);
  alice.invite({ target: 'sip:200@bob', from: { user: '100' }, offer: OFFER });
  await wind(10);
  const dialog = await (await incoming).answer(ANSWER);
  void dialog.bye();
  assert.ok(!network.firstLines.some((line) => line.startsWith('bob>alice BYE')));
  await wind(10);
  assert.deepEqual(methods(network.firstLines).slice(-4), [
    'bob>alice 200 OK',
    'alice>bob ACK',
    'bob>alice BYE',
    'alice>bob 200 OK',
  ]);
});

test('digits come in an INFO, and an INFO is answered', async (t) => {
  const { atAlice, atBob, wind } = await inCall(t);
  const infos: unknown[] = [];
  atBob.on('info', (info) => infos.push(info));
  const sending = atAlice.info('application/dtmf-relay', 'Signal=5\r\nDuration=160\r\n');
  await wind(10);
  assert.equal(await sending, 200);
  assert.deepEqual(infos, [{ contentType: 'application/dtmf-relay', body: 'Signal=5\r\nDuration=160\r\n' }]);
});

test('a REFER is accepted and its progress told until the end', async (t) => {
  const { atAlice, atBob, wind } = await inCall(t);
  const progress: unknown[] = [];
  atAlice.on('refer-progress', (step) => progress.push(step));
  const referred = new Promise<string>((resolve) =>
    atBob.on('refer', ({ referTo, replaces, accept }) => {
      accept().notify(200, 'OK');
      resolve(`${referTo} ${JSON.stringify(parseReplaces(replaces!))}`);
    }),
  );
  const refer = atAlice.refer('sip:300@carol', { replaces: atAlice });
  await wind(20);
  assert.equal(await refer, 202);
  const { callId, localTag, remoteTag } = atAlice;
  const replaces = { callId, localTag: remoteTag, remoteTag: localTag, isEarlyOnly: false };
  assert.equal(await referred, `sip:300@carol ${JSON.stringify(replaces)}`);
  assert.deepEqual(progress, [
    { status: 100, isFinal: false },
    { status: 200, isFinal: true },
  ]);
});

test('a dialog the peer has forgotten ends with 481, one that is silent by timeout', async (t) => {
  const { atAlice, wind, network } = await inCall(t);
  const endings = endingsOf(atAlice);
  network.weather = () => [];
  void atAlice.reinvite('v=0\r\nx');
  await wind(33_000);
  assert.deepEqual(endings, [{ by: 'timeout', status: 408 }]);
});

const INVITE_BY_HAND = (extra: string, body = OFFER) =>
  `INVITE sip:200@bob SIP/2.0
Via: SIP/2.0/UDP hand:5060;branch=z9hG4bKhand1
Max-Forwards: 70
From: <sip:1@hand>;tag=h
To: <sip:200@bob>
Call-ID: by-hand
CSeq: 1 INVITE
Contact: <sip:1@hand:5060>
${extra}Content-Type: application/sdp

${body}`.replace(/Content-Type: application\/sdp\n\n$/, '\n');

const tagIn = (message: { toTag: string | undefined } | undefined): string => message?.toTag ?? '';

test('a caller who requires 100rel gets reliable ringing, and its PRACK stops the repeating', async (t) => {
  const { wind, agent, nextCall, network } = town(t);
  const bob = await agent('bob');
  const hand = handPhone(network, 'hand');
  const incoming = nextCall(bob);
  hand.send('bob', INVITE_BY_HAND('Require: 100rel\n'));
  await wind(10);
  const invite = await incoming;
  invite.ring({ answer: ANSWER });
  const answering = invite.answer(ANSWER);
  await wind(1600);
  assert.deepEqual(hand.lines, ['SIP/2.0 100 Trying', ...Array<string>(3).fill('SIP/2.0 183 Session Progress')]);
  const ringing = hand.heard.at(-1)!;
  hand.send(
    'bob',
    `PRACK sip:200@bob SIP/2.0
Via: SIP/2.0/UDP hand:5060;branch=z9hG4bKhand2
From: <sip:1@hand>;tag=h
To: <sip:200@bob>;tag=${tagIn(ringing)}
Call-ID: by-hand
CSeq: 2 PRACK
RAck: ${ringing.get('RSeq')} 1 INVITE

`,
  );
  await wind(10);
  await answering;
  assert.deepEqual(hand.lines.slice(-2), ['SIP/2.0 200 OK', 'SIP/2.0 200 OK']);
  assert.deepEqual(
    hand.heard.slice(-2).map((message) => message.cseq.method),
    ['PRACK', 'INVITE'],
  );
});

test('reliable ringing that is never acknowledged fails the call with 504', async (t) => {
  const { wind, agent, nextCall, network } = town(t);
  const bob = await agent('bob');
  const hand = handPhone(network, 'hand');
  const incoming = nextCall(bob);
  hand.send('bob', INVITE_BY_HAND('Require: 100rel\n'));
  await wind(10);
  const invite = await incoming;
  invite.ring();
  await wind(33_000);
  assert.equal(invite.cancelled.aborted, true);
  assert.ok(hand.lines.includes('SIP/2.0 504 Server Time-out'));
});

test('an INVITE without an offer is answered with one, and the ACK brings the answer', async (t) => {
  const { wind, agent, nextCall, network } = town(t);
  const bob = await agent('bob');
  const hand = handPhone(network, 'hand');
  const incoming = nextCall(bob);
  hand.send('bob', INVITE_BY_HAND('', ''));
  await wind(10);
  const invite = await incoming;
  assert.equal(invite.offer, undefined);
  const dialog = await invite.answer(OFFER);
  const late: string[] = [];
  dialog.on('late-answer', (sdp) => late.push(sdp));
  await wind(10);
  hand.send(
    'bob',
    `ACK sip:200@bob SIP/2.0
Via: SIP/2.0/UDP hand:5060;branch=z9hG4bKhand3
From: <sip:1@hand>;tag=h
To: <sip:200@bob>;tag=${tagIn(hand.heard.at(-1))}
Call-ID: by-hand
CSeq: 1 ACK
Content-Type: application/sdp

${ANSWER}`,
  );
  await wind(10);
  assert.deepEqual(late, [ANSWER]);
});

test('our PRACK answers a reliable ringing, once for each', async (t) => {
  const { wind, agent, network } = town(t);
  const alice = await agent('alice');
  const hand = handPhone(network, 'hand');
  const call = alice.invite({ target: 'sip:1@hand', from: { user: '100' }, offer: OFFER });
  const heard: unknown[] = [];
  call.on('provisional', (provisional) => heard.push(provisional));
  await wind(10);
  const invite = hand.heard[0]!;
  const ringing = `SIP/2.0 183 Session Progress
Via: ${invite.get('Via')}
From: ${invite.get('From')}
To: <sip:1@hand>;tag=early
Call-ID: ${invite.callId}
CSeq: 1 INVITE
Contact: <sip:1@hand:5060>
Require: 100rel
RSeq: 7
Content-Type: application/sdp

${ANSWER}`;
  hand.send('alice', ringing);
  hand.send('alice', ringing);
  await wind(10);
  assert.deepEqual(hand.lines, ['INVITE sip:1@hand SIP/2.0', 'PRACK sip:1@hand:5060 SIP/2.0']);
  assert.equal(hand.heard[1]?.get('RAck'), '7 1 INVITE');
  assert.deepEqual(heard, [{ status: 183, sdp: ANSWER }]);
  hand.send('alice', ringing.replace('183 Session Progress', '200 OK').replace(/Require[^]*$/, '\n'));
  await wind(10);
  const outcome = await call.outcome;
  assert.ok(outcome.kind === 'answered');
  assert.equal(outcome.answer, ANSWER, 'the answer was in the 183');
});

test('a second branch of a fork that answers as well is acknowledged and hung up', async (t) => {
  const { wind, agent, network } = town(t);
  const alice = await agent('alice');
  const hand = handPhone(network, 'hand');
  const call = alice.invite({ target: 'sip:1@hand', from: { user: '100' }, offer: OFFER });
  await wind(10);
  const invite = hand.heard[0]!;
  for (const tag of ['one', 'two'])
    hand.send(
      'alice',
      `SIP/2.0 200 OK
Via: ${invite.get('Via')}
From: ${invite.get('From')}
To: <sip:1@hand>;tag=${tag}
Call-ID: ${invite.callId}
CSeq: 1 INVITE
Contact: <sip:${tag}@hand:5060>
Content-Type: application/sdp

${ANSWER}`,
    );
  await wind(10);
  const outcome = await call.outcome;
  assert.ok(outcome.kind === 'answered' && !outcome.dialog.isEnded);
  assert.equal(outcome.dialog.remoteTarget, 'sip:one@hand:5060');
  assert.deepEqual(hand.lines.slice(1), [
    'ACK sip:one@hand:5060 SIP/2.0',
    'ACK sip:two@hand:5060 SIP/2.0',
    'BYE sip:two@hand:5060 SIP/2.0',
  ]);
});

test('a session timer that the peer asks us to run is refreshed with UPDATE at half its time', async (t) => {
  const { wind, agent, nextCall, network } = town(t);
  const bob = await agent('bob');
  const hand = handPhone(network, 'hand');
  const incoming = nextCall(bob);
  hand.send('bob', INVITE_BY_HAND('Supported: timer\nAllow: INVITE, UPDATE\nSession-Expires: 100;refresher=uas\n'));
  await wind(10);
  const dialog = await (await incoming).answer(ANSWER);
  await wind(10);
  const ok = hand.heard.at(-1)!;
  assert.equal(ok.get('Session-Expires'), '100;refresher=uas');
  hand.send(
    'bob',
    `ACK sip:200@bob SIP/2.0
Via: SIP/2.0/UDP hand:5060;branch=z9hG4bKhand3
From: <sip:1@hand>;tag=h
To: <sip:200@bob>;tag=${tagIn(ok)}
Call-ID: by-hand
CSeq: 1 ACK

`,
  );
  const endings = endingsOf(dialog);
  await wind(51_000);
  assert.equal(hand.lines.at(-1), 'UPDATE sip:1@hand:5060 SIP/2.0');
  await wind(40_000);
  assert.deepEqual(endings, [{ by: 'timeout', status: 408 }], 'nobody answered the sign of life');
});

test('a session that its refresher lets lapse ends by timeout, and too short an interval is refused 422', async (t) => {
  const { wind, agent, nextCall, network } = town(t);
  const bob = await agent('bob');
  const hand = handPhone(network, 'hand');
  const incoming = nextCall(bob);
  hand.send('bob', INVITE_BY_HAND('Supported: timer\nSession-Expires: 20\n'));
  await wind(10);
  assert.deepEqual(
    [hand.lines.at(-1), hand.heard.at(-1)?.get('Min-SE')],
    ['SIP/2.0 422 Session Interval Too Small', '90'],
  );
  hand.send(
    'bob',
    INVITE_BY_HAND('Supported: timer\nSession-Expires: 90\n').replace('hand1', 'hand9').replace('by-hand', 'by-hand-2'),
  );
  await wind(10);
  const dialog = await (await incoming).answer(ANSWER);
  const endings = endingsOf(dialog);
  await wind(10);
  assert.equal(hand.heard.at(-1)?.get('Session-Expires'), '90;refresher=uac');
  hand.send(
    'bob',
    `ACK sip:200@bob SIP/2.0
Via: SIP/2.0/UDP hand:5060;branch=z9hG4bKhand3
From: <sip:1@hand>;tag=h
To: <sip:200@bob>;tag=${tagIn(hand.heard.at(-1))}
Call-ID: by-hand-2
CSeq: 1 ACK

`,
  );
  await wind(61_000);
  assert.deepEqual(endings, [{ by: 'timeout', reason: 'session-expired' }]);
});
