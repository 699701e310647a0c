import { createSocket, type Socket } from 'node:dgram';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock, Timer } from '@tocsin/server/kernel/clock.ts';
import { Emitter } from '@tocsin/server/kernel/emitter.ts';
import { decodeG711, encodeG711, readRtp, writeRtp } from '@tocsin/server/media';
import { extensionOf, PTT, readEd137, withEd137, type Ed137Signals } from './extension.ts';
import type { RadioSession } from './session-description.ts';

type R2sEvents = {
  /** Each packet's signals, and its speech when it has some. */
  packet: [signals: Ed137Signals, samples: Int16Array | undefined];
  /** Nothing came for period × multiplier. */
  lost: [];
};

/** The far end's side of a session, as its description says it. */
type Peer = Pick<RadioSession, 'host' | 'port' | 'r2sPayloadType' | 'keepAlivePeriodMs' | 'keepAliveMultiplier'>;

/**
 * The real-time session of one radio session (ED-137B volume 1, "R2S"): RTP packets with the signals in their header
 * extension; while no speech is sent, packets without payload keep the session alive, and when none comes the link is lost.
 * Both ends of it are the same, so that gateway and simulator share it.
 */
export class R2sSession implements AsyncDisposable {
  readonly events = new Emitter<R2sEvents>();
  readonly port: number;
  malformed = 0;
  /** Sent in every packet. */
  signals: Ed137Signals = { ptt: PTT.off, isSquelchOpen: false, pttId: 0 };
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #ssrc: number;
  #sequence: number;
  #timestamp: number;
  #peer: Peer | undefined;
  #keepAlive: Timer | undefined;
  #watch: Timer | undefined;
  #sentAtMs = -Infinity;
  #heardAtMs = -Infinity;
  #wasSpeech = false;
  #isClosed = false;

  constructor(socket: Socket, clock: Clock, chance: Chance) {
    this.#socket = socket;
    this.#clock = clock;
    this.port = socket.address().port;
    this.#ssrc = Math.floor(chance.fraction() * 2 ** 32);
    this.#sequence = Math.floor(chance.fraction() * 65_536);
    this.#timestamp = Math.floor(chance.fraction() * 2 ** 32);
    socket.on('message', (datagram) => this.#receive(datagram));
    socket.on('error', () => {});
  }

  /** Begins to speak to the far end, and to expect it. */
  begin(peer: Peer): void {
    this.stop();
    this.#peer = peer;
    const { keepAlivePeriodMs, keepAliveMultiplier } = peer;
    this.#heardAtMs = this.#clock.monotonic();
    this.#keepAlive = this.#clock.every(keepAlivePeriodMs, () => {
      if (this.#clock.monotonic() - this.#sentAtMs >= keepAlivePeriodMs - 20) this.sendKeepAlive();
    });
    this.sendKeepAlive();
    this.#watch = this.#clock.every(keepAlivePeriodMs, () => {
      if (this.#clock.monotonic() - this.#heardAtMs < keepAlivePeriodMs * keepAliveMultiplier) return;
      this.stop();
      this.events.emit('lost');
    });
  }

  /** Neither speaks nor expects any more. */
  stop(): void {
    this.#keepAlive?.cancel();
    this.#watch?.cancel();
    this.#peer = undefined;
  }

  sendVoice(samples: Int16Array): void {
    const payload = encodeG711('pcma', samples);
    this.#timestamp = (this.#timestamp + payload.length) >>> 0;
    this.#send(8, payload, !this.#wasSpeech);
    this.#wasSpeech = true;
  }

  /** A packet without payload: the signals, and that we live. */
  sendKeepAlive(): void {
    this.#wasSpeech = false;
    this.#send(this.#peer?.r2sPayloadType ?? 0, new Uint8Array(0), false);
  }

  async [Symbol.asyncDispose]() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.stop();
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #send(payloadType: number, payload: Uint8Array, hasMarker: boolean): void {
    if (!this.#peer || this.#isClosed) return;
    this.#sentAtMs = this.#clock.monotonic();
    const sequence = (this.#sequence = (this.#sequence + 1) & 0xffff);
    const packet = writeRtp({
      payloadType,
      hasMarker,
      sequence,
      timestamp: this.#timestamp,
      ssrc: this.#ssrc,
      payload,
    });
    this.#socket.send(withEd137(packet, this.signals), this.#peer.port, this.#peer.host);
  }

  #receive(datagram: Uint8Array): void {
    if (!this.#peer) return;
    const rtp = readRtp(datagram);
    const extension = extensionOf(datagram);
    const signals = extension && readEd137(extension.signature, extension.words);
    if (!rtp || !signals || rtp.payload.length > 1600) {
      this.malformed += 1;
      return;
    }
    this.#heardAtMs = this.#clock.monotonic();
    const isSpeech = rtp.payloadType === 8 && rtp.payload.length > 0;
    this.events.emit('packet', signals, isSpeech ? decodeG711('pcma', rtp.payload) : undefined);
  }
}

/** Opens the RTP end of a radio session. `port` 0 = chosen freely. @throws when the port is taken. */
export async function openR2sSession(options: {
  host: string;
  port?: number;
  clock: Clock;
  chance: Chance;
}): Promise<R2sSession> {
  const socket = createSocket(options.host.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(options.port ?? 0, options.host, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  return new R2sSession(socket, options.clock, options.chance);
}
