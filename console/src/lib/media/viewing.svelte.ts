import type { CommandResult } from '@tocsin/protocol/console.ts';
import type { TransportParameters, ViewerRequest, WatchedSource } from '@tocsin/protocol/video.ts';
import type { Consumer, Transport } from 'mediasoup-client/types';
import { waitBeforeAttempt } from './backoff.ts';
import { viewerEvents } from './viewer-events.ts';

export type Ask = (request: ViewerRequest) => Promise<CommandResult>;

/**
 * `opening`: no picture yet. `live`: the picture flows. `broken`: it flowed; being brought back. `refused`: the server said
 * no, in `because`; tried again where that can help. `ended`: the feed is over.
 */
export type ViewingState = 'opening' | 'live' | 'broken' | 'refused' | 'ended';

/** Refusals that time does not mend. */
const FINAL = new Set(['FEED_UNKNOWN', 'RIGHT_MISSING', 'MEDIA_FORMAT_UNSUPPORTED', 'REQUEST_MALFORMED']);
/** ICE often comes back by itself; then it is asked to; then everything is opened anew. */
const RESTART_ICE_AFTER_MS = 2500;
const REOPEN_AFTER_MS = 9000;
const LOOK_EVERY_MS = 2000;

export interface PictureFigures {
  height: number;
  bitrateBps: number;
}

/** Watching one feed: opens, takes what there is, follows what comes and goes, and comes back after a loss. */
export class Viewing {
  readonly feed: string;
  state = $state<ViewingState>('opening');
  because = $state('');
  stream = $state.raw<MediaStream>();
  hasPicture = $state(false);
  hasSound = $state(false);
  figures = $state.raw<PictureFigures>();
  readonly #ask: Ask;
  readonly #consumers = new Map<WatchedSource, Consumer>();
  #transport: Transport | undefined;
  #viewing: string | undefined;
  #stopListening: (() => void) | undefined;
  #timers = new Set<ReturnType<typeof setTimeout>>();
  #looking: ReturnType<typeof setInterval> | undefined;
  #attempt = 0;
  /** Steps with each opening, so that a late answer of an earlier one is known as such. */
  #opening = 0;
  #isClosed = false;
  #lastBytes: { bytes: number; at: number } | undefined;

  constructor(feed: string, ask: Ask) {
    this.feed = feed;
    this.#ask = ask;
    void this.#open();
  }

