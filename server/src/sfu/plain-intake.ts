import type { PlainTransport, Producer, Router } from 'mediasoup/types';
import type { Chance } from '#kernel/chance.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';

/** Named times of an intake. */
export const INTAKE_LIMITS = {
  /** How often it is looked whether packets have come. */
  lookEveryMs: 500,
  /** Without a packet for so long it is silent. */
  silentAfterMs: 1500,
  /** Packets without a picture that a viewer could begin with, before that is said. */
  keyFrameWithinMs: 10_000,
} as const;

/** H.264 as every feed's router has it; what profile a camera truly sends, its parameter sets say. */
const PAYLOAD_TYPE = 102;
const CODEC = {
  mimeType: 'video/H264',
  clockRate: 90_000,
  payloadType: PAYLOAD_TYPE,
  parameters: { 'packetization-mode': 1, 'profile-level-id': '42e01f', 'level-asymmetry-allowed': 1 },
};
const SRTP_SUITE = 'AES_CM_128_HMAC_SHA1_80';

/**
 * `waiting`: nothing has come yet. `flowing`: pictures come. `blind`: packets come, but no key frame among them. `silent`: they
 * have stopped.
 */
export type IntakeState = 'waiting' | 'flowing' | 'blind' | 'silent';

/** What a sender needs to know to reach the intake. */
export interface IntakeAddress {
  host: string;
  port: number;
  ssrc: number;
  payloadType: number;
  /** Key and salt of SRTP (RFC 3711), 30 octets in base 64. */
  srtpKey: string;
}

/**
 * A picture that comes as SRTP from a sender of ours, on a port of its own. Where it comes from need not be known: the first
 * packet that the key opens decides, and nobody else has the key.
 */
export class PlainIntake implements Listenable<{ state: [IntakeState] }> {
  readonly address: IntakeAddress;
  readonly producer: Producer;
  readonly #transport: PlainTransport;
  readonly #clock: Clock;
  readonly #events = new Emitter<{ state: [IntakeState] }>();
  readonly #look: Timer;
  #state: IntakeState = 'waiting';
  #packets = 0;
  #packetAtMs = -Infinity;
  #blindSinceMs: number | undefined;
  on = this.#events.on.bind(this.#events);
  once = this.#events.once.bind(this.#events);

  private constructor(transport: PlainTransport, producer: Producer, address: IntakeAddress, clock: Clock) {
    this.#transport = transport;
    this.producer = producer;
    this.address = address;
    this.#clock = clock;
    producer.on('trace', () => this.#sawKeyFrame());
    this.#look = clock.every(INTAKE_LIMITS.lookEveryMs, () => void this.#count());
    transport.observer.once('close', () => this.#look.cancel());
  }

  static async open(
    router: Router,
    { listenHost, reachedAt, clock, chance }: { listenHost: string; reachedAt: string; clock: Clock; chance: Chance },
  ): Promise<PlainIntake> {
    const transport = await router.createPlainTransport({
      listenInfo: { protocol: 'udp', ip: listenHost },
      rtcpMux: true,
      comedia: true,
      enableSrtp: true,
      srtpCryptoSuite: SRTP_SUITE,
    });
    try {
      const srtpKey = Buffer.from(chance.bytes(30)).toString('base64');
      await transport.connect({ srtpParameters: { cryptoSuite: SRTP_SUITE, keyBase64: srtpKey } });
      // ffmpeg takes a number below 2^31.
      const ssrc = (Buffer.from(chance.bytes(4)).readUInt32BE() % 0x7ffffffe) + 1;
      const producer = await transport.produce({
        kind: 'video',
        rtpParameters: { codecs: [CODEC], headerExtensions: [], encodings: [{ ssrc }], rtcp: { cname: 'camera' } },
      });
      await producer.enableTraceEvent(['keyframe']);
      const { localPort: port } = transport.tuple;
      return new PlainIntake(
        transport,
        producer,
        { host: reachedAt, port, ssrc, payloadType: PAYLOAD_TYPE, srtpKey },
        clock,
      );
    } catch (error) {
      transport.close();
      throw error;
    }
  }

  get state(): IntakeState {
    return this.#state;
  }

  close(): void {
    this.#look.cancel();
    this.#transport.close();
  }

  #sawKeyFrame(): void {
    this.#packetAtMs = this.#clock.monotonic();
    this.#blindSinceMs = undefined;
    this.#enter('flowing');
  }

  async #count(): Promise<void> {
    const stats = await this.producer.getStats().catch(() => undefined);
    if (!stats || this.#transport.closed) return;
    const packets = stats.reduce((sum, { packetCount }) => sum + packetCount, 0);
    const now = this.#clock.monotonic();
    if (packets > this.#packets) {
      this.#packets = packets;
      this.#packetAtMs = now;
      if (this.#state !== 'flowing') this.#blindSinceMs ??= now;
      if (now - (this.#blindSinceMs ?? now) > INTAKE_LIMITS.keyFrameWithinMs) this.#enter('blind');
    } else if (this.#packets > 0 && now - this.#packetAtMs > INTAKE_LIMITS.silentAfterMs) {
      this.#blindSinceMs = undefined;
      this.#enter('silent');
    }
  }

  #enter(state: IntakeState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#events.emit('state', state);
  }
}
