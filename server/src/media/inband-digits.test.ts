import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InbandDigits } from './inband-digits.ts';
import { sine } from './measure.ts';

const PAIRS: Record<string, [number, number]> = {
  ...{ 1: [697, 1209], 2: [697, 1336], 3: [697, 1477], A: [697, 1633], 4: [770, 1209], 5: [770, 1336] },
  ...{ 6: [770, 1477], B: [770, 1633], 7: [852, 1209], 8: [852, 1336], 9: [852, 1477], C: [852, 1633] },
  ...{ '*': [941, 1209], 0: [941, 1336], '#': [941, 1477], D: [941, 1633] },
};

function heardIn(samples: Int16Array): string {
  let heard = '';
  const digits = new InbandDigits((digit) => (heard += digit));
  for (let at = 0; at + 160 <= samples.length; at += 160) digits.listen(samples.subarray(at, at + 160));
  for (let i = 0; i < 3; i += 1) digits.listen(undefined);
  return heard;
}

/** Digits with pauses, beginning anywhere in a frame. */
function dialled(keys: string, { durationMs = 80, levelDb = -16, offBy = 1 } = {}): Int16Array {
  const parts = [...keys].flatMap((key, index) => [
    new Int16Array(480 + 37 * index),
    sine({ hz: PAIRS[key]!.map((hz) => hz * offBy), durationMs, levelDb }),
  ]);
  const all = new Int16Array(parts.reduce((sum, { length }) => sum + length, 0) + 800);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const ALL = '123A456B789C*0#D';

test('every digit is told once, loud or quiet, short or long, and with tones 1.5 % off', () => {
  assert.equal(heardIn(dialled(ALL)), ALL);
  assert.equal(heardIn(dialled(ALL, { levelDb: -7, durationMs: 70 })), ALL);
  assert.equal(heardIn(dialled(ALL, { levelDb: -32, durationMs: 500 })), ALL);
  assert.equal(heardIn(dialled(ALL, { offBy: 1.015 })), ALL);
  assert.equal(heardIn(dialled('1155', {})), '1155');
});

test('digits of 50 ms with pauses of 50 ms are told once each, wherever they begin in a frame', () => {
  for (let offset = 0; offset < 160; offset += 5) {
    const parts = [...'0099**1123456789'].flatMap((key) => [
      sine({ hz: PAIRS[key]!, durationMs: 50, levelDb: -16 }),
      new Int16Array(400),
    ]);
    const all = new Int16Array(offset + parts.length * 400 + 800);
    for (const [index, part] of parts.entries()) all.set(part, offset + index * 400);
    assert.equal(heardIn(all), '0099**1123456789', `${offset} samples into a frame`);
  }
});

test('voices, single tones, noise and tones that are far off are no digits', () => {
  let state = 1;
  const random = () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
  for (let pitch = 80; pitch < 350; pitch += 7) {
    // Vowels whose formants lie where the tones of digits do.
    const voice = Int16Array.from({ length: 8000 }, (_, i) => {
      let sum = 0;
      for (let k = 1; k * pitch < 3600; k += 1) {
        const hz = k * pitch * (1 + 0.02 * Math.sin(i / 900));
        sum += Math.sin((2 * Math.PI * hz * i) / 8000) / (1 + Math.min(Math.abs(hz - 750), Math.abs(hz - 1300)) / 100);
      }
      return Math.round(3000 * sum);
    });
    assert.equal(heardIn(voice), '', `pitch ${pitch}`);
  }
  assert.equal(heardIn(Int16Array.from({ length: 80_000 }, () => (random() - 0.5) * 30_000)), '');
  assert.equal(heardIn(sine({ hz: 770, durationMs: 1000 })), '');
  assert.equal(heardIn(sine({ hz: [440, 480], durationMs: 1000 })), '');
  assert.equal(heardIn(dialled('5', { durationMs: 20 })), '');
});
