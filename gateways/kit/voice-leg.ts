import { createSocket, type Socket } from 'node:dgram';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import { Emitter } from '@tocsin/server/kernel/emitter.ts';
import { decodeG711, encodeG711, readRtp, writeRtp } from '@tocsin/server/media';
import { answerDirection, readAudioLine, writeAudio, type AudioLine, type Direction } from './sdp.ts';

/** Samples of 20 ms at 8 kHz, and so also the octets of a G.711 frame. */
export const FRAME = 160;

/** One 20 ms frame of A-law silence. */
export const SILENT_FRAME: Uint8Array = new Uint8Array(FRAME).fill(0xd5);

type VoiceLegEvents = {
  /** A packet of speech came: A-law, as many octets as samples. `isFirst` marks the start of a talk spurt. */
  audio: [alaw: Uint8Array];
  /** A key was pressed at the far end (RFC 4733), once per press. */
  digit: [digit: string];
};

/**
 * The RTP end of one call at a gateway: a UDP socket, offer and answer, packets in and out as they come. No mixing, no
 * jitter buffer, no clock of its own: what a gateway relays it relays on arrival.
 */
export class VoiceLeg implements AsyncDisposable {
  readonly events = new Emitter<VoiceLegEvents>();
  readonly host: string;
  readonly port: number;
  packetsReceived = 0;
  packetsSent = 0;
  readonly #socket: Socket;
  readonly #chance: Chance;
  readonly #direction: Direction;
  readonly #sessionId: number;
  readonly #ssrc: number;
  #version = 1;
  #sequence: number;
  #timestamp: number;
  #mustMark = true;
  #remote: { host: string; port: number } | undefined;
  #law: 'pcma' | 'pcmu' = 'pcma';
  #payloadType = 8;
  #eventType: number | undefined;
  #lastEventAt = -1;
  #maySend = false;
  #isClosed = false;

  /** Use openVoiceLeg. */
  constructor(socket: Socket, host: string, options: { chance: Chance; direction: Direction }) {
    this.host = host;
    this.port = socket.address().port;
    this.#socket = socket;
    this.#chance = options.chance;
    this.#direction = options.direction;
    this.#sessionId = Math.floor(this.#chance.fraction() * 2 ** 31);
    this.#ssrc = Math.floor(this.#chance.fraction() * 2 ** 32);
    this.#sequence = Math.floor(this.#chance.fraction() * 65_536);
    this.#timestamp = Math.floor(this.#chance.fraction() * 2 ** 32);
    socket.on('message', (packet) => this.#receive(packet));
    socket.on('error', () => {});
  }

  /** Answers an offer (also a later one of the same call). */
  answer(offer: string): { kind: 'agreed'; answer: string } | { kind: 'refused'; why: string } {
    const line = readAudioLine(offer);
    if (!line) return { kind: 'refused', why: 'no audio line with G.711 over RTP/AVP' };
    const direction = answerDirection(line.direction, this.#direction);
    this.#agree(line, direction);
    const codec = { name: this.#law, payloadType: this.#payloadType };
    const own = { host: this.host, port: this.port, sessionId: this.#sessionId, version: this.#version++, direction };
    return { kind: 'agreed', answer: writeAudio(own, { ...line, codecs: [codec] }, line) };
  }

  /** An offer of our own; `takeAnswer` follows. */
  offer(): string {
    const own = {
      host: this.host,
      port: this.port,
      sessionId: this.#sessionId,
      version: this.#version++,
      direction: this.#direction,
    };
    const codecs = [{ name: 'pcma', payloadType: 8 } as const, { name: 'pcmu', payloadType: 0 } as const];
    return writeAudio(own, { codecs, telephoneEventPayloadType: 101 });
  }

  /** @returns false when the answer has no audio that we can speak. */
  takeAnswer(answer: string): boolean {
    const line = readAudioLine(answer);
    if (line) this.#agree(line, answerDirection(line.direction, this.#direction));
    return line !== undefined;
  }

  /** Sends a frame of A-law; silently dropped while the far end does not want to hear. */
  send(alaw: Uint8Array): void {
    const payload = this.#law === 'pcma' ? alaw : encodeG711('pcmu', decodeG711('pcma', alaw));
    this.#timestamp = (this.#timestamp + payload.length) >>> 0;
    if (!this.#maySend) {
      this.#mustMark = true;
      return;
    }
    this.#transmit(payload, this.#payloadType, this.#mustMark, this.#timestamp);
    this.#mustMark = false;
  }

  /** Presses a key: RFC 4733, `frames` × 20 ms, the end thrice. @returns false when the far end takes no keys. */
  sendDigit(digit: string, frames = 5): boolean {
    const event = '0123456789*#ABCD'.indexOf(digit);
    if (event < 0 || this.#eventType === undefined) return false;
    const start = this.#timestamp;
    for (let frame = 1; frame <= frames + 2; frame++) {
      const duration = Math.min(frame, frames) * FRAME;
      const payload = Buffer.from([event, (frame >= frames ? 0x80 : 0) | 10, duration >> 8, duration & 0xff]);
      this.#transmit(payload, this.#eventType, frame === 1, start);
    }
    this.#timestamp = (this.#timestamp + frames * FRAME) >>> 0;
    return true;
  }

  async [Symbol.asyncDispose]() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #agree(line: AudioLine, direction: Direction) {
    const codec = line.codecs.find(({ name }) => name === 'pcma') ?? line.codecs[0]!;
    this.#law = codec.name;
    this.#payloadType = codec.payloadType;
    this.#eventType = line.telephoneEventPayloadType;
    this.#remote = { host: line.host, port: line.port };
    this.#maySend = direction === 'sendrecv' || direction === 'sendonly';
  }

  #transmit(payload: Uint8Array, payloadType: number, hasMarker: boolean, timestamp: number) {
    if (!this.#remote || this.#isClosed) return;
    const sequence = (this.#sequence = (this.#sequence + 1) & 0xffff);
    const packet = writeRtp({ payloadType, hasMarker, sequence, timestamp, ssrc: this.#ssrc, payload });
    this.packetsSent += 1;
    this.#socket.send(packet, this.#remote.port, this.#remote.host);
  }

  #receive(packet: Uint8Array) {
    const rtp = readRtp(packet);
    if (!rtp) return;
    if (rtp.payloadType === this.#eventType) return this.#receiveEvent(rtp.payload, rtp.timestamp);
    if (rtp.payloadType !== this.#payloadType || rtp.payload.length === 0 || rtp.payload.length > 1600) return;
    this.packetsReceived += 1;
    const alaw = this.#law === 'pcma' ? rtp.payload : encodeG711('pcma', decodeG711('pcmu', rtp.payload));
    this.events.emit('audio', alaw);
  }

  #receiveEvent(payload: Uint8Array, timestamp: number) {
    const digit = '0123456789*#ABCD'[payload[0] ?? 99];
    if (!digit || timestamp === this.#lastEventAt) return;
    this.#lastEventAt = timestamp;
    this.events.emit('digit', digit);
  }
}

/** Opens the RTP end of a call. `direction`: what we at most want to do. @throws when no port is free. */
export async function openVoiceLeg(options: {
  host: string;
  chance: Chance;
  direction?: Direction;
}): Promise<VoiceLeg> {
  const socket = createSocket(options.host.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, options.host, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  return new VoiceLeg(socket, options.host, { chance: options.chance, direction: options.direction ?? 'sendrecv' });
}
