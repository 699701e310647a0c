import { createSocket } from 'node:dgram';
import type { Consumer, PlainTransport, Producer, Router, RtpCodecParameters } from 'mediasoup/types';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import { areBound, freeRtpPort } from './rtp-ports.ts';
import type { WatchedSource } from './sources.ts';

export type RecordingTapEvents = {
  /** A source ended, or everything did. What comes afterwards needs a new tap. */
  ended: [];
};

interface Branch {
  source: WatchedSource;
  port: number;
  transport: PlainTransport;
  consumer: Consumer;
}

/**
 * Camera and microphone as plain RTP towards a recorder, each on a port of its own with RTCP on the next one, as the SDP input
 * of ffmpeg wants it. It begins paused: start the recorder, wait until its ports are bound, then resume; else the first key
 * frame is lost. The RTCP sender reports carry what the recorder needs to keep sound and picture together.
 */
export class RecordingTap implements Listenable<RecordingTapEvents> {
  readonly #host: string;
  readonly #branches: readonly Branch[];
  readonly #onClose: () => void;
  readonly #events = new Emitter<RecordingTapEvents>();
  #isClosed = false;
  on = this.#events.on.bind(this.#events);
  once = this.#events.once.bind(this.#events);

  private constructor(host: string, branches: readonly Branch[], onClose: () => void) {
    this.#host = host;
    this.#branches = branches;
    this.#onClose = onClose;
    for (const { consumer } of branches) consumer.on('producerclose', () => this.#end());
    for (const { transport } of branches) transport.on('routerclose', () => this.#end());
  }

  static async open(options: {
    router: Router;
    host: string;
    producerOf: (source: WatchedSource) => Producer | undefined;
    /** Absent: all that flows. */
    only?: WatchedSource;
    onClose: () => void;
  }): Promise<RecordingTap> {
    const branches: Branch[] = [];
    try {
      for (const source of ['camera', 'microphone'] as const) {
        const producer = options.producerOf(source);
        if (options.only !== undefined && options.only !== source) continue;
        if (producer) branches.push(await openBranch(options, source, await freeRtpPort(options.host), producer));
      }
      return new RecordingTap(options.host, branches, options.onClose);
    } catch (error) {
      for (const { transport } of branches) transport.close();
      throw error;
    }
  }

  /** What flows, in the order of the description's m-lines. */
  get sources(): WatchedSource[] {
    return this.#branches.map(({ source }) => source);
  }

  /** vp8 or h264; absent without a camera. */
  get videoCodec(): string | undefined {
    const camera = this.#branches.find(({ source }) => source === 'camera');
    return camera && codecOf(camera).mimeType.split('/')[1]?.toLowerCase();
  }

  /** Has the recorder bound all its ports, so that nothing sent now is lost? */
  isListenedTo(): Promise<boolean> {
    return areBound(this.#branches.flatMap(({ port }) => [port, port + 1]));
  }

  /** The session description for the recorder (RFC 8866). */
  get description(): string {
    const lines = this.#branches.flatMap((branch) => {
      const codec = codecOf(branch);
      const [kind, name] = codec.mimeType.split('/');
      const channels = kind === 'audio' && (codec.channels ?? 1) > 1 ? `/${codec.channels}` : '';
      const parameters = Object.entries(codec.parameters ?? {}).map(([key, value]) => `${key}=${String(value)}`);
      return [
        `m=${kind} ${branch.port} RTP/AVP ${codec.payloadType}`,
        `a=rtpmap:${codec.payloadType} ${name}/${codec.clockRate}${channels}`,
        ...(parameters.length > 0 ? [`a=fmtp:${codec.payloadType} ${parameters.join(';')}`] : []),
        'a=recvonly',
      ];
    });
    const family = this.#host.includes(':') ? 'IP6' : 'IP4';
    const head = ['v=0', `o=tocsin 0 0 IN ${family} ${this.#host}`, 's=-', `c=IN ${family} ${this.#host}`, 't=0 0'];
    return [...head, ...lines, ''].join('\r\n');
  }

  /** Lets both flow together, and asks for a key frame. */
  async resume(): Promise<void> {
    await Promise.all(this.#branches.map(({ consumer }) => consumer.resume()));
    const camera = this.#branches.find(({ source }) => source === 'camera');
    await camera?.consumer.requestKeyFrame();
  }

  /** Asks for a key frame now, when the first one did not arrive. */
  async requestKeyFrame(): Promise<void> {
    await this.#branches.find(({ source }) => source === 'camera')?.consumer.requestKeyFrame();
  }

  /** Tells the recorder that nothing more will come (RTCP BYE, RFC 3550 §6.6), so that it finishes its file at once. Also after `close`. */
  async sayGoodbye(): Promise<void> {
    const socket = createSocket(this.#host.includes(':') ? 'udp6' : 'udp4');
    // A recorder that is gone already answers with an ICMP error; that is as good.
    socket.on('error', () => {});
    const sent = this.#branches.map(({ port, consumer }) => {
      // With the reason, 12 bytes: ffmpeg drops RTCP that is shorter than an RTP header.
      const bye = Buffer.concat([Buffer.from([0x81, 203, 0, 2, 0, 0, 0, 0]), Buffer.from('\x03end')]);
      bye.writeUInt32BE(consumer.rtpParameters.encodings?.[0]?.ssrc ?? 0, 4);
      return new Promise<void>((resolve) => socket.send(bye, port + 1, this.#host, () => resolve()));
    });
    await Promise.all(sent);
    socket.close();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const { transport } of this.#branches) transport.close();
    this.#onClose();
  }

  #end(): void {
    if (this.#isClosed) return;
    this.close();
    this.#events.emit('ended');
  }
}

async function openBranch(
  { router, host }: { router: Router; host: string },
  source: WatchedSource,
  port: number,
  producer: Producer,
): Promise<Branch> {
  const transport = await router.createPlainTransport({
    listenInfo: { protocol: 'udp', ip: host },
    rtcpMux: false,
    comedia: false,
  });
  try {
    await transport.connect({ ip: host, port, rtcpPort: port + 1 });
    const codecs = (router.rtpCapabilities.codecs ?? []).filter(({ mimeType }) => !/\/rtx$/i.test(mimeType));
    const consumer = await transport.consume({
      producerId: producer.id,
      rtpCapabilities: { codecs, headerExtensions: [] },
      paused: true,
      enableRtx: false,
    });
    return { source, port, transport, consumer };
  } catch (error) {
    transport.close();
    throw error;
  }
}

function codecOf({ consumer }: Branch): RtpCodecParameters {
  const [codec] = consumer.rtpParameters.codecs;
  if (!codec) throw new Error('a consumer without a codec');
  return codec;
}
