import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ffmpegPath } from './codecs/test-ffmpeg.ts';
import { sine, toneLevelDb } from './measure.ts';
import { packOpus, unpackOpus } from './opus-file.ts';
import { readWav, writeWav } from './wav.ts';

async function folderOf(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-opus-'));
  t.after(() => rm(folder, { recursive: true }));
  return (name: string) => join(folder, name);
}

test('a packed recording is a tenth as large, as long, and says the same on each side', async (t) => {
  const at = await folderOf(t);
  const [left, right] = [600, 1500].map((hz) => sine({ hz: [hz], durationMs: 5_130, rateHz: 8000, levelDb: -12 }));
  right!.fill(0, 16_000, 24_000);
  await writeFile(at('a.wav'), writeWav({ rateHz: 8000, channels: [left!, right!] }));
  const ffmpeg = ffmpegPath();
  assert.deepEqual(await packOpus({ ffmpeg, from: at('a.wav'), to: at('a.opus'), channels: 2 }), { kind: 'packed' });
  assert.ok((await stat(at('a.opus'))).size < (await stat(at('a.wav'))).size / 5);
  await packOpus({ ffmpeg, from: at('a.wav'), to: at('b.opus'), channels: 2 });
  assert.deepEqual(await readFile(at('a.opus')), await readFile(at('b.opus')), 'the same again is the same file');
  await unpackOpus({ ffmpeg, from: at('a.opus'), to: at('c.wav') });
  const reading = readWav(await readFile(at('c.wav')));
  assert.ok(reading.kind === 'sound' && reading.sound.rateHz === 8000);
  const [first, second] = reading.sound.channels;
  assert.ok(Math.abs(first!.length - left!.length) < 320, `${first!.length} of ${left!.length}`);
  const middle = (samples: Int16Array, fromS: number, toS: number) => samples.subarray(fromS * 8000, toS * 8000);
  assert.ok(Math.abs(toneLevelDb(middle(first!, 1, 2), 600) + 12) < 2);
  assert.ok(Math.abs(toneLevelDb(middle(second!, 1, 1.9), 1500) + 12) < 2);
  assert.ok(toneLevelDb(middle(second!, 2.1, 2.9), 1500) < -45, 'a gap stays silent, at its place');
});

test('without ffmpeg, or with a file that is none, nothing is said to be packed', async (t) => {
  const at = await folderOf(t);
  await writeFile(at('a.wav'), 'no sound');
  const broken = await packOpus({ ffmpeg: ffmpegPath(), from: at('a.wav'), to: at('a.opus'), channels: 1 });
  assert.equal(broken.kind, 'unavailable');
  const missing = await packOpus({ ffmpeg: at('no-ffmpeg'), from: at('a.wav'), to: at('a.opus'), channels: 1 });
  assert.equal(missing.kind, 'unavailable');
});
