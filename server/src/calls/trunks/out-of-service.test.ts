import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#kernel/clock.ts';
import type { Queryable } from '#store/queryable.ts';
import { OutOfService } from './out-of-service.ts';

test('what is taken out stays out until it is put back; a trunk and its lines each for themselves', async () => {
  const asked: string[] = [];
  const store = {
    query: async (text: string) => (asked.push(text.trim().split(' ', 1)[0]!), []),
  } as unknown as Queryable;
  const clock = new ManualClock();
  const out = new OutOfService({ store, clock });
  const told: string[] = [];
  out.on('changed', (trunk) => told.push(trunk));
  const sinceMs = clock.now();
  await out.take({ trunk: 'fxo', line: 'p1', by: 'admin', because: 'new cable' });
  assert.equal(out.of('fxo'), undefined);
  clock.advance(1000);
  await out.take({ trunk: 'fxo', line: 'p1', by: 'lead', because: 'still the cable' });
  assert.deepEqual(out.of('fxo', 'p1'), { trunk: 'fxo', line: 'p1', by: 'lead', because: 'still the cable', sinceMs });
  assert.equal(await out.giveBack('fxo'), false);
  assert.equal(await out.giveBack('fxo', 'p1'), true);
  assert.equal(out.of('fxo', 'p1'), undefined);
  assert.deepEqual([told.length, asked], [3, ['insert', 'insert', 'delete']]);
});
