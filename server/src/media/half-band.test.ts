import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HalfBandDown, HalfBandUp } from './half-band.ts';
import { sine, toneLevelDb } from './measure.ts';

function down(samples: Int16Array): Int16Array {
  const filter = new HalfBandDown();
  const output = new Int16Array(samples.length / 2);
  for (let at = 0; at < output.length; at += 160)
    filter.process(samples.subarray(2 * at, 2 * at + 320), output.subarray(at, at + 160));
  return output.subarray(800);
}

function up(samples: Int16Array): Int16Array {
  const filter = new HalfBandUp();
  const output = new Int16Array(samples.length * 2);
  for (let at = 0; at < samples.length; at += 160)
    filter.process(samples.subarray(at, at + 160), output.subarray(2 * at, 2 * at + 320));
  return output.subarray(1600);
}

test('the voice band passes both ways within 0.1 dB', () => {
  for (const hz of [100, 440, 1000, 2000, 3000, 3400, 3600]) {
    const narrow = toneLevelDb(down(sine({ hz, durationMs: 1000, rateHz: 16_000 })), hz);
    const wide = toneLevelDb(up(sine({ hz, durationMs: 1000 })), hz, 16_000);
    assert.ok(Math.abs(narrow + 10) < 0.1 && Math.abs(wide + 10) < 0.1, `${hz} Hz: ${narrow}, ${wide}`);
  }
});

test('nothing above 4.4 kHz folds down, and nothing is mirrored above it on the way up', () => {
  for (const hz of [4400, 5000, 6000, 7500]) {
    const folded = toneLevelDb(down(sine({ hz, durationMs: 1000, rateHz: 16_000 })), 8000 - hz);
    const mirrored = toneLevelDb(up(sine({ hz: 8000 - hz, durationMs: 1000 })), hz, 16_000);
    assert.ok(folded < -65 && mirrored < -65, `${hz} Hz: ${folded}, ${mirrored}`);
  }
});

test('there is no seam between frames', () => {
  const there = up(down(sine({ hz: 1000, durationMs: 1000, rateHz: 16_000 })));
  const level = toneLevelDb(there, 1000, 16_000);
  assert.ok(Math.abs(level + 10) < 0.1);
  for (const hz of [950, 1050, 2000, 5000]) assert.ok(toneLevelDb(there, hz, 16_000) < -70, `${hz} Hz`);
});
