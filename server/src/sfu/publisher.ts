import type { Producer, Router, RouterRtpCodecCapability, RtpCapabilities, RtpParameters } from 'mediasoup/types';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { BrowserGone } from './browser-presence.ts';
import type { EngineAddress } from './engine-link.ts';
import { FieldAudioLeg } from './field-audio-leg.ts';
import type { LentRouter, MediaWorker } from './media-worker.ts';
import { PlainIntake, type IntakeState } from './plain-intake.ts';
import { fromPage, PageTransport, type TransportParameters } from './page-transport.ts';
import { RecordingTap } from './recording-tap.ts';
import { SOURCES, type ConsumerParameters, type Source, type WatchedSource } from './sources.ts';

export type PublisherEvents = {
  'source-added': [Source];
  'source-removed': [Source];
  /** The page has connected its sending transport. */
  connected: [];
  lost: [];
  back: [];
  /** The page closed its transport or did not come back. The publisher stays: the page may begin again. */
  gone: [BrowserGone];
  /** A conference wants this phone's sound (true), or no longer (false): the page produces its call microphone and takes the talk-back. */
  'call-wanted': [boolean];
  /** Closed for good: by us, or with the worker. */
  closed: ['closed' | 'worker-died'];
  /** Of a camera whose picture comes as plain RTP. */
  intake: [IntakeState];
};

/** What every feed's router can carry. The payload types are fixed, so one router serves all. H.264 for phones that encode nothing else in hardware. */
export const FIELD_CODECS: RouterRtpCodecCapability[] = [
  { kind: 'audio', mimeType: 'audio/opus', clockRate: 48000, channels: 2, preferredPayloadType: 111 },
  { kind: 'audio', mimeType: 'audio/PCMA', clockRate: 8000, preferredPayloadType: 8 },
  { kind: 'video', mimeType: 'video/VP8', clockRate: 90000, preferredPayloadType: 96 },
  {
    kind: 'video',
    mimeType: 'video/H264',
    clockRate: 90000,
    preferredPayloadType: 102,
    parameters: { 'packetization-mode': 1, 'profile-level-id': '42e01f', 'level-asymmetry-allowed': 1 },
  },
];

/** Upload that a field phone is told to stay below, bits per second: enough for 720p. */
const MAX_UPLOAD_BPS = 2_500_000;

interface PublisherOptions {
  worker: MediaWorker;
  clock: Clock;
  chance: Chance;
  log: Log;
  onClose: () => void;
}

/**
 * The media side of a feed. It outlives the page: when the phone's page is loaded again, its new transports take the place of
 * the old ones, and viewers and recordings hear of it by `source-removed` and `source-added`.
 */
export class Publisher implements AsyncDisposable, Listenable<PublisherEvents> {
  readonly id: string;
  readonly #options: PublisherOptions;
  readonly #lent: LentRouter;
  readonly #events = new Emitter<PublisherEvents>();
  readonly #sources = new Map<Source, Producer>();
  readonly #taps = new Set<RecordingTap>();
  #sending: PageTransport | undefined;
  #receiving: PageTransport | undefined;
  #leg: FieldAudioLeg | undefined;
  #intake: PlainIntake | undefined;
  #isClosed = false;
  on = this.#events.on.bind(this.#events);
  once = this.#events.once.bind(this.#events);

  private constructor(options: PublisherOptions, lent: LentRouter) {
    this.id = options.chance.id('publisher');
    this.#options = options;
    this.#lent = lent;
  }

  static async open(options: PublisherOptions): Promise<Publisher> {
    return new Publisher(options, await options.worker.lendRouter(FIELD_CODECS));
  }

  /** For the page's `device.load`. */
  get routerRtpCapabilities(): RtpCapabilities {
    return this.#lent.router.rtpCapabilities;
  }

  /** For `sfu/` only. */
  get router(): Router {
    return this.#lent.router;
  }

