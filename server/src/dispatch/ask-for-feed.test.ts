import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#kernel/clock.ts';
import { openTestStore } from '#store/test-database.ts';
import type { Desk } from './desk.ts';
import { restoreFeeds } from './ask-for-feed.ts';

const HOUR_MS = 3600 * 1000;

test('after a restart a link works that is new or in use, and no other', async (t) => {
  const store = await openTestStore(t);
  const clock = new ManualClock();
  const at = (ms: number | undefined) => (ms === undefined ? null : new Date(clock.now() + ms));
  for (const [id, expires, live, ended] of [
    ['new', HOUR_MS, undefined, undefined],
    ['expired', -HOUR_MS, undefined, undefined],
    ['expired-in-use', -HOUR_MS, -2 * HOUR_MS, undefined],
    ['used-yesterday', -HOUR_MS, -20 * HOUR_MS, undefined],
    ['ended', HOUR_MS, -HOUR_MS, -1000],
  ] as const)
    await store.query(
      `insert into feeds (id, token, person, asker, is_drill, expires_at, live_at, ended_at)
       values ($1, $1, 'zhao', 'dispatcher', false, $2, $3, $4)`,
      [id, at(expires), at(live), at(ended)],
    );
  const invited = new Map<string, number>();
  await restoreFeeds({
    store,
    clock,
    directory: { person: () => undefined } as unknown as Desk['directory'],
    feeds: {
      invite: ({ id, expiresInMs }: { id: string; expiresInMs: number }) => invited.set(id, expiresInMs),
    } as unknown as Desk['feeds'],
  });
  assert.deepEqual([...invited.keys()].sort(), ['expired-in-use', 'new']);
  assert.equal(invited.get('new'), HOUR_MS);
  assert.ok(invited.get('expired-in-use')! > 60_000, 'whoever is sending has time to come back');
});
