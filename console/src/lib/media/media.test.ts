import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitBeforeAttempt } from './backoff.ts';
import { ViewerEvents } from './viewer-events.ts';

test('attempts come soon at first, and never more than ten seconds apart', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 20].map((attempt) => waitBeforeAttempt(attempt)),
    [500, 1000, 2000, 4000, 8000, 10_000, 10_000],
  );
});

test('news of a viewing reaches only the one who watches it', () => {
  const events = new ViewerEvents();
  const heard: string[] = [];
  const stop = events.listen('a', { sources: (list) => heard.push(list.join()), ended: (why) => heard.push(why) });
  events.listen('b', { sources: () => heard.push('b'), ended: () => heard.push('b') });
  events.sources('a', ['camera', 'microphone']);
  events.ended('a', 'feed-ended');
  stop();
  events.ended('a', 'again');
  events.ended('nobody', 'x');
  assert.deepEqual(heard, ['camera,microphone', 'feed-ended']);
});
