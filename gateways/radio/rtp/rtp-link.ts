import { createSocket, type Socket } from 'node:dgram';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock, Timer } from '@tocsin/server/kernel/clock.ts';
import { Emitter } from '@tocsin/server/kernel/emitter.ts';
import { decodeG711, encodeG711, readRtp, writeRtp } from '@tocsin/server/media';
import type { AirLink, AirLinkEvents } from '../air-link.ts';
import { lostBetween } from '../link-meter.ts';
import { VoiceGate } from './voice-gate.ts';

/** A carrier whose packets stop is taken as gone after this time. */
const CARRIER_LOST_AFTER_MS = 400;

export interface RtpLinkOptions {
  host: string;
  listenPort: number;
  remoteHost: string;
  remotePort: number;
  clock: Clock;
  chance: Chance;
}

/**
 * The air side of gear that knows nothing but RTP: G.711 both ways with fixed addresses, keyed by our speech (its own
 * VOX), heard by ours. It tells no talker, and not that it is gone.
 */
export class RtpLink implements AirLink {
  readonly events = new Emitter<AirLinkEvents>();
  readonly port: number;
  malformed = 0;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #gate = new VoiceGate();
  readonly #ssrc: number;
  #sequence: number;
  #timestamp: number;
  #isKeyed = false;
  #isOpen = false;
  #carrier: Timer | undefined;
  #lastSequence: number | undefined;
  #isClosed = false;

  constructor(socket: Socket, { clock, chance }: Pick<RtpLinkOptions, 'clock' | 'chance'>) {
    this.#socket = socket;
    this.#clock = clock;
    this.port = socket.address().port;
    this.#ssrc = Math.floor(chance.fraction() * 2 ** 32);
    this.#sequence = Math.floor(chance.fraction() * 65_536);
    this.#timestamp = Math.floor(chance.fraction() * 2 ** 32);
    socket.on('message', (datagram) => this.#receive(datagram));
    // A connected UDP socket hears of a port that nobody listens on (ICMP).
    socket.on('error', () => this.events.emit('reachable', false, 'nobody listens there'));
  }

  sendVoice(samples: Int16Array): void {
    const payload = encodeG711('pcma', samples);
    this.#timestamp = (this.#timestamp + payload.length) >>> 0;
    const sequence = (this.#sequence = (this.#sequence + 1) & 0xffff);
    const hasMarker = !this.#isKeyed;
    this.#isKeyed = true;
    const packet = writeRtp({
      payloadType: 8,
      hasMarker,
      sequence,
      timestamp: this.#timestamp,
      ssrc: this.#ssrc,
      payload,
    });
    if (!this.#isClosed) this.#socket.send(packet, (error) => error && this.events.emit('reachable', false));
  }

  sendEnd(): void {
    this.#isKeyed = false;
  }

  async [Symbol.asyncDispose]() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#carrier?.cancel();
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #receive(datagram: Uint8Array): void {
    const rtp = readRtp(datagram);
    const law = rtp?.payloadType === 8 ? 'pcma' : rtp?.payloadType === 0 ? 'pcmu' : undefined;
    if (!rtp || !law || rtp.payload.length === 0 || rtp.payload.length > 1600) {
      this.malformed += 1;
      return;
    }
    this.events.emit('reachable', true);
    this.events.emit('arrived', lostBetween(this.#lastSequence, rtp.sequence, 16));
    this.#lastSequence = rtp.sequence;
    const samples = decodeG711(law, rtp.payload);
    for (let at = 0; at < samples.length; at += 160) {
      const due = this.#gate.step(samples.subarray(at, at + 160));
      this.#setOpen(this.#gate.isOpen);
      if (due) this.events.emit('voice', due);
    }
  }

  #setOpen(isOpen: boolean): void {
    this.#carrier?.cancel();
    this.#carrier = isOpen ? this.#clock.after(CARRIER_LOST_AFTER_MS, () => this.#setOpen(false)) : undefined;
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    this.events.emit('squelch', isOpen);
  }
}

/** Opens the link. `listenPort` 0 = chosen freely. @throws when the port is taken. */
export async function openRtpLink(options: RtpLinkOptions): Promise<RtpLink> {
  const socket = createSocket(options.remoteHost.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(options.listenPort, options.host, () =>
      socket.connect(options.remotePort, options.remoteHost, () => {
        socket.off('error', reject);
        resolve();
      }),
    );
  });
  return new RtpLink(socket, options);
}
