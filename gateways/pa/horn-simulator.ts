import { createSocket, type Socket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock, Timer } from '@tocsin/server/kernel/clock.ts';
import { decodeG711, readRtp, writeWav } from '@tocsin/server/media';
import { writeReceiverReport } from './receiver-report.ts';

const LIMITS = {
  /** A report after so many packets: one second, and then again. */
  packetsPerReport: 50,
  /** Packets that are kept for the WAV file: five minutes. */
  packetsKept: 15_000,
  /** It says that it lives by sending its last report again. */
  beatEveryMs: 5000,
} as const;

export interface HornOptions {
  /** Its name in reports. */
  id: string;
  group: string;
  port: number;
  multicastInterface?: string;
  chance: Chance;
  clock: Clock;
}

/** A multicast horn without a cone: joins its zone's group, counts what it hears, and reports by RTCP like a real one. */
export class HornSimulator implements AsyncDisposable {
  readonly id: string;
  packets = 0;
  /** When the first packet of the last announcement came, on the monotonic clock. */
  firstAtMs: number | undefined;
  /** A broken horn hears and says nothing. */
  isBroken = false;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #ownSsrc: number;
  #source: { ssrc: number; first: number; highest: number; wraps: number; received: number } | undefined;
  #heard: Uint8Array[] = [];
  #last: { report: Buffer; port: number; address: string } | undefined;
  readonly #beat: Timer;

  /** Use openHorn. */
  constructor(socket: Socket, options: HornOptions) {
    this.id = options.id;
    this.#socket = socket;
    this.#clock = options.clock;
    this.#ownSsrc = Math.floor(options.chance.fraction() * 2 ** 32);
    this.#beat = options.clock.every(LIMITS.beatEveryMs, () => {
      if (this.#last && !this.isBroken) socket.send(this.#last.report, this.#last.port, this.#last.address);
    });
    socket.on('message', (packet, from) => this.#receive(packet, from));
    socket.on('error', () => {});
  }

  /** What was heard last: 8 kHz samples. */
  get samples(): Int16Array {
    return decodeG711('pcma', Buffer.concat(this.#heard));
  }

  writeWav(file: string): void {
    writeFileSync(file, writeWav({ rateHz: 8000, channels: [this.samples] }));
  }

  snapshot() {
    return { id: this.id, packets: this.packets, isBroken: this.isBroken };
  }

  async [Symbol.asyncDispose]() {
    this.#beat.cancel();
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #receive(packet: Buffer, from: { address: string; port: number }) {
    const rtp = this.isBroken ? undefined : readRtp(packet);
    if (!rtp || rtp.payloadType !== 8) return;
    if (this.#source?.ssrc !== rtp.ssrc) {
      this.#source = { ssrc: rtp.ssrc, first: rtp.sequence, highest: rtp.sequence, wraps: 0, received: 0 };
      this.#heard = [];
      this.firstAtMs = this.#clock.monotonic();
    }
    const source = this.#source;
    const ahead = (rtp.sequence - source.highest) & 0xffff;
    if (ahead !== 0 && ahead < 0x8000) {
      if (rtp.sequence < source.highest) source.wraps += 1;
      source.highest = rtp.sequence;
    }
    source.received += 1;
    this.packets += 1;
    if (this.#heard.length < LIMITS.packetsKept) this.#heard.push(Uint8Array.from(rtp.payload));
    if (source.received % LIMITS.packetsPerReport !== 0) return;
    const extendedSequence = source.wraps * 65_536 + source.highest;
    const lost = extendedSequence - source.first + 1 - source.received;
    const report = writeReceiverReport({
      ownSsrc: this.#ownSsrc,
      cname: this.id,
      ssrc: source.ssrc,
      lost,
      extendedSequence,
    });
    this.#last = { report, port: from.port + 1, address: from.address };
    this.#socket.send(report, from.port + 1, from.address);
  }
}

export async function openHorn(options: HornOptions): Promise<HornSimulator> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  // Bound to the group where the system allows it: else every socket on this port hears all groups of the host.
  const bindTo = process.platform === 'win32' ? '0.0.0.0' : options.group;
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(options.port, bindTo, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  socket.addMembership(options.group, options.multicastInterface ?? '127.0.0.1');
  return new HornSimulator(socket, options);
}
