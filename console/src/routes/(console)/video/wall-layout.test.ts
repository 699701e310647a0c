import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FeedView } from '@tocsin/protocol/views.ts';
import { inOrder, shownOn } from './wall-layout.ts';

const feed = (id: string, state: FeedView['state'], invitedAt: number) => ({ id, state, invitedAt }) as FeedView;
const all = [feed('b', 'lost', 1), feed('c', 'ended', 2), feed('d', 'live', 4), feed('a', 'live', 3)];
const ids = (feeds: FeedView[]) => feeds.map(({ id }) => id).join('');

test('live pictures come first, in the order in which they came; what has ended is off the wall', () => {
  assert.equal(ids(inOrder(all)), 'adb');
});

test('the spotlight has its picture first and the others beside it; other layouts turn', () => {
  const feeds = inOrder(all);
  assert.equal(ids(shownOn(feeds, 'spot', { first: 0, spot: 'b' })), 'bad');
  assert.equal(ids(shownOn(feeds, 'one', { first: 2 })), 'b');
  assert.equal(ids(shownOn(feeds, 'four', { first: 2 })), 'adb');
  assert.equal(ids(shownOn([], 'spot', { first: 3, spot: 'b' })), '');
});
