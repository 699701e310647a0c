import { fork, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import { WAV_HEADER_BYTES } from '../wav.ts';
import { stretchesOf, type SpokenLanguage } from './spoken-text.ts';
import type { VoiceAnswer, VoiceRequest } from './voice-process.ts';

/**
 * Limits of speech. Longer text is refused with TOO_LARGE; more texts waiting, or a voice that does not answer in time,
 * with SPEECH_UNAVAILABLE.
 */
export const SPEECH_LIMITS = { characters: 2000, waiting: 100, answerWithinMs: 60_000 } as const;

/** Changes whenever the same text would sound different, so that what was cached before is not used. */
const VERSION = 'espeak-ng 1';
const WORDS_PER_MINUTE = { zh: 150, en: 155 } as const;
/** 8 kHz, 16 bits. */
const BYTES_PER_MS = 16;

export interface SpokenAudio {
  /** WAV, 8 kHz, 16 bits, mono; to be read, not to be changed: others share it. */
  file: string;
  durationMs: number;
}

export interface SpeechOptions {
  /** Where spoken texts are kept. */
  folder: string;
  clock: Clock;
  chance: Chance;
  log: Log;
}

/** Text to speech. The same text is spoken once and found again in the folder, also after a restart. */
export class Speech implements AsyncDisposable {
  readonly #options: SpeechOptions;
  readonly #speaking = new Map<string, Promise<SpokenAudio>>();
  readonly #waiting = new Map<number, (answer: VoiceAnswer) => void>();
  #voice: ChildProcess | undefined;
  #next = 1;

  constructor(options: SpeechOptions) {
    this.#options = options;
  }

  /** @throws DispatchError SPEECH_UNAVAILABLE, TOO_LARGE, REQUEST_MALFORMED when there is nothing to say */
  async speak(options: { text: string; language: SpokenLanguage }): Promise<SpokenAudio> {
    const { text, language } = options;
    if (text.length > SPEECH_LIMITS.characters)
      throw new DispatchError('TOO_LARGE', `a text may have ${SPEECH_LIMITS.characters} characters`);
    const stretches = stretchesOf(text, language);
    if (stretches.length === 0) throw new DispatchError('REQUEST_MALFORMED', 'there is nothing to say in the text');
    const wordsPerMinute = WORDS_PER_MINUTE[language];
    const key = createHash('sha256')
      .update(JSON.stringify([VERSION, wordsPerMinute, stretches]))
      .digest('hex');
    const known = this.#speaking.get(key);
    if (known) return known;
    const speaking = this.#speak(join(this.#options.folder, `${key}.wav`), stretches, wordsPerMinute);
    this.#speaking.set(key, speaking);
    try {
      return await speaking;
    } finally {
      this.#speaking.delete(key);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const voice = this.#voice;
    this.#endVoice('closed');
    if (!voice || voice.exitCode !== null || voice.signalCode !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    voice.once('exit', () => resolve());
    voice.ref();
    voice.kill('SIGKILL');
    await promise;
  }

  async #speak(file: string, stretches: VoiceRequest['stretches'], wordsPerMinute: number): Promise<SpokenAudio> {
    const cached = await stat(file).catch(() => undefined);
    if (cached && cached.size > WAV_HEADER_BYTES)
      return { file, durationMs: (cached.size - WAV_HEADER_BYTES) / BYTES_PER_MS };
    await mkdir(this.#options.folder, { recursive: true });
    const draft = `${file}.${this.#options.chance.token(4)}.draft`;
    const answer = await this.#ask({ number: this.#next++, stretches, file: draft, wordsPerMinute });
    if (answer.kind === 'failed') {
      await rm(draft, { force: true });
      this.#options.log.warn('speech failed', { why: answer.why });
      throw new DispatchError('SPEECH_UNAVAILABLE', answer.why);
    }
    // Whole or not at all: a crash leaves a draft, never half a text under the final name.
    await rename(draft, file);
    return { file, durationMs: answer.durationMs };
  }

  #ask(request: VoiceRequest): Promise<VoiceAnswer> {
    const { number } = request;
    if (this.#waiting.size >= SPEECH_LIMITS.waiting)
      return Promise.resolve({ number, kind: 'failed', why: 'too many texts are waiting to be spoken' });
    this.#voice ??= this.#startVoice();
    const voice = this.#voice;
    return new Promise((resolve) => {
      const late = this.#options.clock.after(SPEECH_LIMITS.answerWithinMs, () => {
        voice.kill('SIGKILL');
        this.#endVoice('the voice took too long');
      });
      this.#waiting.set(number, (answer) => {
        late.cancel();
        resolve(answer);
      });
      voice.send(request, (error) => {
        if (error) this.#settle({ number, kind: 'failed', why: error.message });
      });
    });
  }

  #startVoice(): ChildProcess {
    const voice = fork(fileURLToPath(new URL('./voice-process.ts', import.meta.url)), [], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      execArgv: [],
    });
    voice.on('message', (answer: VoiceAnswer) => this.#settle(answer));
    voice.on('error', (error) => this.#endVoice(error.message, voice));
    voice.on('exit', () => this.#endVoice('the voice ended', voice));
    // An idle voice does not keep the server from ending.
    voice.unref();
    voice.channel?.unref();
    return voice;
  }

  #settle(answer: VoiceAnswer): void {
    this.#waiting.get(answer.number)?.(answer);
    this.#waiting.delete(answer.number);
  }

  #endVoice(why: string, voice = this.#voice): void {
    if (voice !== this.#voice) return;
    this.#voice = undefined;
    for (const number of [...this.#waiting.keys()]) this.#settle({ number, kind: 'failed', why });
  }
}
