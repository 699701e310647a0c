import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';

import { seededChance } from '#kernel/chance.ts';
import { ANSWER, OFFER, town } from '../user-agent/test-town.ts';

/** As it comes back out of a database. */
const stored = <Kept>(kept: Kept): NonNullable<Kept> => JSON.parse(JSON.stringify(kept)) as NonNullable<Kept>;

/** Alice calls Bob, and it rings. `again` is a new process in the place of one of the two; the old one hears no more. */
async function ringing(t: TestContext) {
  const place = town(t);
  const alice = await place.agent('alice');
  const bob = await place.agent('bob');
  const coming = place.nextCall(bob);
  const call = alice.invite({ target: 'sip:200@bob', from: { user: '100' }, offer: OFFER });
  await place.wind(10);
  const incoming = await coming;
  incoming.ring();
  await place.wind(10);
  const again = (host: string) => place.agent(host, { chance: seededChance(`${host} again`, () => place.clock.now()) });
  return { ...place, call, incoming, again };
}

test('a call of ours that rings is answered to the next process, which can hang up', async (t) => {
  const { call, incoming, again, wind } = await ringing(t);
  const kept = stored(call.kept());
  const takenUp = (await again('alice')).takeUpOutgoing(kept);
  const endings: string[] = [];
  const answering = incoming.answer(ANSWER);
  await wind(20);
  (await answering).on('ended', ({ by }) => endings.push(by));
  const outcome = await takenUp.outcome;
  assert.ok(outcome.kind === 'answered');
  assert.equal(outcome.answer, ANSWER);
  const bye = outcome.dialog.bye();
  await wind(20);
  await bye;
  assert.deepEqual(endings, ['remote'], 'the callee has had its ACK, and the BYE');
});

test('the next process can cancel what rings', async (t) => {
  const { call, incoming, again, wind } = await ringing(t);
  const takenUp = (await again('alice')).takeUpOutgoing(stored(call.kept()));
  takenUp.cancel('server-restarted');
  await wind(20);
  assert.equal(incoming.cancelled.aborted, true);
  assert.deepEqual(await takenUp.outcome, { kind: 'cancelled' });
});

test('a caller who waits is answered by the next process, in the dialog that he knows', async (t) => {
  const { call, incoming, again, wind } = await ringing(t);
  const takenUp = (await again('bob')).takeUpIncoming(stored(incoming.kept()));
  assert.equal(takenUp.dialled, '200');
  const answering = takenUp.answer(ANSWER);
  await wind(20);
  const outcome = await call.outcome;
  assert.ok(outcome.kind === 'answered');
  const dialog = await answering;
  assert.equal(dialog.isEnded, false);
  const bye = outcome.dialog.bye();
  await wind(20);
  await bye;
  assert.equal(dialog.isEnded, true);
});

test('a caller who waits can be refused by the next process, and can give up', async (t) => {
  const first = await ringing(t);
  (await first.again('bob')).takeUpIncoming(stored(first.incoming.kept())).refuse(503);
  await first.wind(20);
  const refused = await first.call.outcome;
  assert.ok(refused.kind === 'refused');
  assert.equal(refused.status, 503);

  const second = await ringing(t);
  const takenUp = (await second.again('bob')).takeUpIncoming(stored(second.incoming.kept()));
  second.call.cancel();
  await second.wind(20);
  assert.equal(takenUp.cancelled.aborted, true);
});
