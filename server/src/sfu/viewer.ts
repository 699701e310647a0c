import type { Consumer } from 'mediasoup/types';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { BrowserGone } from './browser-presence.ts';
import type { MediaWorker } from './media-worker.ts';
import { PageTransport, type TransportParameters } from './page-transport.ts';
import { consumeFor, consumerParameters, type Publisher } from './publisher.ts';
import type { ConsumerParameters, WatchedSource } from './sources.ts';

export type ViewerEvents = {
  /** The source can be consumed (again). */
  'source-added': [WatchedSource];
  /** The source has ended; its consumer is closed. */
  'source-removed': [WatchedSource];
  lost: [];
  back: [];
  /** Closed: the page is gone, the publisher was closed, or the worker died. Not emitted after our own `close`. */
  closed: [BrowserGone | 'feed-ended'];
};

interface ViewerOptions {
  worker: MediaWorker;
  publisher: Publisher;
  clock: Clock;
  chance: Chance;
  onClose: () => void;
}

/** A page that watches one publisher: one receiving transport, a consumer for each source. */
export class Viewer implements AsyncDisposable, Listenable<ViewerEvents> {
  readonly id: string;
  readonly #options: ViewerOptions;
  readonly #page: PageTransport;
  readonly #events = new Emitter<ViewerEvents>();
  readonly #consumers = new Map<WatchedSource, Consumer>();
  readonly #stopListening: (() => void)[];
  #isClosed = false;
  on = this.#events.on.bind(this.#events);
  once = this.#events.once.bind(this.#events);

  private constructor(options: ViewerOptions, page: PageTransport) {
    this.id = options.chance.id('viewer');
    this.#options = options;
    this.#page = page;
    const { publisher } = options;
    this.#stopListening = [
      publisher.on('source-added', (source) => {
        if (source !== 'call-microphone') this.#events.emit('source-added', source);
      }),
      publisher.on('source-removed', (source) => {
        if (source === 'call-microphone') return;
        this.#consumers.delete(source);
        this.#events.emit('source-removed', source);
      }),
      publisher.on('closed', (why) => this.#end(why === 'closed' ? 'feed-ended' : why)),
    ];
    page.presence.on('lost', () => this.#events.emit('lost'));
    page.presence.on('back', () => this.#events.emit('back'));
    page.presence.on('gone', (why) => this.#end(why));
  }

  static async open(options: ViewerOptions): Promise<Viewer> {
    const { worker, publisher, clock } = options;
    const page = await PageTransport.open(worker, publisher.router, clock);
    if (!publisher.isClosed) return new Viewer(options, page);
    page.close();
    throw new DispatchError('FEED_UNKNOWN');
  }

  /** For the page's `device.load`. */
  get routerRtpCapabilities(): object {
    return this.#options.publisher.routerRtpCapabilities;
  }

  /** For the page's `device.createRecvTransport`. */
  get transport(): TransportParameters {
    return this.#page.parameters;
  }

  /** What can be consumed now. */
  get sources(): WatchedSource[] {
    return this.#options.publisher.sources.filter((source) => source !== 'call-microphone');
  }

  connect(dtlsParameters: unknown): Promise<void> {
    return this.#page.connect(dtlsParameters);
  }

  restartIce(): Promise<object> {
    return this.#page.restartIce();
  }

  /**
   * Consumes a source, paused: the page calls `resume` when it is ready to play, so that it gets the first key frame.
   * `rtpCapabilities` are the page's `device.recvRtpCapabilities`. Throws NOT_FOUND when there is no such source now,
   * MEDIA_FORMAT_UNSUPPORTED, REQUEST_MALFORMED.
   */
  async consume(source: WatchedSource, rtpCapabilities: unknown): Promise<ConsumerParameters> {
    const { publisher } = this.#options;
    const producer = publisher.producerOf(source);
    if (!producer || this.#isClosed) throw new DispatchError('NOT_FOUND', `the feed sends no ${source} now`);
    this.#consumers.get(source)?.close();
    const consumer = await consumeFor(publisher.router, this.#page, producer, rtpCapabilities, true);
    this.#consumers.set(source, consumer);
    return consumerParameters(consumer);
  }

  /** Lets the source flow. Throws NOT_FOUND when it is not consumed. */
  resume(source: WatchedSource): Promise<void> {
    return this.#consumer(source).resume();
  }

  /** Stops the flow, for a picture that is out of sight; costs nothing while paused. */
  pause(source: WatchedSource): Promise<void> {
    return this.#consumer(source).pause();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const stop of this.#stopListening) stop();
    this.#page.close();
    this.#options.onClose();
  }

  /** The worker is gone, and with it all that is inside. */
  ownerClosed(): void {
    this.#end('worker-died');
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  #consumer(source: WatchedSource): Consumer {
    const consumer = this.#consumers.get(source);
    if (!consumer) throw new DispatchError('NOT_FOUND', `the ${source} is not consumed`);
    return consumer;
  }

  #end(why: BrowserGone | 'feed-ended'): void {
    if (this.#isClosed) return;
    this.close();
    this.#events.emit('closed', why);
  }
}
