import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toneLevelDb, sine } from '../measure.ts';
import { G722Decoder, G722Encoder } from './g722.ts';
import { ffmpeg } from './test-ffmpeg.ts';

const random = (() => {
  let state = 1;
  return () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
})();
const SECONDS = 4;
const SOUNDS: Record<string, Int16Array> = {
  'a sweep to 8 kHz': Int16Array.from(
    { length: SECONDS * 16_000 },
    (_, i) => 20_000 * Math.sin((i * i * Math.PI) / 128_000),
  ),
  'noise of full scale': Int16Array.from({ length: SECONDS * 16_000 }, () => Math.round((random() - 0.5) * 65_535)),
  'a square wave of full scale': Int16Array.from({ length: SECONDS * 16_000 }, (_, i) =>
    i % 37 < 18 ? 32_767 : -32_768,
  ),
  'bursts and silence': Int16Array.from({ length: SECONDS * 16_000 }, (_, i) =>
    i % 8000 < 3000 ? Math.round(30_000 * Math.sin(i / 3) * Math.cos(i / 97)) : 0,
  ),
};

const encoded = (samples: Int16Array) => {
  const bytes = new Uint8Array(samples.length / 2);
  // In frames of 20 ms, as the engine does.
  const encoder = new G722Encoder();
  for (let at = 0; at < samples.length; at += 320) encoder.encode(samples.subarray(at, at + 320), bytes, at / 2);
  return bytes;
};
const decoded = (bytes: Uint8Array) => {
  const samples = new Int16Array(bytes.length * 2);
  new G722Decoder().decode(bytes, 0, bytes.length, samples);
  return samples;
};
/** Says where two begin to differ; a full comparison of so much would take minutes to print. */
function isAlike(ours: Uint8Array, theirs: Uint8Array): void {
  const at = ours.findIndex((byte, index) => byte !== theirs[index]);
  assert.equal(at, -1, `at byte ${at} of ${ours.length}/${theirs.length}: ${ours[at]}, not ${theirs[at]}`);
  assert.equal(ours.length, theirs.length);
}
const bytesOf = (samples: Int16Array) => new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);

for (const [name, samples] of Object.entries(SOUNDS)) {
  test(`G.722 codes of ${name} are ffmpeg’s to the bit`, () => {
    const theirs = ffmpeg(['-f', 's16le', '-ar', '16000', '-ac', '1'], ['-f', 'g722'], bytesOf(samples));
    isAlike(encoded(samples), theirs);
  });

  test(`G.722 sound of ${name} is ffmpeg’s to the bit`, () => {
    const codes = encoded(samples);
    const theirs = ffmpeg(['-f', 'g722'], ['-f', 's16le'], codes);
    isAlike(bytesOf(decoded(codes)), theirs);
  });
}

test('bytes that no encoder made decode as ffmpeg decodes them', () => {
  const codes = Uint8Array.from({ length: 32_000 }, () => Math.floor(random() * 256));
  const theirs = ffmpeg(['-f', 'g722'], ['-f', 's16le'], codes);
  isAlike(bytesOf(decoded(codes)), theirs);
});

test('what a telephone cannot carry comes through G.722', () => {
  const heard = decoded(encoded(sine({ hz: [1000, 6500], durationMs: 1000, rateHz: 16_000, levelDb: -16 })));
  for (const hz of [1000, 6500])
    assert.ok(Math.abs(toneLevelDb(heard.subarray(1600), hz, 16_000) + 16) < 1, `${hz} Hz`);
});

test('an encoder that was copied goes on as the other would', () => {
  const [first, second] = [new G722Encoder(), new G722Encoder()];
  const sound = SOUNDS['bursts and silence']!;
  const [a, b] = [new Uint8Array(160), new Uint8Array(160)];
  for (let at = 0; at < 3200; at += 320) first.encode(sound.subarray(at, at + 320), a);
  second.copyFrom(first);
  for (let at = 3200; at < 6400; at += 320) {
    first.encode(sound.subarray(at, at + 320), a);
    second.encode(sound.subarray(at, at + 320), b);
    isAlike(a, b);
  }
});
