import { createSocket, type Socket } from 'node:dgram';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import { decodeG711, encodeG711, readRtp, writeRtp } from '@tocsin/server/media';
import { readAudioLine, writeAudio } from '../../kit/sdp.ts';
import { LongBuffer } from './long-buffer.ts';

/** Frames of 20 ms in one packet, at most; RFC 3551 §4.2 wants receivers to take 200 ms. */
const BUNDLE_AT_MOST_MS = 200;

/**
 * The far end of a call over a long link: G.711 in bundles of several frames a packet, because on such links the packet costs
 * more than its speech, and a long buffer for what comes back.
 */
export class BundledLeg implements AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly buffer: LongBuffer;
  packetsSent = 0;
  packetsReceived = 0;
  readonly #socket: Socket;
  readonly #ssrc: number;
  readonly #sessionId: number;
  #bundleMs: number;
  #sequence: number;
  #timestamp: number;
  #waiting: Int16Array[] = [];
  #remote: { host: string; port: number } | undefined;
  #law: 'pcma' | 'pcmu' = 'pcma';
  #payloadType = 8;
  #mustMark = true;
  #isClosed = false;

  constructor(socket: Socket, host: string, options: { bundleMs: number; delayMs: number; chance: Chance }) {
    const { chance } = options;
    this.#socket = socket;
    this.host = host;
    this.port = socket.address().port;
    this.buffer = new LongBuffer(options.delayMs);
    this.#bundleMs = bundle(options.bundleMs);
    this.#ssrc = Math.floor(chance.fraction() * 2 ** 32);
    this.#sessionId = Math.floor(chance.fraction() * 2 ** 31);
    this.#sequence = Math.floor(chance.fraction() * 65_536);
    this.#timestamp = Math.floor(chance.fraction() * 2 ** 32);
    socket.on('message', (packet) => this.#receive(packet));
    socket.on('error', () => {});
  }

  get bundleMs(): number {
    return this.#bundleMs;
  }

  offer(): string {
    return this.#describe([
      { name: 'pcma', payloadType: 8 },
      { name: 'pcmu', payloadType: 0 },
    ]);
  }

  /** The complaint in words when the far end's description has nothing that we can speak. */
  take(description: string): string | undefined {
    const line = readAudioLine(description);
    if (!line) return 'no audio line with G.711 over RTP/AVP';
    const codec = line.codecs[0]!;
    this.#law = codec.name;
    this.#payloadType = codec.payloadType;
    this.#remote = { host: line.host, port: line.port };
    // What the far end wants to be sent (RFC 8866 §6.4); it may ask for longer bundles than ours, not for shorter.
    const wanted = Number(/^a=ptime:(\d{1,3})/m.exec(description)?.[1] ?? 0);
    this.#bundleMs = bundle(Math.max(this.#bundleMs, wanted));
    return undefined;
  }

  answer(): string {
    return this.#describe([{ name: this.#law, payloadType: this.#payloadType }]);
  }

  /** Takes 20 ms of A-law; a packet leaves when the bundle is full. */
  send(alaw: Uint8Array): void {
    this.#waiting.push(decodeG711('pcma', alaw));
    if (this.#waiting.length * 20 < this.#bundleMs) return;
    const samples = new Int16Array(this.#waiting.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of this.#waiting.splice(0)) {
      samples.set(part, at);
      at += part.length;
    }
    const payload = encodeG711(this.#law, samples);
    const timestamp = this.#timestamp;
    this.#timestamp = (timestamp + payload.length) >>> 0;
    if (!this.#remote || this.#isClosed) return;
    const packet = writeRtp({
      payloadType: this.#payloadType,
      hasMarker: this.#mustMark,
      sequence: (this.#sequence = (this.#sequence + 1) & 0xffff),
      timestamp,
      ssrc: this.#ssrc,
      payload,
    });
    this.#mustMark = false;
    this.packetsSent += 1;
    this.#socket.send(packet, this.#remote.port, this.#remote.host);
  }

  async [Symbol.asyncDispose]() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #describe(codecs: { name: 'pcma' | 'pcmu'; payloadType: number }[]): string {
    const own = {
      host: this.host,
      port: this.port,
      sessionId: this.#sessionId,
      version: 1,
      direction: 'sendrecv',
    } as const;
    return writeAudio(own, { codecs })
      .replace(/^a=ptime:20$/m, `a=ptime:${this.#bundleMs}`)
      .replace(/^a=sendrecv$/m, `a=maxptime:${BUNDLE_AT_MOST_MS}\r\na=sendrecv`);
  }

  #receive(packet: Uint8Array): void {
    const rtp = readRtp(packet);
    const law = rtp?.payloadType === 8 ? 'pcma' : rtp?.payloadType === 0 ? 'pcmu' : undefined;
    if (!rtp || !law || rtp.payload.length === 0 || rtp.payload.length > (BUNDLE_AT_MOST_MS / 20) * 160) return;
    this.packetsReceived += 1;
    this.buffer.insert(rtp.timestamp, decodeG711(law, rtp.payload));
  }
}

function bundle(ms: number): number {
  return Math.max(20, Math.min(BUNDLE_AT_MOST_MS, Math.ceil(ms / 20) * 20));
}

/** Opens the RTP end of a call over a long link. @throws when no port is free. */
export async function openBundledLeg(options: {
  host: string;
  /** Speech in one packet. */
  bundleMs: number;
  /** From arrival to play of what comes back. */
  delayMs: number;
  chance: Chance;
}): Promise<BundledLeg> {
  const socket = createSocket(options.host.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, options.host, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  return new BundledLeg(socket, options.host, options);
}
