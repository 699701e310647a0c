/**
 * The voice, in a process of its own: espeak-ng is under the GPL and stays apart from us, and a crash in it is no crash of
 * ours. It takes stretches of text from its parent and writes one WAV file of 8 kHz.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, readFile, writeFile } from 'node:fs/promises';
import { resample } from '../resampler.ts';
import { readWav, toMono, writeWav } from '../wav.ts';
import type { Stretch } from './spoken-text.ts';

export interface VoiceRequest {
  number: number;
  stretches: Stretch[];
  /** Where to write. */
  file: string;
  wordsPerMinute: number;
}

export type VoiceAnswer = { number: number } & (
  { kind: 'spoken'; durationMs: number } | { kind: 'failed'; why: string }
);

/** Latin letters inside a Chinese stretch would be pinyin; there are none, they are English stretches. */
const VOICES = { zh: 'cmn-latn-pinyin', en: 'en' } as const;
const RATE_HZ = 8000;
const PAUSE_MS = 60;
/** Peak of what is spoken, so that both voices and providers are equally loud: −3 dB. */
const PEAK = 23_200;

type Say = (text: string, voice: string, wordsPerMinute: number, scratch: string) => Promise<Int16Array>;

let say: Promise<Say> | undefined;
let turn: Promise<unknown> = Promise.resolve();

process.on('message', (request: VoiceRequest) => {
  turn = turn.then(async () => {
    const answer = await speak(request).catch((error: Error) => ({ kind: 'failed' as const, why: error.message }));
    process.send?.({ number: request.number, ...answer } satisfies VoiceAnswer);
  });
});
// Without its parent there is nobody to speak for.
process.on('disconnect', () => process.exit());

async function speak({ stretches, file, wordsPerMinute }: VoiceRequest) {
  say ??= bundledVoice().catch(systemVoice);
  const voice = await say;
  const parts: Int16Array[] = [];
  for (const { language, text } of stretches) {
    parts.push(await voice(text, VOICES[language], wordsPerMinute, `${file}.part`));
    parts.push(new Int16Array((PAUSE_MS * RATE_HZ) / 1000));
  }
  const samples = new Int16Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    samples.set(part, at);
    at += part.length;
  }
  const peak = samples.reduce((highest, sample) => Math.max(highest, Math.abs(sample)), 0);
  if (peak === 0) return { kind: 'failed' as const, why: 'the voice stayed silent' };
  for (let i = 0; i < samples.length; i += 1) samples[i] = Math.round((samples[i]! * PEAK) / peak);
  await writeFile(file, writeWav({ rateHz: RATE_HZ, channels: [samples] }));
  return { kind: 'spoken' as const, durationMs: (samples.length / RATE_HZ) * 1000 };
}

async function bundledVoice(): Promise<Say> {
  const { default: load } = await import('@echogarden/espeak-ng-emscripten');
  const { eSpeakNGWorker: Worker } = await load({});
  const worker = new Worker();
  return async (text, voice, wordsPerMinute) => {
    if (worker.set_voice(voice) !== 0) throw new Error(`there is no voice ${voice}`);
    worker.set_rate(wordsPerMinute);
    const chunks: Int16Array[] = [];
    worker.synthesize(text, (audio) => {
      if (audio?.length) chunks.push(Int16Array.from(audio));
      return false;
    });
    const whole = new Int16Array(chunks.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return resample(whole, worker.get_samplerate(), RATE_HZ);
  };
}

/** The command of the same name, where the package is missing. */
async function systemVoice(): Promise<Say> {
  return async (text, voice, wordsPerMinute, scratch) => {
    const child = spawn('espeak-ng', ['-v', voice, '-s', String(wordsPerMinute), '-w', scratch, '--stdin'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.stdin.on('error', () => {});
    child.stdin.end(text);
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`espeak-ng ended with ${code}`);
    const reading = readWav(await readFile(scratch));
    await rm(scratch, { force: true });
    if (reading.kind === 'refused') throw new Error(reading.why);
    return resample(toMono(reading.sound), reading.sound.rateHz, RATE_HZ);
  };
}
