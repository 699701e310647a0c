import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep, type Clock } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import type { Log } from '#kernel/log.ts';
import type { Publisher } from '#sfu/publisher.ts';
import type { RecordingTap } from '#sfu/recording-tap.ts';
import type { WatchedSource } from '#sfu/sources.ts';
import { containerOf, Recorder, seal } from './recorder.ts';

/** One file of a recording, finished. A recording has more than one when the phone's page was loaded again on the way. */
export interface RecordingPart {
  feedId: string;
  recordingId: string;
  /** Absolute path. WebM (VP8, Opus) or Matroska (H.264, Opus). */
  file: string;
  startedAtMs: number;
  durationMs: number;
  bytes: number;
  sha256: string;
  sources: WatchedSource[];
  /** Left behind by a server that was killed, and found at the next start. */
  isRecovered?: boolean;
}

export type RecordingEvents = {
  'part-started': [{ startedAtMs: number; sources: WatchedSource[] }];
  'part-finished': [RecordingPart];
  /** A part could not be written; it is tried again. */
  failed: [why: string];
};

/** Times of a recording. */
const TIMES = {
  /** Camera and microphone arrive one after the other: both belong in one file. */
  settleMs: 400,
  retryAfterMs: 2000,
  /** A file that has not grown for so long has no recorder any more. */
  abandonedAfterMs: 20_000,
} as const;

interface RecordingOptions {
  feedId: string;
  recordingId: string;
  publisher: Publisher;
  folder: string;
  ffmpeg: string;
  clock: Clock;
  log: Log;
}

/** Writes a feed to disk from start to stop, through reloads of the phone's page and silences of its network. */
export class Recording implements Listenable<RecordingEvents> {
  readonly id: string;
  readonly startedAtMs: number;
  readonly #options: RecordingOptions;
  readonly #events = new Emitter<RecordingEvents>();
  readonly #stopping = new AbortController();
  readonly #parts: RecordingPart[] = [];
  readonly #finished: Promise<void>;
  on = this.#events.on.bind(this.#events);
  once = this.#events.once.bind(this.#events);

  constructor(options: RecordingOptions) {
    this.id = options.recordingId;
    this.startedAtMs = options.clock.now();
    this.#options = { ...options, log: options.log.with({ feedId: options.feedId, recordingId: this.id }) };
    this.#finished = this.#run();
  }

  /** Ends it; resolves with every part once all are on disk. */
  async stop(): Promise<RecordingPart[]> {
    this.#stopping.abort();
    await this.#finished;
    return this.#parts;
  }

