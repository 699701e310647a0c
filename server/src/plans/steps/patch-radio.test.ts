import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ledgerOf, room, step } from '../test-room.ts';

const CONFERENCE = step('meet', 'conference', "people: ['group:leaders']");

test('the radio joins the conference of another step as soon as that is open', async (t) => {
  const { start, conferences, reaches, view } = await room(
    t,
    step('radio', 'patch-radio', 'channel: ch1, conference: meet') + CONFERENCE,
  );
  const { id } = await start();
  await reaches(id, 'radio', 'done');
  assert.deepEqual(conferences[0]!.patched, ['ch1']);
  assert.equal(ledgerOf(await view(id))['ch1/radio'], 'joined');
});
