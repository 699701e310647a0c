import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toneLevelDb } from '../measure.ts';
import { PlaybackNode } from './playback-node.ts';

test('the frequencies of a siren sound in turn, those of a dial tone together', () => {
  const tone = { kind: 'tone', hz: [440, 560], onMs: 400, offMs: 0, levelDb: -10 } as const;
  const siren = heard(new PlaybackNode('siren', { ...tone, hz: [...tone.hz], inTurn: true }, Infinity, 0, () => {}));
  const together = heard(new PlaybackNode('tone', { ...tone, hz: [...tone.hz] }, Infinity, 0, () => {}));
  for (let turn = 0; turn < 4; turn += 1) {
    const from = turn * 3200;
    const [low, high] = tone.hz.map((hz) => toneLevelDb(siren.subarray(from, from + 3200), hz));
    assert.ok(turn % 2 === 0 ? low! > -11 && high! < -40 : high! > -11 && low! < -40, `turn ${turn}: ${low} ${high}`);
    for (const hz of tone.hz) assert.ok(toneLevelDb(together.subarray(from, from + 3200), hz) > -11);
  }
});

/** The first two seconds of a playback. */
function heard(node: PlaybackNode): Int16Array {
  node.bridgeId = 'bridge';
  const samples = new Int16Array(16_000);
  for (let at = 0; at < samples.length; at += 160) {
    node.produce();
    samples.set(node.frame, at);
  }
  return samples;
}
