import { createSocket, type Socket } from 'node:dgram';
import type { Clock, Timer } from '@tocsin/server/kernel/clock.ts';
import { Emitter } from '@tocsin/server/kernel/emitter.ts';
import type { AirLink, AirLinkEvents } from '../air-link.ts';
import { lostBetween } from '../link-meter.ts';
import { readTalker, readUsrp, readUsrpSamples, USRP_TYPE, writeUsrp, writeUsrpSamples } from './usrp.ts';

export const LINK_LIMITS = {
  /** A ping goes to the bridge this often: it keeps paths open and finds out whether anyone is there. */
  pingEveryMs: 2000,
  /** A carrier whose packets stop without a word is taken as gone after this time. */
  carrierLostAfterMs: 400,
} as const;

/** The air side: one USRP peer over UDP. */
export class UsrpLink implements AirLink {
  readonly events = new Emitter<AirLinkEvents>();
  readonly port: number;
  heardAtMs = -Infinity;
  malformed = 0;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #ping: Timer;
  #carrier: Timer | undefined;
  /** Of the last packet of the transmission that is heard. */
  #lastSequence: number | undefined;
  #isOpen = false;
  #sequence = 0;
  #isClosed = false;
  #talkgroup: number;

  /** Use openUsrpLink. */
  constructor(socket: Socket, clock: Clock, talkgroup = 0) {
    this.#talkgroup = talkgroup;
    this.#socket = socket;
    this.#clock = clock;
    this.port = socket.address().port;
    socket.on('message', (datagram) => this.#receive(datagram));
    // A connected UDP socket hears of a port that nobody listens on (ICMP).
    socket.on('error', () => this.events.emit('reachable', false));
    this.#ping = clock.every(LINK_LIMITS.pingEveryMs, () => this.ping());
    this.ping();
  }

  ping(): void {
    this.#send(this.#packet({ isKeyed: false, type: USRP_TYPE.ping }));
  }

  /** 20 ms of speech, on air. */
  sendVoice(samples: Int16Array): void {
    this.#send(this.#packet({ isKeyed: true, body: writeUsrpSamples(samples) }));
  }

  /** 0 = whichever the bridge is on: everything is heard. */
  selectTalkgroup(talkgroup: number): void {
    this.#talkgroup = talkgroup;
    this.#setOpen(false);
  }

  /** Off the air; said thrice, because nothing follows that would mend its loss. */
  sendEnd(): void {
    for (let time = 0; time < 3; time++) this.#send(this.#packet({ isKeyed: false }));
  }

  async [Symbol.asyncDispose]() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#ping.cancel();
    this.#carrier?.cancel();
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #packet(packet: { isKeyed: boolean; type?: number; body?: Uint8Array }): Buffer {
    return writeUsrp({ sequence: this.#sequence++, talkgroup: this.#talkgroup, ...packet });
  }

  #send(datagram: Buffer) {
    if (!this.#isClosed) this.#socket.send(datagram, (error) => error && this.events.emit('reachable', false));
  }

  #receive(datagram: Buffer) {
    const packet = readUsrp(datagram);
    if (!packet) {
      this.malformed += 1;
      return;
    }
    this.heardAtMs = this.#clock.monotonic();
    this.events.emit('reachable', true);
    const lost = lostBetween(this.#lastSequence, packet.sequence, 32);
    // Between two transmissions everything may have been sent to others.
    this.#lastSequence = packet.isKeyed ? packet.sequence : undefined;
    if (packet.type === USRP_TYPE.text) {
      const talker = readTalker(packet.body);
      if (talker) this.events.emit('talker', talker);
      return;
    }
    if (packet.type !== USRP_TYPE.voice) return;
    // Bridges that do not know their talkgroup say 0.
    if (this.#talkgroup !== 0 && packet.talkgroup !== 0 && packet.talkgroup !== this.#talkgroup) return;
    this.#setOpen(packet.isKeyed);
    const samples = packet.isKeyed ? readUsrpSamples(packet.body) : undefined;
    if (!samples) return;
    this.events.emit('arrived', lost);
    this.events.emit('voice', samples);
  }

  #setOpen(isOpen: boolean) {
    this.#carrier?.cancel();
    this.#carrier = isOpen ? this.#clock.after(LINK_LIMITS.carrierLostAfterMs, () => this.#setOpen(false)) : undefined;
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    this.events.emit('squelch', isOpen);
  }
}

/** Opens the link. `listenPort` 0 = chosen freely. @throws when the port is taken. */
export async function openUsrpLink(options: {
  host: string;
  listenPort: number;
  remoteHost: string;
  remotePort: number;
  talkgroup?: number | undefined;
  clock: Clock;
}): Promise<UsrpLink> {
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
  return new UsrpLink(socket, options.clock, options.talkgroup);
}
