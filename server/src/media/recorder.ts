import { Emitter, type Listenable } from '#kernel/emitter.ts';
import type { ThreadPool } from './thread-pool.ts';
import type { WavFile } from './wav-file.ts';
import type { Report } from './worker/protocol.ts';

/** Why a recording stopped by itself. */
export type RecordingFailure = 'disk-full' | 'disk-error' | 'thread-died';

export interface RecorderEvents extends Record<string, unknown[]> {
  failed: [reason: RecordingFailure, detail: string];
  closed: [];
}

/** A stretch of a recording, in milliseconds from its beginning. */
export interface Stretch {
  fromMs: number;
  toMs: number;
}

export interface RecordingResult {
  file: string;
  durationMs: number;
  /** Where it was paused: silence, so that times stay right. */
  gaps: Stretch[];
  /** Of a recording by voice: where somebody speaks. */
  voiced?: Stretch[];
  /** Of the whole file, in hex. */
  sha256: string;
}

/** Writes what it hears on a bridge to a WAV file of 8 kHz, 16 bits. */
export class Recorder implements Listenable<RecorderEvents>, AsyncDisposable {
  readonly id: string;
  /** The file's whole path. */
  readonly file: string;
  readonly startedAtMs: number;
  readonly #wav: WavFile;
  readonly #link: ThreadPool;
  readonly #events = new Emitter<RecorderEvents>();
  readonly #lastChunk = Promise.withResolvers<void>();
  readonly #gaps: Stretch[] = [];
  readonly #isByVoice: boolean;
  readonly #voiced: Stretch[] = [];
  #isPaused = false;
  #hasFailed = false;
  #closing: Promise<RecordingResult> | undefined;

  constructor(options: { id: string; startedAtMs: number; wav: WavFile; link: ThreadPool; isByVoice?: boolean }) {
    this.id = options.id;
    this.file = options.wav.path;
    this.startedAtMs = options.startedAtMs;
    this.#wav = options.wav;
    this.#link = options.link;
    this.#isByVoice = options.isByVoice ?? false;
  }

  /** Where it was paused; a pause that lasts has no end yet: Infinity. */
  get gaps(): readonly Stretch[] {
    return this.#gaps;
  }

  /** Bytes of sound in the file so far. */
  get bytesWritten(): number {
    return this.#wav.dataBytes;
  }

  /** Sound that the disk was too slow to take; it is silent in the file. */
  get bytesLost(): number {
    return this.#wav.lostBytes;
  }

  on<Name extends keyof RecorderEvents>(event: Name, listener: (...args: RecorderEvents[Name]) => void): () => void {
    return this.#events.on(event, listener);
  }

  once<Name extends keyof RecorderEvents>(event: Name, listener: (...args: RecorderEvents[Name]) => void): () => void {
    return this.#events.once(event, listener);
  }

  /** From now on silence is written, until it goes on. @returns where in the recording that is, in milliseconds */
  async pause(): Promise<number> {
    const { atMs } = await this.#link.ask('hold-recorder', { node: this.id, isHeld: true });
    if (!this.#isPaused) this.#gaps.push({ fromMs: atMs, toMs: Infinity });
    this.#isPaused = true;
    return atMs;
  }

  /** What is heard is written again. @returns where in the recording that is, in milliseconds */
  async resume(): Promise<number> {
    const { atMs } = await this.#link.ask('hold-recorder', { node: this.id, isHeld: false });
    if (this.#isPaused) this.#gaps.at(-1)!.toMs = atMs;
    this.#isPaused = false;
    return atMs;
  }

  /** Ends the recording; all that was heard is in the file then. Again gives the same. */
  close(_reason?: string): Promise<RecordingResult> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch(() => {});
  }

  /** For the engine: what was heard. */
  receiveSamples(samples: Int16Array, isLast: boolean): void {
    this.#wav.append(samples);
    if (isLast) this.#lastChunk.resolve();
  }

  /** For the engine: what the thread tells of this recorder. */
  receive(report: Report): void {
    if (report.what !== 'voice') return;
    if (report.isOpen) this.#voiced.push({ fromMs: report.atMs, toMs: Infinity });
    else this.#voiced.at(-1)!.toMs = report.atMs;
  }

  /** For the engine: the recording cannot go on. What is in the file stays. */
  fail(reason: RecordingFailure, detail: string): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#lastChunk.resolve();
    this.#link.ask('close-node', { node: this.id }).catch(() => {});
    this.#events.emit('failed', reason, detail);
  }

  async #close(): Promise<RecordingResult> {
    await this.#link.ask('close-node', { node: this.id }).catch(() => this.#lastChunk.resolve());
    await this.#lastChunk.promise;
    const sha256 = await this.#wav.close();
    this.#events.emit('closed');
    const { durationMs } = this.#wav;
    const within = ({ fromMs, toMs }: Stretch) => ({ fromMs, toMs: Math.min(toMs, Math.round(durationMs)) });
    return {
      file: this.file,
      durationMs,
      sha256,
      gaps: this.#gaps.map(within),
      ...(this.#isByVoice ? { voiced: this.#voiced.map(within) } : {}),
    };
  }
}
