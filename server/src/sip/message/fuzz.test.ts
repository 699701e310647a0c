import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fuzzMessages } from './fuzz.ts';

test('spoilt messages and streams are taken or refused, and what is taken reads the same again', () => {
  const { failures, taken, refused } = fuzzMessages(5000, 4475);
  assert.deepEqual(failures, []);
  assert.ok(taken > 100 && refused > 100, `${taken} taken, ${refused} refused`);
});
