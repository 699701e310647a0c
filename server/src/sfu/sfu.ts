import type { Chance } from '#kernel/chance.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import { WebRtcAudioLeg } from './audio-leg.ts';
import type { EngineAddress } from './engine-link.ts';
import { MediaWorker, type WorkerAddress } from './media-worker.ts';
import { Publisher } from './publisher.ts';
import { Viewer } from './viewer.ts';
import { watchWorkerStatus, type WorkerStatus } from './worker-status.ts';

/** Whether browsers can phone and send video now, in the words of `/api/health`. */
export type SfuState =
  | { kind: 'preparing'; step: string; done?: number; total?: number }
  | { kind: 'ready' }
  | { kind: 'failed'; why: string };

export interface SfuOptions extends WorkerAddress {
  /** The worker's binary, when it is known already. */
  workerPath?: string;
  /** What `scripts/media-worker/ensure.mjs` writes; watched until it says ready. */
  statusFile?: string;
  clock: Clock;
  chance: Chance;
  log: Log;
}

export type SfuEvents = {
  state: [SfuState];
  /** The worker's process ended by itself. All legs, publishers and viewers have been closed with reason `worker-died`. */
  'worker-died': [];
};

/** Named limits of the whole; what is beyond is refused with LINES_EXHAUSTED or FEED_LIMIT by its owner. */
export const SFU_LIMITS = {
  /** Waits before a dead worker is started again: doubled at each failure in a row, up to the longest. */
  restartAfterMs: 250,
  restartAfterAtMostMs: 15_000,
} as const;

interface Part {
  ownerClosed(): void;
}

/** Opens at once; browsers can be served as soon as the state is ready. Closes everything that was opened through it. */
export function openSfu(options: SfuOptions): Promise<Sfu> {
  return Promise.resolve(new Sfu(options));
}

/** mediasoup in our words: browser phones, field phones that publish, pages that watch. */
export class Sfu implements AsyncDisposable, Listenable<SfuEvents> {
  readonly #options: SfuOptions;
  readonly #events = new Emitter<SfuEvents>();
  readonly #parts = new Set<Part>();
  #state: SfuState = { kind: 'preparing', step: 'checking' };
  #worker: MediaWorker | undefined;
  #workerPath: string | undefined;
  #starting: Promise<void> | undefined;
  #failuresInARow = 0;
  #restart: Timer | undefined;
  #stopWatching: (() => void) | undefined;
  #isClosed = false;
  on = this.#events.on.bind(this.#events);
  once = this.#events.once.bind(this.#events);

  constructor(options: SfuOptions) {
    this.#options = options;
    const { workerPath, statusFile, clock } = options;
    if (workerPath !== undefined) this.#use(workerPath);
    else if (statusFile !== undefined)
      this.#stopWatching = watchWorkerStatus(statusFile, clock, (status) => this.#follow(status));
    else this.#enter({ kind: 'failed', why: 'no media worker is installed' });
  }

  get state(): SfuState {
    return this.#state;
  }

  /**
   * A leg for a browser phone. Rejects with `DispatchError` WEBRTC_UNAVAILABLE while the worker is not ready.
   * `engine.ssrc` must stay what the engine sends with for the life of the leg: the worker drops any other without a word.
   */
  async openAudioLeg({ engine }: { engine: EngineAddress }): Promise<WebRtcAudioLeg> {
    const worker = this.#readyWorker();
    const { clock, chance, log } = this.#options;
    const leg = new WebRtcAudioLeg({ worker, engine, clock, chance, log, onClose: () => this.#parts.delete(leg) });
    this.#parts.add(leg);
    return leg;
  }

  /** The media side of a feed: a field phone that sends camera and microphone. Throws WEBRTC_UNAVAILABLE. */
  async openPublisher(): Promise<Publisher> {
    const worker = this.#readyWorker();
    const { clock, chance, log } = this.#options;
    const publisher = await Publisher.open({
      worker,
      clock,
      chance,
      log,
      onClose: () => this.#parts.delete(publisher),
    });
    this.#parts.add(publisher);
    return publisher;
  }

  /** Someone who watches a publisher. Closes with the publisher. */
  async openViewer(publisher: Publisher): Promise<Viewer> {
    const worker = this.#readyWorker();
    const { clock, chance } = this.#options;
    const viewer = await Viewer.open({
      worker,
      publisher,
      clock,
      chance,
      onClose: () => this.#parts.delete(viewer),
    });
    this.#parts.add(viewer);
    return viewer;
  }

  /** Live figures. */
  async snapshot(): Promise<object> {
    return {
      state: this.#state,
      open: this.#parts.size,
      worker: await this.#worker?.snapshot().catch(() => undefined),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#stopWatching?.();
    this.#restart?.cancel();
    for (const part of [...this.#parts]) part.ownerClosed();
    await this.#starting;
    await this.#worker?.[Symbol.asyncDispose]();
  }

  #readyWorker(): MediaWorker {
    if (this.#worker && this.#state.kind === 'ready') return this.#worker;
    throw new DispatchError('WEBRTC_UNAVAILABLE', this.#state.kind === 'failed' ? this.#state.why : undefined);
  }

  #follow({ state, done, total, detail, path }: WorkerStatus): void {
    if (state === 'ready' && path !== undefined) this.#use(path);
    else if (state === 'failed') this.#enter({ kind: 'failed', why: detail ?? 'the media worker could not be made' });
    else this.#enter({ kind: 'preparing', step: state, ...(total && { done: done ?? 0, total }) });
  }

  #use(workerPath: string): void {
    this.#workerPath = workerPath;
    this.#enter({ kind: 'preparing', step: 'starting' });
    this.#starting = this.#start(workerPath);
  }

  async #start(workerPath: string): Promise<void> {
    const { log } = this.#options;
    try {
      const worker = await MediaWorker.start(workerPath, this.#options, { log, onDied: () => this.#died() });
      if (this.#isClosed) return void (await worker[Symbol.asyncDispose]());
      this.#worker = worker;
      log.info('media worker ready', { pid: worker.pid });
      this.#enter({ kind: 'ready' });
    } catch (error) {
      log.error('media worker did not start', { error });
      const why = error instanceof Error ? error.message : String(error);
      this.#enter({ kind: 'failed', why: `the media worker did not start: ${why}` });
      this.#startAgainLater();
    }
  }

  #died(): void {
    this.#worker = undefined;
    if (this.#isClosed) return;
    this.#enter({ kind: 'preparing', step: 'restarting' });
    for (const part of [...this.#parts]) part.ownerClosed();
    this.#parts.clear();
    this.#events.emit('worker-died');
    this.#startAgainLater();
  }

  /** A worker that dies over and over is started ever less often; one that served for a minute begins anew. */
  #startAgainLater(): void {
    const { clock } = this.#options;
    if (this.#isClosed || this.#workerPath === undefined) return;
    const workerPath = this.#workerPath;
    const waitMs = Math.min(SFU_LIMITS.restartAfterMs * 2 ** this.#failuresInARow, SFU_LIMITS.restartAfterAtMostMs);
    this.#failuresInARow += 1;
    this.#restart = clock.after(waitMs, () => {
      this.#starting = this.#start(workerPath).then(() => {
        if (!this.#isClosed) this.#restart = clock.after(60_000, () => (this.#failuresInARow = 0));
      });
    });
  }

  #enter(state: SfuState): void {
    this.#state = state;
    this.#events.emit('state', state);
  }
}
