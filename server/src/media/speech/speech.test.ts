import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemChance } from '#kernel/chance.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { levelDb } from '../measure.ts';
import { readWav } from '../wav.ts';
import { Speech } from './speech.ts';

async function speechFor(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-speech-'));
  const speech = new Speech({ folder, clock: systemClock, chance: systemChance, log: silentLog });
  t.after(async () => {
    await speech[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  return { speech, folder };
}

test('Chinese and English texts become WAV files of 8 kHz', async (t) => {
  const { speech } = await speechFor(t);
  for (const [text, language] of [
    ['洪水一级响应，水位123.5米，请立即撤离', 'zh'],
    ['Flood level 1. Leave the valley at once.', 'en'],
  ] as const) {
    const { file, durationMs } = await speech.speak({ text, language });
    const reading = readWav(await readFile(file));
    assert.ok(reading.kind === 'sound');
    assert.equal(reading.sound.rateHz, 8000);
    assert.ok(durationMs > 1500 && durationMs < 15_000, `${durationMs} ms`);
    assert.ok(levelDb(reading.sound.channels[0]!) > -30);
  }
});

test('the same text is spoken once, also when asked for twice at a time', async (t) => {
  const { speech, folder } = await speechFor(t);
  const text = 'Test call';
  const [a, b] = await Promise.all([speech.speak({ text, language: 'en' }), speech.speak({ text, language: 'en' })]);
  assert.deepEqual(a, b);
  const again = await speech.speak({ text, language: 'en' });
  assert.equal(again.file, a.file);
  assert.ok(Math.abs(again.durationMs - a.durationMs) < 1);
  assert.equal((await readdir(folder)).length, 1);
});

test('a text that is too long, or has nothing to say, is refused', async (t) => {
  const { speech } = await speechFor(t);
  await assert.rejects(speech.speak({ text: 'x'.repeat(2001), language: 'en' }), { code: 'TOO_LARGE' });
  await assert.rejects(speech.speak({ text: '…', language: 'zh' }), { code: 'REQUEST_MALFORMED' });
});
