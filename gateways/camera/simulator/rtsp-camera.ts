import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock, Timer } from '@tocsin/server/kernel/clock.ts';
import { isAuthorized } from '../rtsp/digest.ts';
import { RtspReader, writeRtsp, type RtspPiece } from '../rtsp/message.ts';
import type { Clip } from './h264-clip.ts';
import { packetize } from './h264-packets.ts';

const REALM = 'IP camera';
const PAYLOAD_TYPE = 96;
const CLOCK_RATE = 90_000;
/** A viewer whose connection does not drain is dropped, as cameras do. */
const BUFFERED_BYTES = 4 << 20;
const PATH = '/stream1';

/** What a simulated camera may do instead of working. */
export type CameraManner =
  | 'works'
  /** Packets stop, the connection stays. */
  | 'freezes'
  /** Only pictures with which nothing can begin. */
  | 'no-key-frames'
  /** Bytes that mean nothing, instead of pictures. */
  | 'garbage'
  /** It hangs up on whoever comes, and on who is there. */
  | 'hangs-up';

export interface RtspCameraOptions {
  host?: string;
  port?: number;
  username: string;
  password: string;
  /** Made when somebody wants to see it for the first time. */
  clip: () => Promise<Clip>;
  clock: Clock;
  chance: Chance;
}

type Request = Extract<RtspPiece, { kind: 'request' }>;

interface Viewer {
  socket: Socket;
  session: string;
  isPlaying: boolean;
  send(packet: Buffer): void;
  close(): void;
}

/** An IP camera as others see it: RTSP 1.0 (RFC 2326) with digest, H.264 over RTP, within the connection or by UDP. */
export class RtspCamera implements AsyncDisposable {
  manner: CameraManner = 'works';
  readonly #options: RtspCameraOptions;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  readonly #viewers = new Set<Viewer>();
  readonly #nonce: string;
  readonly #ssrc: number;
  #ticks: Timer | undefined;
  #clip: Clip | undefined;
  #picture = 0;
  #sequence = 0;
  #timestamp = 0;

