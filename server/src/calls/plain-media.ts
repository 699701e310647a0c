import type { Chance } from '#kernel/chance.ts';
import { Emitter } from '#kernel/emitter.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { RtpPort } from '#media/rtp-port.ts';
import type { PlainCodec } from '#sdp/codec.ts';
import type { Direction } from '#sdp/direction.ts';
import { SRTP_SUITES, type OurSrtp, type SrtpMode, type SrtpSuite } from '#sdp/crypto.ts';
import { type AgreedAudio, answerOffer, type OurAudio, readAnswer, writeOffer } from '#sdp/plain.ts';
import type { LegMedia, MediaAgreement, MediaAnswer } from './leg-media.ts';

/** A leg without a sign of RTP or RTCP for this long is dead: its peer crashed, or the network is gone. */
const MEDIA_LOST_AFTER_MS = 20_000;

/**
 * What every telephone is offered, and may offer. G.722 before Opus: of two that carry the same 7 kHz, the one that costs
 * a tenth of the work; a phone that puts Opus first in its own offer gets Opus.
 */
const CODECS: readonly PlainCodec[] = ['g722', 'opus', 'pcma', 'pcmu'];

/** Plain RTP: telephones, trunks, horns and gateways. */
export class PlainMedia extends Emitter<{ lost: []; back: []; closed: [] }> implements LegMedia {
  readonly port: RtpPort;
  readonly #sessionId: string;
  readonly #host: string;
  #codecs = CODECS;
  #srtp?: OurSrtp;
  #version = 0;
  #ours?: string;
  #early?: AgreedAudio;
  codec: PlainCodec | undefined;

  /**
   * Takes a media port. `host` is the address that the peer is told.
   * @throws DispatchError MEDIA_PORTS_EXHAUSTED
   */
  static async open(
    engine: MediaEngine,
    host: string,
    label: string,
    chance: Chance,
    { like, srtp = 'off' }: { like?: readonly PlainCodec[]; srtp?: SrtpMode } = {},
  ): Promise<PlainMedia> {
    const media = new PlainMedia(await engine.openRtp({ label }), host, chance);
    // What the other party speaks comes first: the more often the two agree, the less is transcoded.
    if (like) media.#codecs = [...CODECS].sort((a, b) => rankOf(a, like) - rankOf(b, like));
    const keys = Object.fromEntries(SRTP_SUITES.map((suite) => [suite, chance.bytes(30)])) as Record<
      SrtpSuite,
      Uint8Array
    >;
    media.#srtp = { mode: srtp, keys };
    return media;
  }

  private constructor(port: RtpPort, host: string, chance: Chance) {
    super();
    this.port = port;
    this.#host = host;
    // An SDP session id is digits only (RFC 8866 §5.2); 48 bits are unique enough and exact in a double.
    this.#sessionId = String(Number.parseInt(chance.token(6), 16));
    port.on('media-lost', () => this.emit('closed'));
    // The media thread has died with all its ports.
    port.on('closed', () => this.emit('closed'));
  }

  async offer(direction: Direction = 'sendrecv'): Promise<string> {
    this.#ours = writeOffer({ ...this.#next(direction), ...(this.#ours ? { previous: this.#ours } : {}) });
    return this.#ours;
  }

  async takeAnswer(answer: string, { isEarly = false } = {}): Promise<MediaAgreement> {
    const agreed = readAnswer(answer, this.#ours ?? '');
    if (agreed.kind === 'refused') return agreed;
    await this.#apply(agreed, isEarly);
    return { kind: 'agreed', theirDirection: agreed.theirDirection };
  }

  async answer(
    offer: string,
    { like = this.codec, isEarly = false }: { like?: PlainCodec | undefined; isEarly?: boolean } = {},
  ): Promise<MediaAnswer> {
    const agreed = answerOffer(offer, { ...this.#next('sendrecv'), ...(like && { like }) });
    if (agreed.kind === 'refused') return agreed;
    this.#ours = agreed.answer;
    if (isEarly) this.#early = agreed;
    await this.#apply(agreed, isEarly);
    return { kind: 'agreed', answer: agreed.answer, theirDirection: agreed.theirDirection };
  }

  async confirm(): Promise<void> {
    if (this.#early) await this.#apply(this.#early, false);
  }

  async close(): Promise<void> {
    await this.port.close();
  }

  #next(direction: Direction): OurAudio {
    this.#version += 1;
    return {
      host: this.#host,
      port: this.port.localPort,
      sessionId: this.#sessionId,
      version: this.#version,
      direction,
      codecs: this.#codecs,
      comfortNoise: true,
      srtp: this.#srtp,
    };
  }

  async #apply(agreed: AgreedAudio, isEarly: boolean): Promise<void> {
    // RFC 3264 §8.4's old hold: 0.0.0.0 means "send nothing", not a place to send to.
    const isOldHold = agreed.remote.host === '0.0.0.0';
    this.codec = agreed.codec;
    await this.port.configure({
      codec: agreed.codec,
      payloadType: agreed.payloadType,
      telephoneEventPayloadType: agreed.telephoneEventPayloadType,
      accepts: agreed.accepts,
      acceptsEvents: agreed.acceptsEvents,
      comfortNoisePayloadType: agreed.comfortNoisePayloadType,
      srtp: agreed.srtp,
      // A line without telephone-events may still have keys.
      inbandDigits: agreed.telephoneEventPayloadType === undefined,
      ptimeMs: agreed.ptimeMs,
      direction: agreed.direction,
      // Who holds us may well say nothing meanwhile: that he lives, the session timer tells. So does who has not answered.
      ...(agreed.theirDirection === 'sendrecv' && !isEarly ? { mediaLostAfterMs: MEDIA_LOST_AFTER_MS } : {}),
      ...(isOldHold ? {} : { remote: agreed.remote }),
    });
  }
}

/** Codecs that are not in the list come after those that are. */
const rankOf = (codec: PlainCodec, like: readonly PlainCodec[]) =>
  like.includes(codec) ? like.indexOf(codec) : like.length;
