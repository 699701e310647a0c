import type { DtlsParameters, IceCandidate, IceParameters, Router, WebRtcTransport } from 'mediasoup/types';
import type { Clock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import { BrowserPresence } from './browser-presence.ts';
import type { MediaWorker } from './media-worker.ts';

/** What mediasoup-client's `device.createSendTransport` and `createRecvTransport` take, as it is. */
export interface TransportParameters {
  id: string;
  iceParameters: IceParameters;
  iceCandidates: IceCandidate[];
  dtlsParameters: DtlsParameters;
}

/** One transport between a page of ours (mediasoup-client) and the worker. */
export class PageTransport {
  readonly transport: WebRtcTransport;
  readonly presence: BrowserPresence;
  #isConnected = false;

  private constructor(transport: WebRtcTransport, clock: Clock) {
    this.transport = transport;
    this.presence = new BrowserPresence(transport, clock);
  }

  static async open(worker: MediaWorker, router: Router, clock: Clock): Promise<PageTransport> {
    return new PageTransport(await worker.createTransport(router), clock);
  }

  get parameters(): TransportParameters {
    const { id, iceParameters, iceCandidates, dtlsParameters } = this.transport;
    return { id, iceParameters, iceCandidates, dtlsParameters };
  }

  /** The page's DTLS parameters, as its transport's `connect` event gives them. Asked again after a lost answer, it does nothing. */
  async connect(dtlsParameters: unknown): Promise<void> {
    if (this.#isConnected) return;
    this.#isConnected = true;
    await fromPage(() => this.transport.connect({ dtlsParameters: dtlsParameters as DtlsParameters }));
    this.presence.expect();
  }

  /** New ICE parameters for the page's `restartIce`, after its network has changed. */
  restartIce(): Promise<IceParameters> {
    return this.transport.restartIce();
  }

  close(): void {
    this.presence.ownerClosed();
    this.transport.close();
  }
}

/** What a page sends is checked by mediasoup; its complaint becomes a refusal with a code, not an error of ours. */
export async function fromPage<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    throw new DispatchError('REQUEST_MALFORMED', error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}
