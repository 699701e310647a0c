import { realpath } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import { MediaBridge } from './bridge.ts';
import { Playback, type PlaybackSource } from './playback.ts';
import { Recorder } from './recorder.ts';
import { RtpPort } from './rtp-port.ts';
import { SoundLoader } from './sound-loader.ts';
import { Speech, type SpokenAudio } from './speech/speech.ts';
import type { SpokenLanguage } from './speech/spoken-text.ts';
import { ThreadPool } from './thread-pool.ts';
import { WavFile, type OpenFile } from './wav-file.ts';
import type { Intrusion, PlayableSound, Report, ThreadSnapshot } from './worker/protocol.ts';

export interface MediaEngineOptions {
  /** The address that RTP ports are bound to. */
  host: string;
  /** The range that ports are taken from, even ones for RTP; [0, 0]: chosen by the system. */
  rtpPorts: [first: number, last: number];
  clock: Clock;
  chance: Chance;
  log: Log;
  /** Where recordings go; without it none can be made. */
  recordingsFolder?: string;
  /** Where spoken texts are kept; default: a folder for temporary files. */
  speechFolder?: string;
  /** Media threads at most, each started when those before it are full; default: as many as there are cores. */
  threads?: number;
  /** RTP ports that fill a thread; default 200. */
  legsPerThread?: number;
  /** Which sockets the thread uses; default: batched system calls where they work, else Node's. */
  io?: 'batched' | 'dgram';
  /** How recordings are opened; tests hand in a disk that is full. */
  openFile?: OpenFile;
}

export interface MediaEngineEvents extends Record<string, unknown[]> {
  /** Every node and bridge of that thread is gone; a new one serves what is opened from now on. */
  'worker-died': [reason: string];
  /** Somebody else than its far end sends to an RTP port; at most once a minute for each. */
  intruded: [Intrusion & { node: string; label: string }];
}

/** What a thread does with ease, of G.711 or G.722 without SRTP: half of what it can. */
const LEGS_PER_THREAD = 200;
const MOST_THREADS = 16;
const TONE_LEVEL_DB = -13;

/** Opens the engine and its thread. */
export async function openMediaEngine(options: MediaEngineOptions): Promise<MediaEngine> {
  const engine = new MediaEngine(options);
  await engine.start();
  return engine;
}

/** The media engine's face: RTP ports, playbacks, recorders and bridges live in a thread, these are their handles. */
export class MediaEngine implements Listenable<MediaEngineEvents>, AsyncDisposable {
  readonly #options: MediaEngineOptions;
  readonly #events = new Emitter<MediaEngineEvents>();
  readonly #sounds = new SoundLoader();
  readonly #speech: Speech;
  readonly #log: Log;
  readonly #parts = new Map<string, RtpPort | Playback | Recorder | MediaBridge>();
  readonly #threads: ThreadPool;
  #isClosed = false;

