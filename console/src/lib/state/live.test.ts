import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIVE_NOUNS, type LiveNouns, type LiveNoun, type PresenceView } from '@tocsin/protocol/views.ts';
import { emptyLive, takeChanges, takeSnapshot } from './live.ts';

const presence = (id: string, state: PresenceView['state'] = 'idle'): PresenceView => ({ id, state, since: 0 });
const snapshot = (parts: Partial<{ [Noun in LiveNoun]: LiveNouns[Noun][] }>) =>
  ({ ...Object.fromEntries(LIVE_NOUNS.map((noun) => [noun, []])), ...parts }) as {
    [Noun in LiveNoun]: LiveNouns[Noun][];
  };

test('a snapshot brings what is there and takes away what is not', () => {
  const live = emptyLive();
  takeSnapshot(live, snapshot({ presence: [presence('wang'), presence('li')] }));
  takeSnapshot(live, snapshot({ presence: [presence('li', 'ringing'), presence('zhou')] }));
  assert.deepEqual([...live.presence.keys()], ['li', 'zhou']);
  assert.equal(live.presence.get('li')?.state, 'ringing');
});

test('changes replace an item whole, remove it, and leave the others the same objects', () => {
  const live = emptyLive();
  takeSnapshot(live, snapshot({ presence: [presence('wang'), presence('li'), presence('zhou')] }));
  const li = live.presence.get('li');
  takeChanges(live, [
    { noun: 'presence', item: presence('wang', 'in') },
    { noun: 'presence', removed: 'zhou' },
  ]);
  assert.equal(live.presence.get('wang')?.state, 'in');
  assert.equal(live.presence.has('zhou'), false);
  assert.equal(live.presence.get('li'), li);
});

test('a noun that this console does not know is left alone', () => {
  const live = emptyLive();
  takeChanges(live, [{ noun: 'drones', item: { id: 'd1' } } as never]);
  assert.equal(live.presence.size, 0);
});