  async #run(): Promise<void> {
    const { publisher, clock, log } = this.#options;
    const stop = this.#stopping.signal;
    while (!stop.aborted && !publisher.isClosed) {
      try {
        await this.#untilFlowing();
        if (stop.aborted || publisher.isClosed) return;
        const outcome = await this.#recordPart();
        if (outcome.kind === 'recorded') continue;
        log.warn('recording part failed', { why: outcome.why });
        this.#events.emit('failed', outcome.why);
      } catch (error) {
        log.error('recording part broke', { error });
        this.#events.emit('failed', error instanceof Error ? error.message : String(error));
      }
      await sleep(clock, TIMES.retryAfterMs, stop).catch(() => {});
    }
  }

  /** Waits until something is sent, and a moment longer for the second source. */
  async #untilFlowing(): Promise<void> {
    const { publisher, clock } = this.#options;
    const stop = this.#stopping.signal;
    while (!stop.aborted && !publisher.isClosed && (publisher.isSilent || watchable(publisher).length === 0))
      await this.#nextChange();
    // With both there is nothing to wait for.
    if (watchable(publisher).length < 2) await sleep(clock, TIMES.settleMs, stop).catch(() => {});
  }

  #nextChange(): Promise<void> {
    const { publisher } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    const offs = (['source-added', 'connected', 'back', 'closed'] as const).map((name) =>
      publisher.on(name, () => resolve()),
    );
    this.#stopping.signal.addEventListener('abort', () => resolve(), { once: true });
    return promise.finally(() => offs.forEach((off) => off()));
  }

  /** One file, from one change of sources to the next. */
  async #recordPart(): Promise<{ kind: 'recorded' } | { kind: 'failed'; why: string }> {
    const { publisher, clock, folder, ffmpeg, feedId, recordingId } = this.#options;
    const startedAtMs = clock.now();
    await mkdir(folder, { recursive: true });
    const tap = await publisher.openTap({ host: '127.0.0.1' });
    const { sources } = tap;
    const name = `${new Date(startedAtMs).toISOString().replaceAll(/[:.]/g, '-')}.${containerOf(tap.videoCodec)}`;
    const file = join(folder, name);
    const note: PartNote = { feedId, recordingId, startedAtMs, sources };
    try {
      await writeFile(noteFor(file), JSON.stringify(note));
      const started = await Recorder.start({ ffmpeg, tap, file, clock });
      if (started.kind === 'failed') return started;
      this.#events.emit('part-started', { startedAtMs, sources });
      await this.#untilPartEnds(tap, started.recorder);
      const durationMs = clock.now() - startedAtMs;
      await started.recorder.stop();
      const sealed = await seal(file);
      if (!sealed) return { kind: 'failed', why: (await started.recorder.ended).complaint || 'nothing was written' };
      const part = { ...note, file, durationMs, ...sealed };
      await writeFile(noteFor(file), JSON.stringify(part));
      this.#parts.push(part);
      this.#events.emit('part-finished', part);
      return { kind: 'recorded' };
    } finally {
      tap.close();
      if (!(await stat(file).catch(() => undefined))) await rm(noteFor(file), { force: true });
    }
  }

  async #untilPartEnds(tap: RecordingTap, recorder: Recorder): Promise<void> {
    const { publisher } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = this.#stopping.signal;
    if (stop.aborted) return;
    stop.addEventListener('abort', () => resolve(), { once: true });
    const off = publisher.on('source-added', (source) => {
      if (source !== 'call-microphone' && !tap.sources.includes(source)) resolve();
    });
    tap.once('ended', resolve);
    void recorder.ended.then(() => resolve());
    await promise.finally(off);
  }
}

/** What stands beside a file from its first moment on, so that it can be sealed after a crash. */
type PartNote = Pick<RecordingPart, 'feedId' | 'recordingId' | 'startedAtMs' | 'sources'> & Partial<RecordingPart>;

const noteFor = (file: string) => `${file}.json`;

const watchable = (publisher: Publisher) => publisher.sources.filter((source) => source !== 'call-microphone');

/**
 * Seals the files that a killed server left behind below `folder`: their recorder ended by itself and wrote the index, but nobody
 * took the SHA-256. Those that still grow are left for the next call.
 */
export async function sealLeftParts(folder: string, clock: Clock): Promise<RecordingPart[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sealed: RecordingPart[] = [];
  for (const name of names.filter((each) => /\.(webm|mkv)\.json$/.test(each))) {
    const noteFile = join(folder, name);
    const file = noteFile.slice(0, -'.json'.length);
    const note = await readNote(noteFile);
    const found = await stat(file).catch(() => undefined);
    if (!note || note.sha256 !== undefined || !found) continue;
    if (clock.now() - found.mtimeMs < TIMES.abandonedAfterMs) continue;
    const digest = await seal(file);
    if (!digest) continue;
    const durationMs = Math.max(0, Math.round(found.mtimeMs - note.startedAtMs));
    const part: RecordingPart = { ...note, file, durationMs, ...digest, isRecovered: true };
    await writeFile(noteFile, JSON.stringify(part));
    sealed.push(part);
  }
  return sealed;
}

async function readNote(file: string): Promise<PartNote | undefined> {
  try {
    const note = JSON.parse(await readFile(file, 'utf8')) as PartNote;
    return typeof note.feedId === 'string' && typeof note.startedAtMs === 'number' ? note : undefined;
  } catch {
    return undefined;
  }
}
