import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';

import { ANSWER, OFFER, town } from '../user-agent/test-town.ts';
import type { InviteDialog } from './invite-dialog.ts';
import type { KeptDialog } from './kept-dialog.ts';

const RENEWED = 'v=0\r\nrenewed';

/** Alice and Bob in a call, and Carol, who knows nothing of it. */
async function inCall(t: TestContext) {
  const place = town(t);
  const alice = await place.agent('alice');
  const bob = await place.agent('bob');
  const carol = await place.agent('carol');
  const incoming = place.nextCall(bob);
  const call = alice.invite({ target: 'sip:200@bob', from: { user: '100' }, offer: OFFER });
  await place.wind(10);
  const answering = (await incoming).answer(ANSWER);
  await place.wind(10);
  const outcome = await call.outcome;
  assert.ok(outcome.kind === 'answered');
  return { ...place, alice, bob, carol, atAlice: outcome.dialog, atBob: await answering };
}

/** As it comes back out of a database. */
const stored = (dialog: InviteDialog): KeptDialog => JSON.parse(JSON.stringify(dialog.kept())) as KeptDialog;

for (const side of ['caller', 'callee'] as const)
  test(`another process goes on with the ${side}'s end of a dialog, in both directions`, async (t) => {
    const { atAlice, atBob, carol, wind } = await inCall(t);
    const [ours, theirs] = side === 'caller' ? [atAlice, atBob] : [atBob, atAlice];
    // What happened after the dialog was kept is not known to who takes it up.
    const kept = stored(ours);
    void ours.info('application/dtmf', '1');
    await wind(20);

    const takenUp = carol.takeUp(kept);
    theirs.on('reoffer', ({ answer }) => answer(RENEWED));
    const renewing = takenUp.reinvite(OFFER);
    await wind(20);
    assert.deepEqual(await renewing, { kind: 'answered', answer: RENEWED });

    const infos: string[] = [];
    takenUp.on('info', ({ body }) => infos.push(body));
    const told = theirs.info('application/dtmf', '5');
    await wind(20);
    assert.equal(await told, 200, 'the peer finds the new process by its Contact');
    assert.deepEqual(infos, ['5']);

    const endings: unknown[] = [];
    takenUp.on('ended', ({ by }) => endings.push(by));
    const bye = theirs.bye();
    await wind(20);
    await bye;
    assert.deepEqual(endings, ['remote']);
  });

test('a peer that has hung up meanwhile says so at once', async (t) => {
  const { atAlice, atBob, carol, network, wind } = await inCall(t);
  const kept = stored(atAlice);
  // Its BYE reaches nobody.
  network.weather = () => [];
  void atBob.bye();
  await wind(40_000);
  network.weather = () => [1];
  const takenUp = carol.takeUp(kept);
  const renewing = takenUp.reinvite(OFFER);
  await wind(20);
  assert.deepEqual(await renewing, { kind: 'refused', status: 481 });
  assert.equal(takenUp.isEnded, true);
});
