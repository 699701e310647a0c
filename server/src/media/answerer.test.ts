import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemChance } from '#kernel/chance.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { AnswererDetector, type Answerer } from './answerer.ts';
import { FRAME_SAMPLES } from './jitter-buffer.ts';
import { sine } from './measure.ts';
import { Speech } from './speech/speech.ts';
import type { SpokenLanguage } from './speech/spoken-text.ts';
import { readWav } from './wav.ts';

/** What the far end says after 600 ms of silence, and then nothing more. */
function judge(said: Int16Array, noiseDb?: number): { verdict: Answerer | undefined; afterMs: number } {
  const detector = new AnswererDetector();
  const lead = 8 * 600;
  const noise = noiseDb === undefined ? 0 : 32_768 * 10 ** (noiseDb / 20) * Math.sqrt(3);
  const frame = new Int16Array(FRAME_SAMPLES);
  let seed = 1;
  for (let at = 0; at < 8 * 12_000; at += FRAME_SAMPLES) {
    for (let i = 0; i < FRAME_SAMPLES; i += 1) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      frame[i] = Math.max(-32_768, Math.min(32_767, (said[at + i - lead] ?? 0) + (seed / 2 ** 31 - 1) * noise));
    }
    const verdict = detector.listen(frame);
    if (verdict) return { verdict, afterMs: at / 8 + 20 };
  }
  return { verdict: undefined, afterMs: Infinity };
}

const PERSONS: [string, SpokenLanguage][] = [
  ['喂，你好', 'zh'],
  ['喂？', 'zh'],
  ['你好，哪位？', 'zh'],
  ['Hello?', 'en'],
  ['Yes, good evening.', 'en'],
];
const MACHINES: [string, SpokenLanguage][] = [
  ['您好，您所拨打的用户暂时无法接听，请在嘀声后留言。', 'zh'],
  ['对不起，您拨打的电话已关机，请稍后再拨。', 'zh'],
  ['Hello, you have reached the office. Nobody can take your call now, please leave a message after the tone.', 'en'],
];

test('a person says a word and waits; a machine tells its text; also over a noisy line', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-speech-'));
  const speech = new Speech({ folder, clock: systemClock, chance: systemChance, log: silentLog });
  t.after(async () => {
    await speech[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  const sound = async (text: string, language: SpokenLanguage) => {
    const reading = readWav(await readFile((await speech.speak({ text, language })).file));
    assert(reading.kind === 'sound');
    return reading.sound.channels[0]!;
  };
  for (const [texts, expected] of [
    [PERSONS, 'person'],
    [MACHINES, 'machine'],
  ] as const)
    for (const [text, language] of texts) {
      const said = await sound(text, language);
      for (const noiseDb of [undefined, -55]) {
        const { verdict, afterMs } = judge(said, noiseDb);
        assert.equal(verdict, expected, `${text} with noise of ${noiseDb} dB, after ${afterMs} ms`);
        assert.ok(afterMs < 6000, `${text}: ${afterMs} ms`);
      }
    }
});

test('a beep is a machine’s, also a short greeting with one; silence is nobody’s', () => {
  assert.deepEqual(judge(sine({ hz: 1000, durationMs: 500 })), { verdict: 'machine', afterMs: 900 });
  assert.equal(judge(sine({ hz: 450, durationMs: 1000 })).verdict, 'machine');
  assert.equal(judge(new Int16Array(0)).verdict, 'unknown');
  assert.equal(judge(new Int16Array(0), -50).verdict, 'unknown', 'noise of the line is no talk');
});
