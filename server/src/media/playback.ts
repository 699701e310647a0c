import { Emitter, type Listenable } from '#kernel/emitter.ts';
import type { ThreadPool } from './thread-pool.ts';
import type { Report } from './worker/protocol.ts';

/**
 * What is played. A file: WAV of any usual rate. A tone: without `onMs` it never ends; with `offMs` it is a cadence and
 * repeats for ever unless `loop` says otherwise. Its frequencies sound together, or `inTurn`: one each on-time, as a
 * siren's. `levelDb` is that of each frequency, below full scale, default −13.
 */
export type PlaybackSource =
  | { kind: 'file'; path: string }
  | { kind: 'tone'; hz: number[]; onMs?: number; offMs?: number; inTurn?: boolean; levelDb?: number }
  | { kind: 'silence' };

export interface PlaybackEvents extends Record<string, unknown[]> {
  finished: [];
  closed: [];
}

/** A sound on a bridge. It begins when it is put on one, and speaks to whom the bridge says. */
export class Playback implements Listenable<PlaybackEvents>, AsyncDisposable {
  readonly id: string;
  /** How it ended: by itself, or because it was closed. */
  readonly ended: Promise<'finished' | 'stopped'>;
  readonly #link: ThreadPool;
  readonly #events = new Emitter<PlaybackEvents>();
  readonly #end: (how: 'finished' | 'stopped') => void;
  #isClosed = false;

  constructor(id: string, link: ThreadPool) {
    this.id = id;
    this.#link = link;
    const { promise, resolve } = Promise.withResolvers<'finished' | 'stopped'>();
    this.ended = promise;
    this.#end = resolve;
  }

  on<Name extends keyof PlaybackEvents>(event: Name, listener: (...args: PlaybackEvents[Name]) => void): () => void {
    return this.#events.on(event, listener);
  }

  once<Name extends keyof PlaybackEvents>(event: Name, listener: (...args: PlaybackEvents[Name]) => void): () => void {
    return this.#events.once(event, listener);
  }

  async pause(): Promise<void> {
    await this.#link.ask('pause-playback', { node: this.id, isPaused: true });
  }

  async resume(): Promise<void> {
    await this.#link.ask('pause-playback', { node: this.id, isPaused: false });
  }

  async close(_reason?: string): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#link.ask('close-node', { node: this.id }).catch(() => {});
    this.#end('stopped');
    this.#events.emit('closed');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For the engine: what the thread tells of this playback. A finished one leaves its bridge by itself. */
  receive(report: Report): void {
    if (report.what !== 'finished' || this.#isClosed) return;
    this.#end('finished');
    this.#events.emit('finished');
    void this.close();
  }
}
