import type { Socket } from 'socket.io';
import { ViewerRequest, type ServerToViewer } from '@tocsin/protocol/video.ts';
import { may } from '#directory/rights.ts';
import type { Session } from '#directory/rights.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Viewing } from '#video/feed-facts.ts';
import type { Desk } from '#dispatch/desk.ts';

/** Videos that one console may watch at the same time. */
const MAX_VIEWINGS = 12;

/** One console's viewings: they end with its socket. */
export class VideoDoor {
  readonly #session: Session;
  readonly #desk: Desk;
  readonly #tell: Pick<Socket<object, ServerToViewer>, 'emit'>;
  readonly #viewings = new Map<string, { feed: string; viewing: Viewing }>();

  constructor(session: Session, desk: Desk, tell: Pick<Socket<object, ServerToViewer>, 'emit'>) {
    this.#session = session;
    this.#desk = desk;
    this.#tell = tell;
  }

  /** @throws DispatchError RIGHT_MISSING, FEED_UNKNOWN, VIEWING_LIMIT, WEBRTC_UNAVAILABLE, REQUEST_MALFORMED */
  async request(message: unknown): Promise<unknown> {
    const request = ViewerRequest.parse(message);
    if (!may(this.#session, 'watch')) throw new DispatchError('RIGHT_MISSING', 'watch');
    if (request.ask === 'watch') return await this.#watch(request.feed);
    const { feed, viewing } = this.#viewing(request.viewing);
    const { viewer } = viewing;
    switch (request.ask) {
      case 'connect':
        return await viewer.connect(request.dtlsParameters);
      case 'restart-ice':
        return await viewer.restartIce();
      case 'consume':
        return await viewer.consume(request.source, request.rtpCapabilities);
      case 'resume':
        return await viewer.resume(request.source);
      case 'pause':
        return await viewer.pause(request.source);
      case 'stop':
        this.#viewings.delete(viewing.id);
        return this.#desk.feeds.get(feed).stopWatching(viewing.id);
    }
  }

  close(): void {
    for (const { feed, viewing } of this.#viewings.values()) this.#desk.feeds.get(feed).stopWatching(viewing.id);
    this.#viewings.clear();
  }

  async #watch(feedId: string) {
    if (this.#viewings.size >= MAX_VIEWINGS) throw new DispatchError('VIEWING_LIMIT');
    const viewing = await this.#desk.feeds.get(feedId).watch({ by: this.#session.user.id });
    this.#viewings.set(viewing.id, { feed: feedId, viewing });
    const { viewer } = viewing;
    const tellSources = () => this.#tell.emit('feed-sources', viewing.id, viewer.sources);
    viewer.on('source-added', tellSources);
    viewer.on('source-removed', tellSources);
    viewer.on('closed', (because) => {
      this.#viewings.delete(viewing.id);
      this.#tell.emit('viewing-ended', viewing.id, because);
    });
    return {
      viewing: viewing.id,
      routerRtpCapabilities: viewer.routerRtpCapabilities,
      transport: viewer.transport,
      sources: viewer.sources,
    };
  }

  #viewing(id: string) {
    const found = this.#viewings.get(id);
    if (!found) throw new DispatchError('FEED_UNKNOWN', id);
    return found;
  }
}
