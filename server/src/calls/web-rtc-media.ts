import type { Chance } from '#kernel/chance.ts';
import { Emitter } from '#kernel/emitter.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { RtpPort } from '#media/rtp-port.ts';
import type { BrowserCodec, PlainCodec } from '#sdp/codec.ts';
import type { Direction } from '#sdp/direction.ts';
import type { AgreedLeg, WebRtcAudioLeg } from '#sfu/audio-leg.ts';
import type { Sfu } from '#sfu/sfu.ts';
import type { LegMedia, MediaAgreement, MediaAnswer } from './leg-media.ts';

/** A browser's voice: DTLS-SRTP to the SFU, plain RTP from there to the media engine. */
export class WebRtcMedia extends Emitter<{ lost: []; back: []; closed: [] }> implements LegMedia {
  readonly port: RtpPort;
  readonly #leg: WebRtcAudioLeg;
  readonly #ssrc: number;
  #offers: BrowserCodec | undefined;
  codec: PlainCodec | undefined;

  /** `like`: what the other party speaks, best first. @throws DispatchError WEBRTC_UNAVAILABLE, MEDIA_PORTS_EXHAUSTED */
  static async open(
    engine: MediaEngine,
    sfu: Sfu,
    label: string,
    chance: Chance,
    { like = [] }: { like?: readonly PlainCodec[] } = {},
  ): Promise<WebRtcMedia> {
    const port = await engine.openRtp({ label });
    // The SFU forwards one SSRC only, for the leg's whole life.
    const ssrc = Number.parseInt(chance.token(4), 16);
    try {
      const leg = await sfu.openAudioLeg({ engine: { host: port.localHost, port: port.localPort, ssrc } });
      const media = new WebRtcMedia(port, leg, ssrc);
      media.#offers = like.find(isForBrowsers);
      return media;
    } catch (error) {
      await port.close();
      throw error;
    }
  }

  private constructor(port: RtpPort, leg: WebRtcAudioLeg, ssrc: number) {
    super();
    this.port = port;
    this.#leg = leg;
    this.#ssrc = ssrc;
    leg.on('lost', () => this.emit('lost'));
    leg.on('back', () => this.emit('back'));
    leg.on('closed', () => this.emit('closed'));
  }

  async offer(direction: Direction = 'sendrecv'): Promise<string> {
    return await this.#leg.makeOffer({ direction, codec: this.#offers });
  }

  async takeAnswer(answer: string): Promise<MediaAgreement> {
    const agreed = await this.#leg.acceptAnswer(answer);
    if (agreed.kind === 'refused') return agreed;
    await this.#apply(agreed);
    return { kind: 'agreed', theirDirection: agreed.theirDirection };
  }

  async answer(offer: string, { like }: { like?: PlainCodec | undefined } = {}): Promise<MediaAnswer> {
    const agreed = await this.#leg.acceptOffer(offer, { like: like && isForBrowsers(like) ? like : undefined });
    if (agreed.kind === 'refused') return agreed;
    await this.#apply(agreed);
    return { kind: 'agreed', answer: agreed.answer, theirDirection: agreed.theirDirection };
  }

  async confirm(): Promise<void> {}

  async close(): Promise<void> {
    await Promise.allSettled([this.#leg.close(), this.port.close()]);
  }

  async #apply(agreed: AgreedLeg): Promise<void> {
    this.codec = agreed.codec;
    const event = agreed.telephoneEventPayloadType;
    await this.port.configure({
      codec: agreed.codec,
      payloadType: agreed.payloadType,
      // The event's clock of 8 kHz is not that of Opus: it is understood, and not sent; a browser makes nothing of it anyway.
      telephoneEventPayloadType: agreed.codec === 'opus' ? undefined : event,
      acceptsEvents: event === undefined ? [] : [{ payloadType: event, clockRate: 8000 }],
      ptimeMs: agreed.ptimeMs,
      direction: agreed.direction,
      remote: agreed.plain,
      ssrc: this.#ssrc,
      latch: false,
      rtcp: 'none',
    });
  }
}

const isForBrowsers = (codec: PlainCodec): codec is BrowserCodec => codec !== 'g722';
