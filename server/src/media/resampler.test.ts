import assert from 'node:assert/strict';
import { test } from 'node:test';
import { levelDb, similarity, sine, toneLevelDb } from './measure.ts';
import { resample } from './resampler.ts';

for (const rateHz of [16_000, 22_050, 44_100, 48_000]) {
  test(`${rateHz} Hz becomes 8 kHz: what fits passes, what does not is gone`, () => {
    for (const hz of [300, 1000, 3300]) {
      const out = resample(sine({ hz, durationMs: 1000, rateHz }), rateHz, 8000);
      assert.equal(out.length, 8000);
      assert.ok(Math.abs(toneLevelDb(out, hz) + 10) < 0.3, `${hz} Hz: ${toneLevelDb(out, hz)} dB`);
    }
    const tooHigh = resample(sine({ hz: 5200, durationMs: 1000, rateHz }), rateHz, 8000);
    assert.ok(levelDb(tooHigh.subarray(200, 7800)) < -65, `${levelDb(tooHigh)} dB are left`);
  });
}

test('8 kHz becomes 48 kHz and is the same sound', () => {
  const out = resample(sine({ hz: 700, durationMs: 500 }), 8000, 48_000);
  assert.ok(similarity(sine({ hz: 700, durationMs: 500, rateHz: 48_000 }), out, 100).similarity > 0.99);
});

test('similarity finds a delayed, quieter copy in noise, and tells it from another sound', () => {
  let seed = 3;
  const noise = () => ((seed = (seed * 48_271) % 0x7fffffff) / 0x7fffffff - 0.5) * 20_000;
  const said = Int16Array.from({ length: 8000 }, noise);
  const heard = new Int16Array(12_000);
  said.forEach((sample, i) => (heard[i + 1234] = sample / 8 + noise() / 40));
  const found = similarity(said, heard);
  assert.equal(found.lag, 1234);
  assert.ok(found.similarity > 0.9, `${found.similarity}`);
  assert.ok(similarity(said, Int16Array.from({ length: 12_000 }, noise)).similarity < 0.2);
});
