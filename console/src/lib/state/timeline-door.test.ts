import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TimelineEntry } from '@tocsin/protocol/views.ts';
import { mergeEntries } from './timeline-door.ts';

const entry = (seq: number, at: number) => ({ seq, at }) as TimelineEntry;

test('entries read and entries heard are one list, newest first, each once', () => {
  const merged = mergeEntries([entry(1, 10), entry(2, 20)], [entry(2, 20), entry(3, 20), entry(4, 30)]);
  assert.deepEqual(
    merged.map(({ seq }) => seq),
    [4, 3, 2, 1],
  );
});
