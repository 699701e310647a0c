import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemChance } from '#kernel/chance.ts';
import { ManualClock } from '#kernel/clock.ts';
import type { DispatchError } from '#kernel/errors.ts';
import { openTestStore } from '#store/test-database.ts';
import { Blacklist } from './blacklist.ts';

test('what is put on the blacklist stays there over a restart, until it is taken off', async (t) => {
  const store = await openTestStore(t);
  const clock = new ManualClock();
  const open = () => Blacklist.open({ store, clock, chance: systemChance });
  const list = await open();
  const first = await list.add({ number: '1390000.', because: '骚扰', until: '2026-12-31' }, 'admin');
  clock.advance(1000);
  await list.add({ number: '*31#', because: '' }, 'admin');
  assert.deepEqual((await open()).entries(), list.entries());
  assert.deepEqual(
    list.entries().map(({ number, until }) => [number, until]),
    [
      ['*31#', undefined],
      ['1390000.', '2026-12-31'],
    ],
  );
  assert.equal((await list.remove(first.id)).number, '1390000.');
  assert.deepEqual(
    (await open()).entries().map(({ number }) => number),
    ['*31#'],
  );
  await assert.rejects(list.remove(first.id), (error: DispatchError) => error.code === 'NOT_FOUND');
});
