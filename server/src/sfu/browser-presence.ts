import type { WebRtcTransport } from 'mediasoup/types';
import type { Clock, Timer } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';

/** Why a browser counts as gone. */
export type BrowserGone = 'browser-left' | 'media-lost' | 'never-connected' | 'encryption-failed' | 'worker-died';

/** How long a browser may be silent before it counts as gone. */
export const PRESENCE_LIMITS = {
  /** From the last sign of life plus the consent time (10 s): a frozen or roaming browser has come back after 13 s. */
  lostForMs: 25_000,
  /** From the description exchanged to ICE and DTLS up. */
  connectWithinMs: 30_000,
} as const;

export type PresenceEvents = {
  connected: [];
  lost: [];
  back: [];
  gone: [BrowserGone];
};

/**
 * Tells from ICE and DTLS whether the browser at the other end is there. Page closed or left: DTLS closes at once. Network
 * gone, browser killed or frozen: ICE consent ends after 10 s and the browser is lost; it may come back by itself; after the
 * grace it is gone.
 */
export class BrowserPresence implements Listenable<PresenceEvents> {
  readonly #events = new Emitter<PresenceEvents>();
  readonly #clock: Clock;
  readonly #transport: WebRtcTransport;
  #state: 'new' | 'connected' | 'lost' | 'gone' = 'new';
  #timer: Timer | undefined;
  on = this.#events.on.bind(this.#events);
  once = this.#events.once.bind(this.#events);

  constructor(transport: WebRtcTransport, clock: Clock) {
    this.#clock = clock;
    this.#transport = transport;
    transport.on('icestatechange', () => this.#look());
    transport.on('dtlsstatechange', () => this.#look());
    transport.on('routerclose', () => this.#end('worker-died'));
  }

  get state(): 'new' | 'connected' | 'lost' | 'gone' {
    return this.#state;
  }

  /** The descriptions are exchanged; from now on the browser has to connect within the limit. */
  expect(): void {
    if (this.#state !== 'new' || this.#timer) return;
    this.#timer = this.#clock.after(PRESENCE_LIMITS.connectWithinMs, () => this.#end('never-connected'));
  }

  /** The owner closes the transport itself: nothing more is reported. */
  ownerClosed(): void {
    this.#state = 'gone';
    this.#timer?.cancel();
  }

  #look(): void {
    if (this.#state === 'gone') return;
    const { dtlsState, iceState } = this.#transport;
    if (dtlsState === 'closed') return this.#end('browser-left');
    if (dtlsState === 'failed') return this.#end('encryption-failed');
    const isHeard = iceState === 'connected' || iceState === 'completed';
    if (isHeard && dtlsState === 'connected' && this.#state !== 'connected') {
      const wasLost = this.#state === 'lost';
      this.#state = 'connected';
      this.#timer?.cancel();
      this.#events.emit(wasLost ? 'back' : 'connected');
    } else if (iceState === 'disconnected' && this.#state === 'connected') {
      this.#state = 'lost';
      this.#timer = this.#clock.after(PRESENCE_LIMITS.lostForMs, () => this.#end('media-lost'));
      this.#events.emit('lost');
    }
  }

  #end(why: BrowserGone): void {
    if (this.#state === 'gone') return;
    this.ownerClosed();
    this.#events.emit('gone', why);
  }
}
