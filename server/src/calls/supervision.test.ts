import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Leg } from './leg.ts';
import { heardBy } from './supervision.ts';

const agent = { node: { id: 'agent' } } as unknown as Leg;

test('who listens in is heard by nobody, who whispers by one, who barges in by all', () => {
  assert.equal(heardBy('listen', agent), 'nobody');
  assert.deepEqual(heardBy('whisper', agent), ['agent']);
  assert.equal(heardBy('barge', agent), 'everyone');
});

test('a whisper to nobody in particular is heard by nobody', () => {
  assert.equal(heardBy('whisper', undefined), 'nobody');
});
