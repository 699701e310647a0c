import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRange } from './recordings.ts';

test('a browser gets the stretch of a recording that it asks for', () => {
  assert.deepEqual(readRange('bytes=0-99', 1000), { first: 0, last: 99 });
  assert.deepEqual(readRange('bytes=900-', 1000), { first: 900, last: 999 });
  assert.deepEqual(readRange('bytes=-100', 1000), { first: 900, last: 999 });
  assert.deepEqual(readRange('bytes=990-5000', 1000), { first: 990, last: 999 });
});

test('what cannot be had is unsatisfiable; nonsense gets the whole', () => {
  assert.equal(readRange('bytes=1000-', 1000), 'unsatisfiable');
  assert.equal(readRange('bytes=5-2', 1000), 'unsatisfiable');
  assert.equal(readRange('bytes=-', 1000), undefined);
  assert.equal(readRange('bytes=0-1,5-6', 1000), undefined);
  assert.equal(readRange(undefined, 1000), undefined);
});
