import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PeerSupervision, type PeerState } from './supervision.ts';
import { town } from './test-town.ts';

test('a trunk that falls silent is down within seconds, and up again when it answers', async (t) => {
  const { agent, wind, network, clock } = town(t);
  const us = await agent('us');
  await agent('carrier');
  using supervision = new PeerSupervision(us, clock, { target: 'sip:carrier', everyMs: 10_000 });
  const states: string[] = [];
  supervision.on('state', (state: PeerState) => states.push(state.kind));
  await wind(100);
  assert.equal(supervision.state.kind, 'up');
  network.weather = () => [];
  await wind(9000);
  assert.deepEqual(states, ['up']);
  await wind(12_000);
  assert.deepEqual(states, ['up', 'down']);
  network.weather = () => [0];
  await wind(11_000);
  assert.deepEqual(states, ['up', 'down', 'up']);
});