  get sources(): Source[] {
    return [...this.#sources.keys()];
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Has the phone given no sign of life for 10 s, or no page of it connected? Does a camera send no picture? */
  get isSilent(): boolean {
    if (this.#intake) return this.#intake.state !== 'flowing';
    return this.#sending?.presence.state !== 'connected';
  }

  /** Does a conference want this phone's sound now? A page that has just been loaded asks. */
  get isCallWanted(): boolean {
    return this.#leg !== undefined;
  }

  /** Opens the page's sending or receiving transport, in place of an earlier one. */
  async openTransport(way: 'send' | 'receive'): Promise<TransportParameters> {
    this.#mustBeOpen();
    const made = await PageTransport.open(this.#options.worker, this.router, this.#options.clock);
    if (this.#isClosed) made.close();
    this.#mustBeOpen();
    if (way === 'receive') {
      this.#receiving?.close();
      this.#receiving = made;
    } else {
      this.#removeAllSources();
      this.#sending?.close();
      this.#sending = made;
      await made.transport.setMaxIncomingBitrate(MAX_UPLOAD_BPS);
      this.#report(made);
    }
    return made.parameters;
  }

  /** The page's transport wants to connect. Throws NOT_FOUND for a transport that has been replaced. */
  connectTransport(transportId: string, dtlsParameters: unknown): Promise<void> {
    return this.#transport(transportId).connect(dtlsParameters);
  }

  /** New ICE parameters for that transport, when the phone has changed its network. */
  restartIce(transportId: string): Promise<object> {
    return this.#transport(transportId).restartIce();
  }

  /** The page sends this source now; an earlier one of the same name ends. Throws REQUEST_MALFORMED, NOT_FOUND. */
  async produce({ source, rtpParameters }: { source: Source; rtpParameters: unknown }): Promise<{ id: string }> {
    this.#mustBeOpen();
    const sending = this.#sending;
    if (!sending) throw new DispatchError('NOT_FOUND', 'there is no sending transport');
    this.removeSource(source);
    const producer = await fromPage(() =>
      sending.transport.produce({
        kind: SOURCES[source],
        rtpParameters: rtpParameters as RtpParameters,
        // A recording and a new viewer get their key frame at once.
        keyFrameRequestDelay: 0,
      }),
    );
    const isG711 = producer.rtpParameters.codecs[0]?.mimeType.toLowerCase() === 'audio/pcma';
    if (source === 'call-microphone' && !isG711) {
      producer.close();
      throw new DispatchError('MEDIA_FORMAT_UNSUPPORTED', 'the call microphone must be PCMA');
    }
    this.#sources.set(source, producer);
    producer.on('transportclose', () => {
      if (this.#sources.get(source) === producer) this.#forget(source);
    });
    if (source === 'call-microphone') await this.#leg?.hear(producer);
    this.#events.emit('source-added', source);
    return { id: producer.id };
  }

  /** Takes the picture of a camera as SRTP, in place of a page or of an earlier intake. `lost` and `back` tell of its silences, `intake` of all its states. */
  async openIntake(): Promise<PlainIntake> {
    this.#mustBeOpen();
    const { worker, clock, chance } = this.#options;
    this.#intake?.close();
    this.#forget('camera');
    const intake = await PlainIntake.open(this.router, { ...worker.plainAddress, clock, chance });
    if (this.#isClosed) intake.close();
    this.#mustBeOpen();
    this.#intake = intake;
    this.#sources.set('camera', intake.producer);
    intake.on('state', (state) => {
      if (this.#intake !== intake) return;
      this.#events.emit(state === 'flowing' ? 'back' : 'lost');
      this.#events.emit('intake', state);
    });
    this.#events.emit('source-added', 'camera');
    return intake;
  }

  /** The page no longer sends this source. */
  removeSource(source: Source): void {
    this.#sources.get(source)?.close();
    this.#forget(source);
  }

  /** What the conference says to this phone, for the page's receiving transport. Throws NOT_FOUND when there is no conference. */
  async consumeTalkBack(rtpCapabilities: unknown): Promise<ConsumerParameters> {
    const receiving = this.#receiving;
    const leg = this.#leg;
    if (!receiving || !leg) throw new DispatchError('NOT_FOUND', 'there is no call to hear');
    const consumer = await consumeFor(this.router, receiving, leg.talkBack, rtpCapabilities, false);
    return consumerParameters(consumer);
  }

  /**
   * Makes the field phone a party of a conference: it speaks by its call microphone and hears what the engine sends.
   * A phone is in one conference at a time: an earlier leg is closed.
   */
  async openAudioLeg({ engine }: { engine: EngineAddress }): Promise<FieldAudioLeg> {
    this.#mustBeOpen();
    this.#leg?.close();
    const leg: FieldAudioLeg = await FieldAudioLeg.open({
      router: this.router,
      engine,
      chance: this.#options.chance,
      onClose: () => {
        if (this.#leg !== leg) return;
        this.#leg = undefined;
        this.#events.emit('call-wanted', false);
      },
    });
    this.#leg = leg;
    const speaking = this.#sources.get('call-microphone');
    if (speaking) await leg.hear(speaking);
    this.#events.emit('call-wanted', true);
    return leg;
  }

  /** A second way out for the camera and the microphone, as plain RTP for a recorder. See `RecordingTap`. */
  async openTap({ host, only }: { host: string; only?: WatchedSource }): Promise<RecordingTap> {
    this.#mustBeOpen();
    const tap: RecordingTap = await RecordingTap.open({
      host,
      router: this.router,
      producerOf: (source) => this.#sources.get(source),
      ...(only && { only }),
      onClose: () => this.#taps.delete(tap),
    });
    this.#taps.add(tap);
    return tap;
  }

  /** For `sfu/` only. */
  producerOf(source: WatchedSource): Producer | undefined {
    return this.#sources.get(source);
  }

  /** What arrives from the phone now, for the console's signal bars: bits per second and share of packets lost, for each source. */
  async statistics(): Promise<Partial<Record<Source, { bitrateBps: number; fractionLost: number }>>> {
    const all = [...this.#sources].map(async ([source, producer]) => {
      const [stream] = await producer.getStats();
      return [source, { bitrateBps: stream?.bitrate ?? 0, fractionLost: (stream?.fractionLost ?? 0) / 256 }] as const;
    });
    return Object.fromEntries(await Promise.all(all));
  }

  close(why: 'closed' | 'worker-died' = 'closed'): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#leg?.close(why === 'worker-died' ? 'worker-died' : 'browser-left');
    for (const tap of [...this.#taps]) tap.close();
    this.#sending?.close();
    this.#receiving?.close();
    this.#intake?.close();
    this.#sources.clear();
    this.#lent.giveBack();
    this.#options.onClose();
    this.#events.emit('closed', why);
  }

  /** The worker is gone, and with it all that is inside. */
  ownerClosed(): void {
    this.close('worker-died');
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  #report(sending: PageTransport): void {
    const { presence } = sending;
    presence.on('connected', () => this.#events.emit('connected'));
    presence.on('lost', () => {
      this.#leg?.lost();
      this.#events.emit('lost');
    });
    presence.on('back', () => {
      this.#leg?.back();
      this.#events.emit('back');
    });
    presence.on('gone', (why) => {
      if (this.#sending !== sending || why === 'worker-died') return;
      this.#options.log.info('field page gone', { publisherId: this.id, why });
      this.#sending = undefined;
      sending.close();
      this.#removeAllSources();
      this.#leg?.lost();
      this.#events.emit('gone', why);
    });
  }

  #removeAllSources(): void {
    for (const source of this.sources) this.removeSource(source);
  }

  #forget(source: Source): void {
    if (this.#sources.delete(source)) this.#events.emit('source-removed', source);
  }

  #transport(transportId: string): PageTransport {
    const found = [this.#sending, this.#receiving].find((each) => each?.transport.id === transportId);
    if (!found) throw new DispatchError('NOT_FOUND', 'the transport has been replaced');
    return found;
  }

  #mustBeOpen(): void {
    if (this.#isClosed) throw new DispatchError('FEED_UNKNOWN');
  }
}

/** Consumes for a page. Throws MEDIA_FORMAT_UNSUPPORTED when the page cannot decode it, REQUEST_MALFORMED. */
export async function consumeFor(
  router: Router,
  { transport }: PageTransport,
  producer: Producer,
  rtpCapabilities: unknown,
  paused: boolean,
) {
  const capabilities = rtpCapabilities as RtpCapabilities;
  return fromPage(async () => {
    if (!router.canConsume({ producerId: producer.id, rtpCapabilities: capabilities }))
      throw new DispatchError('MEDIA_FORMAT_UNSUPPORTED', producer.rtpParameters.codecs[0]?.mimeType);
    return transport.consume({ producerId: producer.id, rtpCapabilities: capabilities, paused });
  });
}

export const consumerParameters = ({
  id,
  producerId,
  kind,
  rtpParameters,
}: ConsumerParameters): ConsumerParameters => ({ id, producerId, kind, rtpParameters });