  close(): void {
    this.#isClosed = true;
    this.#shut();
    if (this.#viewing) void this.#ask({ ask: 'stop', viewing: this.#viewing });
  }

  async #open(): Promise<void> {
    const opening = ++this.#opening;
    const isStale = () => this.#isClosed || opening !== this.#opening;
    const opened = await this.#ask({ ask: 'watch', feed: this.feed });
    if (isStale()) {
      if (opened.ok) void this.#ask({ ask: 'stop', viewing: (opened.value as { viewing: string }).viewing });
      return;
    }
    if (!opened.ok) return this.#refused(opened.code);
    const { viewing, routerRtpCapabilities, transport, sources } = opened.value as {
      viewing: string;
      routerRtpCapabilities: object;
      transport: TransportParameters;
      sources: WatchedSource[];
    };
    this.#viewing = viewing;
    this.#wanted = sources;
    this.#stopListening = viewerEvents.listen(viewing, {
      sources: (now) => {
        this.#wanted = now;
        void this.#follow();
      },
      ended: (because) => this.#over(because),
    });
    try {
      const { Device } = await import('mediasoup-client');
      const device = await Device.factory();
      await device.load({ routerRtpCapabilities: routerRtpCapabilities as never });
      if (isStale()) return;
      const receiving = device.createRecvTransport({ ...transport, iceServers: [] } as never);
      this.#transport = receiving;
      receiving.on('connect', ({ dtlsParameters }, done, failed) => {
        void this.#ask({ ask: 'connect', viewing, dtlsParameters }).then((result) =>
          result.ok ? done() : failed(new Error(result.code)),
        );
      });
      receiving.on('connectionstatechange', (state) => this.#connection(state));
      this.#capabilities = device.recvRtpCapabilities;
      this.stream = new MediaStream();
      await this.#follow();
      if (this.#wanted.length === 0) this.state = 'opening';
      this.#attempt = 0;
    } catch (error) {
      if (!isStale()) this.#again(error instanceof Error ? error.message : String(error));
    }
  }

  #capabilities: unknown;

  /** What the phone sends, as the server told last: also while the way there was still being opened. */
  #wanted: readonly WatchedSource[] = [];
  #following: Promise<void> | undefined;

  /** Takes what is new, forgets what is gone. One at a time; what is told meanwhile comes after. */
  #follow(): Promise<void> {
    if (!this.#transport) return Promise.resolve();
    if (this.#following) return this.#following;
    const following = this.#followAll(this.#transport).finally(() => {
      if (this.#following === following) this.#following = undefined;
    });
    this.#following = following;
    return following;
  }

  async #followAll(transport: Transport): Promise<void> {
    let followed: readonly WatchedSource[] | undefined;
    while (followed !== this.#wanted && this.#transport === transport) {
      followed = this.#wanted;
      await this.#take(followed);
    }
  }

  async #take(sources: readonly WatchedSource[]): Promise<void> {
    for (const [source, consumer] of this.#consumers) {
      if (sources.includes(source)) continue;
      consumer.close();
      this.stream?.removeTrack(consumer.track);
      this.#consumers.delete(source);
    }
    for (const source of sources) if (!this.#consumers.has(source)) await this.#takeOne(source);
    this.#tell();
  }

  async #takeOne(source: WatchedSource): Promise<void> {
    const transport = this.#transport;
    const viewing = this.#viewing;
    if (!transport || !viewing || transport.closed) return;
    const offered = await this.#ask({ ask: 'consume', viewing, source, rtpCapabilities: this.#capabilities });
    // A source that went away meanwhile will be told of again when it is back.
    if (!offered.ok || transport.closed || this.#transport !== transport) return;
    const consumer = await transport.consume(offered.value as never);
    this.#consumers.set(source, consumer);
    // A new stream, so that an element that has stalled on the old one begins anew.
    this.stream = new MediaStream([...this.#consumers.values()].map(({ track }) => track));
    await this.#ask({ ask: 'resume', viewing, source });
  }

  #tell(): void {
    this.hasPicture = this.#consumers.has('camera');
    this.hasSound = this.#consumers.has('microphone');
    if (this.#consumers.size > 0 && this.#transport?.connectionState !== 'failed') this.state = 'live';
    clearInterval(this.#looking);
    if (this.hasPicture) this.#looking = setInterval(() => void this.#look(), LOOK_EVERY_MS);
    else this.figures = undefined;
  }

  async #look(): Promise<void> {
    const report = await this.#consumers
      .get('camera')
      ?.getStats()
      .catch(() => undefined);
    report?.forEach((one: { type: string; frameHeight?: number; bytesReceived?: number; timestamp: number }) => {
      if (one.type !== 'inbound-rtp' || one.bytesReceived === undefined) return;
      const last = this.#lastBytes;
      this.#lastBytes = { bytes: one.bytesReceived, at: one.timestamp };
      if (!last || one.timestamp <= last.at) return;
      this.figures = {
        height: one.frameHeight ?? 0,
        bitrateBps: ((one.bytesReceived - last.bytes) * 8000) / (one.timestamp - last.at),
      };
    });
  }

  #connection(state: string): void {
    if (state === 'connected') {
      this.#clearTimers();
      this.#tell();
    } else if (state === 'disconnected' || state === 'failed') {
      this.state = 'broken';
      this.#clearTimers();
      this.#after(state === 'failed' ? 0 : RESTART_ICE_AFTER_MS, () => void this.#restartIce());
      this.#after(REOPEN_AFTER_MS, () => this.#again('media-lost'));
    }
  }

  async #restartIce(): Promise<void> {
    const transport = this.#transport;
    const viewing = this.#viewing;
    if (!transport || !viewing) return;
    const fresh = await this.#ask({ ask: 'restart-ice', viewing });
    if (fresh.ok && !transport.closed) await transport.restartIce({ iceParameters: fresh.value as never });
  }

  #over(because: string): void {
    this.#viewing = undefined;
    if (because === 'feed-ended') {
      this.#shut();
      this.state = 'ended';
      this.because = because;
    } else {
      this.#again(because);
    }
  }

  #refused(code: string): void {
    this.because = code;
    if (FINAL.has(code)) {
      this.state = code === 'FEED_UNKNOWN' ? 'ended' : 'refused';
      return;
    }
    this.#again(code);
  }

  #again(because: string): void {
    this.#shut();
    if (this.#isClosed) return;
    this.because = because;
    this.state = this.state === 'live' || this.state === 'broken' ? 'broken' : 'refused';
    this.#attempt += 1;
    this.#after(waitBeforeAttempt(this.#attempt), () => void this.#open());
  }

  #shut(): void {
    this.#opening += 1;
    this.#clearTimers();
    clearInterval(this.#looking);
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#transport?.close();
    this.#transport = undefined;
    this.#following = undefined;
    this.#consumers.clear();
    this.stream = undefined;
    this.hasPicture = false;
    this.hasSound = false;
    this.figures = undefined;
  }

  #after(ms: number, run: () => void): void {
    this.#timers.add(setTimeout(run, ms));
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