  /** Use `openMediaEngine`. */
  constructor(options: MediaEngineOptions) {
    this.#options = options;
    this.#log = options.log.with({ part: 'media' });
    const { clock, chance, speechFolder = join(tmpdir(), `tocsin-speech-${process.getuid?.() ?? 0}`) } = options;
    const { host, io, threads = availableParallelism(), legsPerThread = LEGS_PER_THREAD } = options;
    this.#threads = new ThreadPool({
      host,
      io,
      threads: Math.max(1, Math.min(MOST_THREADS, threads)),
      legsPerThread,
      onReport: (report) => this.#receive(report),
      onRecorded: (node, samples, isLast) => {
        const recorder = this.#parts.get(node);
        if (recorder instanceof Recorder) recorder.receiveSamples(samples, isLast);
      },
      onDied: (reason, gone) => this.#lost(reason, gone),
    });
    this.#speech = new Speech({ folder: speechFolder, clock, chance, log: this.#log });
  }

  on<Name extends keyof MediaEngineEvents>(
    event: Name,
    listener: (...args: MediaEngineEvents[Name]) => void,
  ): () => void {
    return this.#events.on(event, listener);
  }

  once<Name extends keyof MediaEngineEvents>(
    event: Name,
    listener: (...args: MediaEngineEvents[Name]) => void,
  ): () => void {
    return this.#events.once(event, listener);
  }

  /** For `openMediaEngine`. */
  async start(): Promise<void> {
    const { io } = await this.#threads.start();
    this.#log.info('media thread started', { io });
  }

  /** Opens a UDP port. Nothing is sent or taken before `configure`. @throws DispatchError MEDIA_PORTS_EXHAUSTED */
  async openRtp(options: { label: string }): Promise<RtpPort> {
    const { host, rtpPorts, chance } = this.#options;
    const link = await this.#link();
    const id = chance.id('rtp');
    const random = new DataView(chance.bytes(10).slice().buffer);
    const { port } = await link.ask('open-rtp', {
      node: id,
      label: options.label,
      host,
      ports: rtpPorts,
      ssrc: random.getUint32(0),
      sequence: random.getUint16(4),
      timestamp: random.getUint32(6),
      cname: chance.token(8),
    });
    return this.#keep(new RtpPort({ id, label: options.label, localHost: host, localPort: port, link }));
  }

  /**
   * Prepares a sound; it begins when it is put on a bridge.
   * @param options.loop for ever, or how often in all; `gapMs` of silence between turns
   * @throws DispatchError NOT_FOUND, TOO_LARGE, MEDIA_FORMAT_UNSUPPORTED for files
   */
  async openPlayback(options: { source: PlaybackSource; loop?: boolean | number; gapMs?: number }): Promise<Playback> {
    const { source, gapMs = 0 } = options;
    const sound = await this.#playable(source);
    const loop = options.loop ?? (source.kind === 'tone' && source.offMs !== undefined);
    const times = typeof loop === 'number' ? Math.max(1, Math.floor(loop)) : loop ? Infinity : 1;
    const link = await this.#link();
    const id = this.#options.chance.id('playback');
    await link.ask('open-playback', { node: id, sound, times, gapMs: Math.max(0, gapMs) });
    return this.#keep(new Playback(id, link));
  }

  /**
   * Begins a recording; what it hears once on a bridge goes to the file, silence until then.
   * @param options.file below the recordings folder, a new `.wav`
   * @param options.channels 2: to the left `left`, or else the first RTP port on the bridge; to the right everyone else
   * @param options.byVoice only what is said is kept, with a quarter of a second before it; the rest is silence
   * @throws DispatchError CONFIG_INVALID without a folder, REQUEST_MALFORMED for a path that leaves it, DISK_FULL
   */
  async openRecorder(options: {
    file: string;
    channels?: 1 | 2;
    left?: string[];
    byVoice?: boolean;
  }): Promise<Recorder> {
    const { file, channels = 1, left, byVoice = false } = options;
    const { chance, clock, openFile } = this.#options;
    const path = await this.#recordingPath(file);
    const id = chance.id('recorder');
    const wav = await WavFile.create({
      path,
      rateHz: 8000,
      channels,
      ...(openFile && { openFile }),
      onFailed: (error) => {
        this.#log.error('recording failed', { recorderId: id, error });
        recorder?.fail(isDiskFull(error) ? 'disk-full' : 'disk-error', error.message);
      },
    }).catch((error: NodeJS.ErrnoException) => {
      if (isDiskFull(error)) throw new DispatchError('DISK_FULL', error.message, { cause: error });
      const code = error.code === 'EEXIST' ? 'REQUEST_MALFORMED' : 'INTERNAL';
      throw new DispatchError(code, `recording ${file}: ${error.message}`, { cause: error });
    });
    const link = await this.#link();
    const recorder: Recorder | undefined = new Recorder({
      id,
      startedAtMs: clock.now(),
      wav,
      link,
      isByVoice: byVoice,
    });
    this.#keep(recorder);
    await link.ask('open-recorder', { node: id, channels, byVoice, ...(left && { left }) });
    return recorder;
  }

  async openBridge(options: { label?: string } = {}): Promise<MediaBridge> {
    const link = await this.#link();
    const id = this.#options.chance.id('bridge');
    const label = options.label ?? id;
    await link.ask('open-bridge', { bridge: id, label });
    return this.#keep(new MediaBridge(id, label, link));
  }

  /**
   * Speaks a text into a WAV file to be played; at most 2000 characters. The same text is spoken once and kept.
   * @throws DispatchError SPEECH_UNAVAILABLE, TOO_LARGE, REQUEST_MALFORMED
   */
  speak(options: { text: string; language: SpokenLanguage }): Promise<SpokenAudio> {
    return this.#speech.speak(options);
  }

  /** Live state of the thread: pace, ports, bridges. */
  async snapshot(): Promise<ThreadSnapshot> {
    return (await this.#link()).ask('snapshot', {});
  }

  /** Ends a thread as a crash would. For tests. */
  async killThread(thread = 0): Promise<void> {
    await this.#threads.kill(thread);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const part of [...this.#parts.values()]) await part[Symbol.asyncDispose]();
    await this.#threads.stop();
    await this.#speech[Symbol.asyncDispose]();
  }

  #link(): Promise<ThreadPool> {
    if (this.#isClosed) return Promise.reject(new DispatchError('INTERNAL', 'the media engine is closed'));
    return Promise.resolve(this.#threads);
  }

  #lost(reason: string, gone: ReadonlySet<string>): void {
    if (this.#isClosed) return;
    this.#log.error('media thread died', { reason, gone: gone.size });
    for (const id of gone) {
      const part = this.#parts.get(id);
      if (part instanceof Recorder) part.fail('thread-died', reason);
      void part?.close('thread-died');
    }
    this.#events.emit('worker-died', reason);
  }

  #receive(report: Report): void {
    const part = this.#parts.get(report.about);
    if (report.what === 'intruded' && part instanceof RtpPort) {
      const { kind, packets, from } = report;
      this.#log.warn('media from a stranger', { node: part.id, label: part.label, kind, packets, from });
      return this.#events.emit('intruded', { kind, packets, from, node: part.id, label: part.label });
    }
    part?.receive(report);
  }

  #keep<Part extends RtpPort | Playback | Recorder | MediaBridge>(part: Part): Part {
    this.#parts.set(part.id, part);
    (part as Listenable<{ closed: [] }>).once('closed', () => this.#parts.delete(part.id));
    return part;
  }

  async #playable(source: PlaybackSource): Promise<PlayableSound> {
    switch (source.kind) {
      case 'file':
        return { kind: 'samples', samples: await this.#sounds.load(source.path) };
      case 'tone':
        return { levelDb: TONE_LEVEL_DB, ...source };
      case 'silence':
        return source;
    }
  }

  async #recordingPath(file: string): Promise<string> {
    const folder = this.#options.recordingsFolder;
    if (folder === undefined) throw new DispatchError('CONFIG_INVALID', 'no folder for recordings is configured');
    const base = await realpath(folder).catch(() => resolve(folder));
    const path = resolve(base, file);
    const below = relative(base, path);
    if (below === '' || below.startsWith('..') || isAbsolute(below) || !path.endsWith('.wav'))
      throw new DispatchError('REQUEST_MALFORMED', `"${file}" is no .wav file below the recordings folder`);
    return path;
  }
}

function isDiskFull(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ENOSPC' || error.code === 'EDQUOT';
}
