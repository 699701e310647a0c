import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepPlaces } from './steady.ts';

test('nothing moves: neither in its group nor to another; what is new comes last', () => {
  const before = [
    ['sun', 'he'],
    ['wang', 'zhou'],
  ];
  const now = [['he'], ['zhou', 'sun', 'wang', 'li']];
  assert.deepEqual(keepPlaces(before, now), [
    ['sun', 'he'],
    ['wang', 'zhou', 'li'],
  ]);
});

test('what is gone is gone', () => {
  assert.deepEqual(keepPlaces([['a', 'b', 'c']], [['c']]), [['c']]);
});
