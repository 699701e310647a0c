import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';

import { ANSWER, OFFER, town } from '../user-agent/test-town.ts';
import type { InviteDialog } from './invite-dialog.ts';

/** Alice in a call with Bob, and Carol who has heard of it. */
async function inCall(t: TestContext) {
  const place = town(t);
  const [alice, bob, carol] = [await place.agent('alice'), await place.agent('bob'), await place.agent('carol')];
  const incoming = place.nextCall(bob);
  const call = alice.invite({ target: 'sip:200@bob', from: { user: '100' }, offer: OFFER });
  await place.wind(10);
  const atBob = await incoming;
  const answer = async () => {
    const answering = atBob.answer(ANSWER);
    await place.wind(10);
    const outcome = await call.outcome;
    assert.ok(outcome.kind === 'answered');
    return { ours: outcome.dialog, theirs: await answering };
  };
  /** Carol calls `host` to take over what `replaces` names; its ending, or undefined while it is open. */
  const takeOver = async (host: string, replaces: string) => {
    const taking = carol.invite({ target: `sip:x@${host}`, from: { user: '300' }, offer: OFFER, replaces });
    await place.wind(20);
    return Promise.race([taking.outcome, undefined]);
  };
  return { ...place, alice, bob, carol, call, atBob, answer, takeOver };
}

/** The dialog as the one who is to give it up sees it. */
const named = ({ callId, localTag, remoteTag }: InviteDialog) => `${callId};to-tag=${localTag};from-tag=${remoteTag}`;

test('a call with Replaces finds the call that it takes over, which ends when it is answered', async (t) => {
  const { bob, nextCall, answer, takeOver, wind } = await inCall(t);
  const { ours, theirs } = await answer();
  const endings: unknown[] = [];
  ours.on('ended', (ending) => endings.push(ending));
  const second = nextCall(bob);
  const taking = takeOver('bob', named(theirs));
  const newcomer = await second;
  assert.equal(newcomer.takesOver?.kind, 'talking');
  void newcomer.answer(ANSWER);
  newcomer.takesOver.end('replaced');
  await wind(20);
  assert.equal((await taking)?.kind, 'answered');
  assert.deepEqual(endings, [{ by: 'remote', reason: 'replaced', q850: undefined }]);
});

test('what cannot be taken over is refused as RFC 3891 says', async (t) => {
  const { atBob, answer, takeOver, wind, network } = await inCall(t);
  const statusOf = async (host: string, replaces: string) => {
    const outcome = await takeOver(host, replaces);
    return outcome?.kind === 'refused' ? outcome.status : outcome;
  };
  assert.equal(await statusOf('bob', 'nobody;to-tag=1;from-tag=2'), 481);
  assert.equal(await statusOf('bob', 'nobody;to-tag=1'), 400);
  // Bob rings, and did not call: only Alice could give this one up.
  atBob.ring();
  await wind(10);
  const ringing = network.sent.map(({ text }) => text).find((text) => text.startsWith('SIP/2.0 180'))!;
  const [, callId] = /Call-ID: (.*)\r/.exec(ringing)!;
  const [, toTag] = /\r\nTo: .*;tag=(.*)\r/.exec(ringing)!;
  const [, fromTag] = /\r\nFrom: .*;tag=(.*)\r/.exec(ringing)!;
  assert.equal(await statusOf('bob', `${callId};to-tag=${toTag};from-tag=${fromTag}`), 481);
  const { theirs } = await answer();
  assert.equal(await statusOf('bob', `${named(theirs)};early-only`), 486);
  void theirs.bye();
  await wind(20);
  assert.equal(await statusOf('bob', named(theirs)), 603);
});

test('a call that we placed and that rings can be picked up from elsewhere', async (t) => {
  const { alice, atBob, call, nextCall, takeOver, network, wind } = await inCall(t);
  atBob.ring();
  await wind(10);
  const ringing = network.sent.map(({ text }) => text).find((text) => text.startsWith('SIP/2.0 180'))!;
  const [, toTag] = /\r\nTo: .*;tag=(.*)\r/.exec(ringing)!;
  const [, fromTag] = /\r\nFrom: .*;tag=(.*)\r/.exec(ringing)!;
  const second = nextCall(alice);
  const taking = takeOver('alice', `${call.callId};to-tag=${fromTag};from-tag=${toTag};early-only`);
  const newcomer = await second;
  assert.equal(newcomer.takesOver?.kind, 'ringing');
  newcomer.takesOver.end('answered-elsewhere');
  void newcomer.answer(ANSWER);
  await wind(50);
  assert.equal((await taking)?.kind ?? 'open', 'answered');
  assert.deepEqual([(await call.outcome).kind, atBob.cancelled.reason], ['cancelled', 'answered-elsewhere']);
});
