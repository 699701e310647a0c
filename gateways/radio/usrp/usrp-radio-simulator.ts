import { createSocket, type Socket } from 'node:dgram';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import { sleep } from '@tocsin/server/kernel/clock.ts';
import { decodeG711, sine, writeWav } from '@tocsin/server/media';
import { babble } from '../../kit/babble.ts';
import { everyFrame } from '../../kit/frame-clock.ts';
import { concat, HeardTransmission, type Speech } from '../heard-transmission.ts';
import {
  readUsrp,
  readUsrpSamples,
  USRP_SAMPLES,
  USRP_TYPE,
  writeTalker,
  writeUsrp,
  writeUsrpSamples,
} from './usrp.ts';

/** Transmissions of the system that are kept; the oldest are dropped. */
const TRANSMISSIONS_KEPT = 50;

/** A radio bridge with one radio behind it: a USRP peer that speaks on demand and records what it hears. */
export class UsrpRadioSimulator implements AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly heard: HeardTransmission[] = [];
  readonly #socket: Socket;
  readonly #clock: Clock;
  #gateway: { host: string; port: number } | undefined;
  #sequence = 0;
  #isSpeaking: Promise<void> = Promise.resolve();

  /** Use openUsrpRadioSimulator. */
  constructor(socket: Socket, host: string, clock: Clock) {
    this.host = host;
    this.port = socket.address().port;
    this.#socket = socket;
    this.#clock = clock;
    socket.on('message', (datagram, from) => this.#receive(datagram, from));
    socket.on('error', () => {});
  }

  /** Whether a gateway has shown itself (by its pings). */
  get isLinked() {
    return this.#gateway !== undefined;
  }

  /** The radio speaks; resolves when it has released its key. Speeches follow one another. */
  transmit(speech: Speech): Promise<void> {
    const turn = this.#isSpeaking.then(() => this.#speak(speech));
    this.#isSpeaking = turn.catch(() => {});
    return turn;
  }

  /** What was heard on air, as a WAV file's bytes. */
  wavOf(transmission: HeardTransmission): Uint8Array {
    return writeWav({ rateHz: 8000, channels: [transmission.samples] });
  }

  snapshot() {
    return { port: this.port, isLinked: this.isLinked, heard: this.heard.length };
  }

  async [Symbol.asyncDispose]() {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  /** The talkgroup that is spoken on and listened to; 0 = whichever. */
  talkgroup = 0;

  async #speak({ ms, hz, samples, talker, radioId = 1 }: Speech): Promise<void> {
    const sound =
      samples ??
      (hz
        ? sine({ hz, durationMs: ms })
        : concat(babble({ durationMs: ms }).map((frame) => decodeG711('pcma', frame))));
    if (talker) this.#send({ isKeyed: true, type: USRP_TYPE.text, body: writeTalker(radioId, talker) });
    const frames = Math.max(1, Math.min(Math.ceil(ms / 20), Math.ceil(sound.length / USRP_SAMPLES)));
    const done = Promise.withResolvers<void>();
    let index = 0;
    const timer = everyFrame(this.#clock, () => {
      if (index === frames) return done.resolve();
      const frame = new Int16Array(USRP_SAMPLES);
      frame.set(sound.subarray(index * USRP_SAMPLES, ++index * USRP_SAMPLES));
      this.#send({ isKeyed: true, body: writeUsrpSamples(frame) });
    });
    await done.promise;
    timer.cancel();
    this.#send({ isKeyed: false });
    await sleep(this.#clock, 20);
  }

  #send(packet: { isKeyed: boolean; type?: number; body?: Uint8Array }) {
    if (this.#gateway)
      this.#socket.send(
        writeUsrp({ sequence: this.#sequence++, talkgroup: this.talkgroup, ...packet }),
        this.#gateway.port,
        this.#gateway.host,
      );
  }

  #receive(datagram: Buffer, from: { address: string; port: number }) {
    const packet = readUsrp(datagram);
    if (!packet) return;
    this.#gateway = { host: from.address, port: from.port };
    if (packet.type === USRP_TYPE.ping) return this.#send({ isKeyed: false, type: USRP_TYPE.ping });
    if (packet.type !== USRP_TYPE.voice) return;
    const current = this.heard.at(-1);
    if (!packet.isKeyed) {
      if (current && current.endedAtMs === undefined) current.endedAtMs = this.#clock.monotonic();
      return;
    }
    const isNew = !current || current.endedAtMs !== undefined;
    const transmission = isNew ? new HeardTransmission(this.#clock.monotonic()) : current;
    transmission.talkgroup = packet.talkgroup;
    transmission.add(readUsrpSamples(packet.body) ?? new Int16Array(0));
    if (isNew) this.heard.push(transmission);
    if (this.heard.length > TRANSMISSIONS_KEPT) this.heard.shift();
  }
}

/** Opens the simulated bridge. `port` 0 = chosen freely. */
export async function openUsrpRadioSimulator(options: {
  host?: string;
  port?: number;
  clock: Clock;
}): Promise<UsrpRadioSimulator> {
  const { host = '127.0.0.1', port = 0, clock } = options;
  const socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, host, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  return new UsrpRadioSimulator(socket, host, clock);
}
