import type { Consumer, PlainTransport, Producer, Router, RtpCodecParameters } from 'mediasoup/types';

/** Where the media engine holds its RTP port for this leg, and the SSRC that it sends with for the leg's whole life. */
export interface EngineAddress {
  host: string;
  port: number;
  ssrc: number;
}

/**
 * The plain RTP path between a router and one RTP port of the media engine: one UDP port, both ways, RTCP muxed. The engine's
 * address is known beforehand, so packets from anywhere else are ignored.
 */
export class EngineLink {
  readonly #transport: PlainTransport;
  readonly #router: Router;
  /** What the engine says. */
  readonly fromEngine: Producer;
  #toEngine: Consumer | undefined;

  private constructor(router: Router, transport: PlainTransport, fromEngine: Producer) {
    this.#router = router;
    this.#transport = transport;
    this.fromEngine = fromEngine;
  }

  static async open(router: Router, engine: EngineAddress, codecs: RtpCodecParameters[], cname: string) {
    // An engine that listens everywhere is reached over loopback: it lives in this process.
    const host = engine.host === '0.0.0.0' ? '127.0.0.1' : engine.host;
    const transport = await router.createPlainTransport({
      listenInfo: { protocol: 'udp', ip: host },
      rtcpMux: true,
      comedia: false,
    });
    try {
      await transport.connect({ ip: host, port: engine.port });
      const fromEngine = await transport.produce({
        kind: 'audio',
        rtpParameters: {
          codecs,
          headerExtensions: [],
          encodings: [{ ssrc: engine.ssrc }],
          rtcp: { cname, reducedSize: true },
        },
      });
      return new EngineLink(router, transport, fromEngine);
    } catch (error) {
      transport.close();
      throw error;
    }
  }

  /** Where the engine sends its RTP to. */
  get address(): { host: string; port: number } {
    const { localAddress, localPort } = this.#transport.tuple;
    return { host: localAddress, port: localPort };
  }

  /** From now on the engine hears this producer, and no other. */
  async hear(producer: Producer): Promise<void> {
    this.#toEngine?.close();
    this.#toEngine = await this.#transport.consume({
      producerId: producer.id,
      rtpCapabilities: plainCapabilities(this.#router),
    });
  }

  close(): void {
    this.#transport.close();
  }
}

/** The router's codecs without header extensions: ids of those are the router's own and mean nothing to a plain peer. */
export const plainCapabilities = (router: Router) => ({
  codecs: router.rtpCapabilities.codecs ?? [],
  headerExtensions: [],
});
