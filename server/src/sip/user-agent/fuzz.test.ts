import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fuzzAgents } from './test-fuzz.ts';

test('spoilt messages, in calls and out, break nothing and leave nothing behind', async () => {
  const { failures, rounds, alive, left } = await fuzzAgents(5000, 4475, Date.now() + 2000);
  assert.deepEqual(failures, []);
  assert.ok(rounds > 50, `only ${rounds} rounds`);
  assert.deepEqual([alive, left], [3, 0]);
});
