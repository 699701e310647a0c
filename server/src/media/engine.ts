import { realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
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
import { ThreadLink } from './thread-link.ts';
import { WavFile, type OpenFile } from './wav-file.ts';
import type { PlayableSound, Report, ThreadSnapshot } from './worker/protocol.ts';

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
  /** Which sockets the thread uses; default: batched system calls where they work, else Node's. */
  io?: 'batched' | 'dgram';
  /** How recordings are opened; tests hand in a disk that is full. */
  openFile?: OpenFile;
}

export interface MediaEngineEvents extends Record<string, unknown[]> {
  /** Every node and bridge is gone; a new thread serves what is opened from now on. */
  'worker-died': [reason: string];
}

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
  #parts = new Map<string, RtpPort | Playback | Recorder | MediaBridge>();
  #thread: Promise<ThreadLink> | undefined;
  #isClosed = false;

  /** Use `openMediaEngine`. */
  constructor(options: MediaEngineOptions) {
    this.#options = options;
    this.#log = options.log.with({ part: 'media' });
    const { clock, chance, speechFolder = join(tmpdir(), `tocsin-speech-${process.getuid?.() ?? 0}`) } = options;
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
    const { io } = await this.#link();
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
   * @throws DispatchError CONFIG_INVALID without a folder, REQUEST_MALFORMED for a path that leaves it, DISK_FULL
   */
  async openRecorder(options: { file: string; channels?: 1 | 2; left?: string[] }): Promise<Recorder> {
    const { file, channels = 1, left } = options;
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
    const recorder: Recorder | undefined = new Recorder({ id, startedAtMs: clock.now(), wav, link });
    this.#keep(recorder);
    await link.ask('open-recorder', { node: id, channels, ...(left && { left }) });
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

  /** Ends the thread as a crash would. For tests. */
  async killThread(): Promise<void> {
    await (await this.#link()).kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const part of [...this.#parts.values()]) await part[Symbol.asyncDispose]();
    const link = await this.#thread?.catch(() => undefined);
    await link?.stop();
    await this.#speech[Symbol.asyncDispose]();
  }

  /** The thread, started when there is none: the first, or one after a death. */
  #link(): Promise<ThreadLink> {
    if (this.#isClosed) return Promise.reject(new DispatchError('INTERNAL', 'the media engine is closed'));
    this.#thread ??= this.#startThread().catch((error: unknown) => {
      this.#thread = undefined;
      throw error;
    });
    return this.#thread;
  }

  #startThread(): Promise<ThreadLink> {
    const { host, io } = this.#options;
    return ThreadLink.open({
      host,
      io,
      onReport: (report) => this.#receive(report),
      onRecorded: (node, samples, isLast) => {
        const recorder = this.#parts.get(node);
        if (recorder instanceof Recorder) recorder.receiveSamples(samples, isLast);
      },
      onDied: (reason) => this.#replaceThread(reason),
    });
  }

  #replaceThread(reason: string): void {
    if (this.#isClosed) return;
    this.#log.error('media thread died', { reason });
    const gone = this.#parts;
    this.#parts = new Map();
    this.#thread = undefined;
    for (const part of gone.values()) {
      if (part instanceof Recorder) part.fail('thread-died', reason);
      void part.close('thread-died');
    }
    this.#events.emit('worker-died', reason);
  }

  #receive(report: Report): void {
    const part = this.#parts.get(report.about);
    if (part && !(part instanceof Recorder)) part.receive(report);
  }

  #keep<Part extends RtpPort | Playback | Recorder | MediaBridge>(part: Part): Part {
    this.#parts.set(part.id, part);
    const parts = this.#parts;
    (part as Listenable<{ closed: [] }>).once('closed', () => parts.delete(part.id));
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
