import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AutomaticLevel } from './automatic-level.ts';
import { levelDb, sine } from './measure.ts';

/** Ten seconds of a voice at this level (rms); what comes out in the last. */
function after(level: AutomaticLevel, rmsDb: number, seconds = 10): number {
  const voice = sine({ hz: 400, durationMs: 1000, levelDb: rmsDb + 3 });
  const last: number[] = [];
  for (let n = 0; n < seconds * 50; n += 1) {
    const frame = voice.slice((n % 50) * 160, (n % 50) * 160 + 160);
    level.apply(frame);
    if (n >= (seconds - 1) * 50) last.push(...frame);
  }
  return levelDb(Int16Array.from(last));
}

test('quiet and loud voices come to one level, within 12 dB', () => {
  assert.ok(Math.abs(after(new AutomaticLevel(), -29) + 20) < 0.5);
  assert.ok(Math.abs(after(new AutomaticLevel(), -12) + 20) < 0.5);
  assert.ok(Math.abs(after(new AutomaticLevel(), -20) + 20) < 0.1, 'who is right is left alone');
  assert.ok(Math.abs(after(new AutomaticLevel(), -40) + 28) < 0.5, 'no more than 12 dB');
});

test('silence and noise change nothing, and there is no step between frames', () => {
  const level = new AutomaticLevel();
  after(level, -29);
  const before = level.gainDb;
  after(level, -60);
  assert.equal(level.gainDb, before);
  const frames = sine({ hz: 400, durationMs: 1000, levelDb: -15 });
  let largest = 0;
  let previous = 0;
  for (let at = 0; at < frames.length; at += 160) {
    const frame = frames.slice(at, at + 160);
    level.apply(frame);
    for (const sample of frame) {
      largest = Math.max(largest, Math.abs(sample - previous));
      previous = sample;
    }
  }
  // As large as the tone's own at the loudest that it can come to: 2π·400/8000 of −15 + 9 dB.
  assert.ok(largest < 5400, `${largest}`);
});
