import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeG711, encodeG711 } from './codecs/g711.ts';
import { sine } from './measure.ts';
import { Mix, softClip, type Voice } from './mixer.ts';

const voice = (frame: Int16Array, isAudible = true): Voice => ({ frame: frame.slice(0, 160), isAudible });

test('each talker hears the total minus himself, exactly', () => {
  const voices = [300, 700, 1100].map((hz) => voice(sine({ hz, durationMs: 20, levelDb: -20 })));
  const mix = new Mix();
  mix.sum(voices);
  for (const own of voices) {
    const expected = Int16Array.from({ length: 160 }, (_, i) =>
      voices.reduce((sum, { frame }) => sum + frame[i]!, -own.frame[i]!),
    );
    const packet = new Uint8Array(172);
    assert.equal(mix.encodeFor(own, 'pcma', packet, 12), true);
    assert.deepEqual(packet.subarray(12), encodeG711('pcma', expected));
  }
  assert.equal(mix.encodings, 3);
});

test('listeners who say nothing share one encoding of each codec', () => {
  const mix = new Mix();
  const silent = voice(new Int16Array(160), false);
  mix.sum([voice(sine({ hz: 500, durationMs: 20 })), silent]);
  const packet = new Uint8Array(160);
  for (let i = 0; i < 50; i += 1) mix.encodeFor(i % 2 ? silent : undefined, i % 3 ? 'pcma' : 'pcmu', packet, 0);
  assert.equal(mix.encodings, 2);
});

test('the only talker hears silence', () => {
  const mix = new Mix();
  const only = voice(sine({ hz: 500, durationMs: 20 }));
  mix.sum([only]);
  const packet = new Uint8Array(160);
  assert.equal(mix.encodeFor(only, 'pcmu', packet, 0), false);
  assert.ok(decodeG711('pcmu', packet).every((sample) => sample === 0));
});

test('a single loud voice passes unbent; a loud sum bends and never wraps', () => {
  const loud = voice(sine({ hz: 500, durationMs: 20, levelDb: 0 }));
  const mix = new Mix();
  mix.sum([loud]);
  const linear = new Int16Array(160);
  mix.writeLinear(undefined, linear, 0, 1);
  assert.deepEqual(linear, loud.frame);

  const many = Array.from({ length: 40 }, () => loud);
  mix.sum(many);
  mix.writeLinear(undefined, linear, 0, 1);
  for (let i = 0; i < 160; i += 1) assert.ok(Math.sign(linear[i]!) === Math.sign(loud.frame[i]!), `sample ${i}`);
});

test('the soft clip is exact below its knee, rises all the way and keeps within 16 bits', () => {
  assert.equal(softClip(24_576), 24_576);
  let before = -Infinity;
  for (let value = -2_000_000; value <= 2_000_000; value += 997) {
    const bent = softClip(value);
    assert.ok(bent >= before && Math.abs(bent) <= 32_767);
    before = bent;
  }
});
