import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ledgerOf, room, step, stepOf } from '../test-room.ts';

test('siren and words are played to the zones, each with its state in the ledger', async (t) => {
  const { start, plays, clock, view, reaches } = await room(
    t,
    step(
      'siren',
      'announce',
      'zones: [all], siren: { sound: evacuate, seconds: 8 }, say: { zh: 撤离, en: Leave }, times: 3, gapS: 1',
    ),
  );
  const { id } = await start();
  const [play] = plays;
  assert.deepEqual(
    play!.parts.map((part) => (part.kind === 'tone' ? part.forMs : part.kind === 'speech' ? part.text : '')),
    [8000, '撤离', 'Leave'],
  );
  assert.deepEqual([play!.times, play!.gapMs], [3, 1000]);
  play!.onZone({ zone: 'dam', state: 'playing', at: clock.now() });
  play!.onZone({ zone: 'dam', state: 'played', at: clock.now(), hornsPlaying: 2, hornsTotal: 2 });
  play!.onZone({ zone: 'village', state: 'played', at: clock.now(), hornsPlaying: 1, hornsTotal: 2 });
  play!.end();
  await reaches(id, 'siren', 'done');
  assert.deepEqual(ledgerOf(await view(id)), { 'dam/pa': 'confirmed', 'village/pa': 'delivered' });
  assert.equal((await view(id)).ledger.find(({ person }) => person === 'village')!.detail, '1/2');
});

test('when no zone can be reached the step has failed', async (t) => {
  const { start, plays, view, reaches } = await room(t, step('siren', 'announce', 'zones: [dam], say: 撤离'));
  const { id } = await start();
  plays[0]!.end('unavailable');
  await reaches(id, 'siren', 'failed');
  assert.equal(stepOf(await view(id), 'siren').because, 'no-zone-played');
});