  private constructor(options: RtspCameraOptions, server: Server) {
    const { chance } = options;
    this.#options = options;
    this.#server = server;
    this.#nonce = chance.token(12);
    this.#ssrc = Buffer.from(chance.bytes(4)).readUInt32BE();
    server.on('connection', (socket) => this.#welcome(socket));
  }

  static async open(options: RtspCameraOptions): Promise<RtspCamera> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
    });
    return new RtspCamera(options, server);
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  get url(): string {
    return `rtsp://${this.#options.host ?? '127.0.0.1'}:${this.port}${PATH}`;
  }

  /** How many pull its picture now. */
  get viewers(): number {
    return [...this.#viewers].filter(({ isPlaying }) => isPlaying).length;
  }

  /** As a cable pulled out and put back: whoever was there is cut off. */
  hangUp(): void {
    for (const socket of this.#connections) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ticks?.cancel();
    this.hangUp();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #tick(): void {
    const clip = this.#clip;
    if (!clip) return;
    const picture = clip.pictures[this.#picture++ % clip.pictures.length]!;
    this.#timestamp += CLOCK_RATE / clip.framesPerSecond;
    if (this.manner === 'freezes' || this.viewers === 0) return;
    if (this.manner === 'no-key-frames' && picture.isKey) return;
    const packets = packetize(picture, {
      ssrc: this.#ssrc,
      payloadType: PAYLOAD_TYPE,
      sequence: this.#sequence,
      timestamp: this.#timestamp,
    });
    this.#sequence += packets.length;
    for (const packet of packets) {
      const sent = this.manner === 'garbage' ? Buffer.from(this.#options.chance.bytes(packet.length)) : packet;
      for (const viewer of this.#viewers) if (viewer.isPlaying) viewer.send(sent);
    }
  }

  #welcome(socket: Socket): void {
    this.#connections.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#connections.delete(socket);
      for (const viewer of this.#viewers) if (viewer.socket === socket) this.#leave(viewer);
    });
    if (this.manner === 'hangs-up') return void socket.destroy();
    const reader = new RtspReader();
    socket.on('data', (bytes) => {
      const pieces = reader.take(bytes);
      if (!pieces) return void socket.destroy();
      for (const piece of pieces) if (piece.kind === 'request') this.#answer(piece, socket);
    });
  }

  #answer(request: Request, socket: Socket): void {
    const { method, headers } = request;
    const reply = (status: string, more: Record<string, string> = {}, body = '') =>
      socket.write(writeRtsp(`RTSP/1.0 ${status}`, { CSeq: headers.get('cseq')?.[0] ?? '0', ...more }, body));
    if (method === 'OPTIONS')
      return void reply('200 OK', { Public: 'OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN' });
    const account = { username: this.#options.username, password: this.#options.password };
    const proof = { method, nonce: this.#nonce, realm: REALM };
    if (!isAuthorized(headers.get('authorization')?.[0], account, proof))
      return void reply('401 Unauthorized', { 'WWW-Authenticate': `Digest realm="${REALM}", nonce="${this.#nonce}"` });
    const viewer = [...this.#viewers].find(({ session }) => headers.get('session')?.[0]?.startsWith(session));
    if (method === 'DESCRIBE') {
      if (!request.uri.endsWith(PATH)) return void reply('404 Not Found');
      return void reply(
        '200 OK',
        { 'Content-Base': `${request.uri}/`, 'Content-Type': 'application/sdp' },
        this.#sdp(),
      );
    }
    if (method === 'SETUP') {
      this.#begin().then(
        () => this.#setUp(request, socket, reply),
        () => reply('503 Service Unavailable'),
      );
      return;
    }
    if (!viewer) return void reply('454 Session Not Found');
    const session = { Session: viewer.session };
    reply('200 OK', method === 'PLAY' ? { ...session, Range: 'npt=0.000-' } : session);
    if (method === 'PLAY') viewer.isPlaying = true;
    if (method === 'TEARDOWN') this.#leave(viewer);
  }

  /** The picture runs from the first who wants to see it. */
  async #begin(): Promise<void> {
    this.#clip ??= await this.#options.clip();
    this.#ticks ??= this.#options.clock.every(1000 / this.#clip.framesPerSecond, () => this.#tick());
  }

  #setUp(request: Request, socket: Socket, reply: (status: string, more?: Record<string, string>) => void): void {
    const asked = request.headers.get('transport')?.[0] ?? '';
    const session = this.#options.chance.token(8);
    const within = /RTP\/AVP\/TCP.*interleaved=(\d+)-\d+/.exec(asked);
    const ports = /client_port=(\d+)-(\d+)/.exec(asked);
    if (within) {
      const channel = Number(within[1]);
      this.#viewers.add({
        ...{ socket, session, isPlaying: false },
        send: (packet) => {
          if (socket.writableLength > BUFFERED_BYTES) return void socket.destroy();
          const head = Buffer.from([0x24, channel, packet.length >> 8, packet.length & 0xff]);
          socket.write(Buffer.concat([head, packet]));
        },
        close: () => {},
      });
      reply('200 OK', {
        Session: `${session};timeout=60`,
        Transport: `RTP/AVP/TCP;unicast;interleaved=${channel}-${channel + 1}`,
      });
    } else if (ports) {
      this.#sendByUdp(socket, session, Number(ports[1])).then(
        (own) =>
          reply('200 OK', {
            Session: `${session};timeout=60`,
            Transport: `RTP/AVP;unicast;client_port=${ports[1]}-${ports[2]};server_port=${own}-${own + 1}`,
          }),
        () => reply('500 Internal Server Error'),
      );
    } else reply('461 Unsupported Transport');
  }

  async #sendByUdp(socket: Socket, session: string, port: number): Promise<number> {
    const udp: UdpSocket = createSocket('udp4');
    udp.on('error', () => {});
    await new Promise<void>((resolve, reject) => {
      udp.once('error', reject);
      udp.bind(0, this.#options.host ?? '127.0.0.1', resolve);
    });
    const host = socket.remoteAddress ?? '127.0.0.1';
    this.#viewers.add({
      ...{ socket, session, isPlaying: false },
      send: (packet) => udp.send(packet, port, host),
      close: () => udp.close(),
    });
    return udp.address().port;
  }

  #leave(viewer: Viewer): void {
    if (this.#viewers.delete(viewer)) viewer.close();
  }

  #sdp(): string {
    const { host = '127.0.0.1' } = this.#options;
    return [
      ...['v=0', `o=- 1 1 IN IP4 ${host}`, 's=camera', `c=IN IP4 0.0.0.0`, 't=0 0', 'a=range:npt=now-'],
      ...[`m=video 0 RTP/AVP ${PAYLOAD_TYPE}`, `a=rtpmap:${PAYLOAD_TYPE} H264/${CLOCK_RATE}`],
      // Parameter sets come with each key frame.
      ...[`a=fmtp:${PAYLOAD_TYPE} packetization-mode=1`, 'a=control:trackID=1', ''],
    ].join('\r\n');
  }
}
