import { createSocket, type Socket } from 'node:dgram';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import { decodeG711, encodeG711, readRtp, sine, writeRtp } from '@tocsin/server/media';
import { everyFrame } from '../../kit/frame-clock.ts';
import { HeardTransmission, type Speech } from '../heard-transmission.ts';

/** A transmission is over when no packet came for so long: the radio's own VOX. */
const ENDS_AFTER_MS = 300;
const FRAME = 160;

/**
 * A short-wave transceiver, or a satellite terminal, behind an RTP box: it hisses all the time, and somebody speaks in the
 * hiss on demand. What it sends and hears is on its way for `delayMs`.
 */
export class RtpRadioSimulator implements AsyncDisposable {
  readonly heard: HeardTransmission[] = [];
  readonly port: number;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #frames: { cancel(): void };
  readonly #noise: number;
  readonly #delayMs: number;
  #gateway: { host: string; port: number } | undefined;
  #sound: Int16Array = new Int16Array(0);
  #at = 0;
  #spoken: (() => void) | undefined;
  #sequence = 0;
  #heardAtMs = -Infinity;
  #seed = 1;
  #isClosed = false;

  constructor(socket: Socket, clock: Clock, { noise, delayMs }: { noise: number; delayMs: number }) {
    this.#socket = socket;
    this.#clock = clock;
    this.#noise = noise;
    this.#delayMs = delayMs;
    this.port = socket.address().port;
    socket.on('message', (datagram) => this.#late(() => this.#receive(datagram)));
    socket.on('error', () => {});
    this.#frames = everyFrame(clock, () => this.#frame());
  }

  /** Where its receiver's sound goes from now on. */
  connect(host: string, port: number): void {
    this.#gateway = { host, port };
  }

  get isLinked(): boolean {
    return this.#gateway !== undefined;
  }

  /** The field speaks, in the hiss; resolves when it has ended. */
  transmit({ ms, hz = 1000, samples }: Speech): Promise<void> {
    this.#sound = samples ?? sine({ hz, durationMs: ms });
    this.#at = 0;
    return new Promise((resolve) => (this.#spoken = resolve));
  }

  snapshot() {
    return { port: this.port, isLinked: this.isLinked, heard: this.heard.length };
  }

  async [Symbol.asyncDispose]() {
    this.#frames.cancel();
    this.#isClosed = true;
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #frame(): void {
    const last = this.heard.at(-1);
    if (last && last.endedAtMs === undefined && this.#clock.monotonic() - this.#heardAtMs > ENDS_AFTER_MS)
      last.endedAtMs = this.#heardAtMs;
    const frame = new Int16Array(FRAME);
    for (let i = 0; i < FRAME; i++) {
      this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
      const hiss = (this.#seed / 2 ** 31 - 1) * this.#noise;
      frame[i] = Math.max(-32_768, Math.min(32_767, Math.round((this.#sound[this.#at + i] ?? 0) + hiss)));
    }
    if (this.#at < this.#sound.length) this.#at += FRAME;
    else {
      this.#spoken?.();
      this.#spoken = undefined;
    }
    if (!this.#gateway) return;
    const sequence = (this.#sequence = (this.#sequence + 1) & 0xffff);
    const packet = writeRtp({
      payloadType: 8,
      sequence,
      timestamp: sequence * FRAME,
      ssrc: 77,
      payload: encodeG711('pcma', frame),
    });
    const { host, port } = this.#gateway;
    this.#late(() => this.#socket.send(packet, port, host));
  }

  #late(go: () => void): void {
    if (this.#delayMs === 0) return go();
    this.#clock.after(this.#delayMs, () => this.#isClosed || go());
  }

  #receive(datagram: Buffer): void {
    const rtp = readRtp(datagram);
    if (!rtp || rtp.payload.length === 0) return;
    this.#heardAtMs = this.#clock.monotonic();
    const current = this.heard.at(-1);
    const isNew = !current || current.endedAtMs !== undefined;
    const transmission = isNew ? new HeardTransmission(this.#heardAtMs) : current;
    transmission.add(decodeG711('pcma', rtp.payload));
    if (isNew) this.heard.push(transmission);
  }
}

/** Opens the simulated transceiver; `noise` is the peak of its hiss. */
export async function openRtpRadioSimulator(options: {
  host?: string;
  port?: number;
  noise?: number;
  delayMs?: number;
  clock: Clock;
}): Promise<RtpRadioSimulator> {
  const { host = '127.0.0.1', port = 0, noise = 300, delayMs = 0, clock } = options;
  const socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, host, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  return new RtpRadioSimulator(socket, clock, { noise, delayMs });
}
