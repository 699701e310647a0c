import type {
  Consumer,
  Producer,
  RouterRtpCodecCapability,
  RtpCodecParameters,
  WebRtcTransport,
} from 'mediasoup/types';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import type { Log } from '#kernel/log.ts';
import { OUR_CODECS, type BrowserCodec } from '#sdp/codec.ts';
import { agreedDirection, receives, sends, type Direction } from '#sdp/direction.ts';
import type { Refused } from '#sdp/plain.ts';
import { readBrowserAudio, writeWebRtc, type BrowserAudio, type OurCandidate } from '#sdp/web-rtc.ts';
import { BrowserPresence, type BrowserGone } from './browser-presence.ts';
import { EngineLink, plainCapabilities, type EngineAddress } from './engine-link.ts';
import type { LentRouter, MediaWorker } from './media-worker.ts';

/** What a browser phone and we hold to; the words are those of the media engine's `configure`. */
export interface AgreedLeg {
  kind: 'agreed';
  codec: BrowserCodec;
  payloadType: number;
  telephoneEventPayloadType?: number;
  /** Where the engine sends RTP to; RTP comes from there too. */
  plain: { host: string; port: number };
  /** Ours. */
  direction: Direction;
  /** As the browser declared it: sendonly or inactive is its hold. A holding browser goes on sending its microphone. */
  theirDirection: Direction;
  ptimeMs: number;
}

export type LegEvents = {
  /** ICE and DTLS are up for the first time. */
  connected: [];
  /** No sign of life for 10 s: mute the leg. */
  lost: [];
  /** It is there again, with nothing to be done. */
  back: [];
  /** It is gone for good; everything is closed already. Not emitted after our own `close`. */
  closed: [BrowserGone];
};

/** The telephone-event that we offer, as Chromium numbers it. */
const OFFERED_EVENT = 126;
const DEFAULT_CODEC: BrowserCodec = 'opus';

interface Formats {
  codec: BrowserCodec;
  payloadType: number;
  telephoneEventPayloadType?: number;
}

/** What lives in the worker for a leg. */
interface Inside extends Formats {
  lent: LentRouter;
  transport: WebRtcTransport;
  presence: BrowserPresence;
  link: EngineLink;
  toBrowser: Consumer;
  fromBrowser?: { producer: Producer; ssrc: number };
  browser?: BrowserAudio['transport'];
}

/**
 * A browser phone's audio: DTLS-SRTP to the browser, plain RTP to the media engine, offer and answer in between (RFC 3264,
 * RFC 8829). One offer or answer at a time, as SIP has it.
 */
export class WebRtcAudioLeg implements AsyncDisposable, Listenable<LegEvents> {
  readonly id: string;
  readonly #worker: MediaWorker;
  readonly #engine: EngineAddress;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onClose: () => void;
  readonly #events = new Emitter<LegEvents>();
  readonly #session: { sessionId: string; cname: string; version: number };
  #inside: Inside | undefined;
  #offeredDirection: Direction = 'sendrecv';
  #isClosed = false;
  on = this.#events.on.bind(this.#events);
  once = this.#events.once.bind(this.#events);

  constructor(options: {
    worker: MediaWorker;
    engine: EngineAddress;
    clock: Clock;
    chance: Chance;
    log: Log;
    onClose: () => void;
  }) {
    this.id = options.chance.id('browser-leg');
    this.#worker = options.worker;
    this.#engine = options.engine;
    this.#clock = options.clock;
    this.#log = options.log.with({ browserLegId: this.id });
    this.#onClose = options.onClose;
    const sessionId = String(Buffer.from(options.chance.bytes(6)).readUIntBE(0, 6));
    this.#session = { sessionId, cname: `tocsin-${options.chance.token(6)}`, version: 0 };
  }

  get state(): 'new' | 'connected' | 'lost' | 'gone' {
    return this.#isClosed ? 'gone' : (this.#inside?.presence.state ?? 'new');
  }

  /**
   * Answers the browser's offer: the first of a call, and every later one (hold, resume, ICE restart).
   * `direction` is what we would like; the answer has what the offer allows of it. `like` is the codec that is taken
   * where it is offered, in the first offer. A refusal is a 488.
   */
  async acceptOffer(
    offer: string,
    { direction = 'sendrecv', like = DEFAULT_CODEC }: { direction?: Direction; like?: BrowserCodec } = {},
  ): Promise<(AgreedLeg & { answer: string }) | Refused> {
    const known = this.#inside;
    const browser = readBrowserAudio(offer, known ? [known.codec] : [like, 'opus', 'pcma', 'pcmu']);
    if (browser.kind === 'refused') return browser;
    // The payload types stand in the router, and the far leg depends on them: they cannot change in mid-call.
    if (known && known.payloadType !== browser.payloadType) return { kind: 'refused', why: 'no-common-codec' };
    const inside = known ?? (await this.#open(browser));
    if (!inside.browser) await this.#connect(inside, browser, 'client');
    else if (inside.browser.ice.ufrag !== browser.transport.ice.ufrag) await inside.transport.restartIce();
    inside.browser = browser.transport;
    const ours = agreedDirection(browser.direction, direction);
    await this.#flow(inside, browser, ours);
    const answer = this.#write(inside, { setup: 'passive', direction: ours, answers: browser });
    inside.presence.expect();
    return { ...this.#agreed(inside, browser, ours), answer };
  }

  /** Writes an offer: the first of a call, or a later one to hold or resume from our side. */
  async makeOffer({
    direction = 'sendrecv',
    codec = DEFAULT_CODEC,
  }: { direction?: Direction; codec?: BrowserCodec } = {}): Promise<string> {
    const { payloadType } = OUR_CODECS[codec];
    const inside = this.#inside ?? (await this.#open({ codec, payloadType, telephoneEventPayloadType: OFFERED_EVENT }));
    this.#offeredDirection = direction;
    return this.#write(inside, { setup: 'actpass', direction, mid: inside.browser?.mid });
  }

  /** Takes the browser's answer to our last offer. The answer's direction counts: the browser may hold at the same time. */
  async acceptAnswer(answer: string): Promise<AgreedLeg | Refused> {
    const inside = this.#inside;
    if (!inside) throw new Error('an answer came before our offer');
    const browser = readBrowserAudio(answer, [inside.codec]);
    if (browser.kind === 'refused') return browser;
    if (!inside.browser) {
      // `role` is the other side's: a browser that answers active is the DTLS client (RFC 8842 §5.2).
      await this.#connect(inside, browser, browser.transport.setup === 'passive' ? 'server' : 'client');
      inside.browser = browser.transport;
    }
    const ours = agreedDirection(browser.direction, this.#offeredDirection);
    await this.#flow(inside, browser, ours);
    inside.presence.expect();
    return this.#agreed(inside, browser, ours);
  }

  /** Packets that went each way since the leg began, as the worker counts them. */
  async statistics(): Promise<{ packetsFromBrowser: number; packetsToBrowser: number }> {
    const [from] = (await this.#inside?.fromBrowser?.producer.getStats()) ?? [];
    const to = (await this.#inside?.toBrowser.getStats()) ?? [];
    const outbound = to.find(({ type }) => type === 'outbound-rtp');
    return { packetsFromBrowser: from?.packetCount ?? 0, packetsToBrowser: outbound?.packetCount ?? 0 };
  }

  /** Ends the leg's media. On CANCEL, BYE, refusal and unanswered ringing alike: an offer that nobody answers has no time-out of its own. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const inside = this.#inside;
    inside?.presence.ownerClosed();
    inside?.transport.close();
    inside?.link.close();
    inside?.lent.giveBack();
    this.#onClose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  /** The worker is gone, and with it all that is inside. */
  ownerClosed(): void {
    if (this.#isClosed) return;
    this.close();
    this.#events.emit('closed', 'worker-died');
  }

  /** Everything but the browser's own sound, which needs its SSRC: the order is that of a call whose answer must name ours. */
  async #open({ codec, payloadType, telephoneEventPayloadType }: Formats): Promise<Inside> {
    const formats = { codec, payloadType, telephoneEventPayloadType };
    const lent = await this.#worker.lendRouter(routerCodecs(formats));
    let transport: WebRtcTransport | undefined;
    let link: EngineLink | undefined;
    try {
      transport = await this.#worker.createTransport(lent.router);
      link = await EngineLink.open(lent.router, this.#engine, rtpCodecs(formats), this.#session.cname);
      const toBrowser = await transport.consume({
        producerId: link.fromEngine.id,
        rtpCapabilities: plainCapabilities(lent.router),
      });
      if (this.#isClosed) throw new Error('the leg was closed while it opened');
      const presence = new BrowserPresence(transport, this.#clock);
      this.#report(presence);
      this.#inside = { ...formats, lent, transport, presence, link, toBrowser };
      return this.#inside;
    } catch (error) {
      transport?.close();
      link?.close();
      lent.giveBack();
      throw error;
    }
  }

  #report(presence: BrowserPresence): void {
    presence.on('connected', () => this.#events.emit('connected'));
    presence.on('lost', () => {
      this.#log.info('browser lost');
      this.#events.emit('lost');
    });
    presence.on('back', () => {
      this.#log.info('browser back');
      this.#events.emit('back');
    });
    presence.on('gone', (why) => {
      this.#log.info('browser gone', { why });
      this.close();
      this.#events.emit('closed', why);
    });
  }

  async #connect(inside: Inside, { transport }: BrowserAudio, role: 'client' | 'server'): Promise<void> {
    const { algorithm, value } = transport.fingerprint;
    const fingerprints = [{ algorithm: algorithm as 'sha-256', value }];
    await inside.transport.connect({ dtlsParameters: { role, fingerprints } });
  }

  /** Lets sound flow as agreed. A browser that begins to send, or sends with another SSRC, gets a new producer. */
  async #flow(inside: Inside, { ssrc, transport: { mid } }: BrowserAudio, ours: Direction): Promise<void> {
    if (ssrc && inside.fromBrowser?.ssrc !== ssrc.id) {
      inside.fromBrowser?.producer.close();
      const producer = await inside.transport.produce({
        kind: 'audio',
        rtpParameters: {
          mid,
          codecs: rtpCodecs(inside),
          headerExtensions: [],
          encodings: [{ ssrc: ssrc.id }],
          rtcp: { cname: ssrc.cname, reducedSize: true },
        },
      });
      inside.fromBrowser = { producer, ssrc: ssrc.id };
      await inside.link.hear(producer);
    }
    const producer = inside.fromBrowser?.producer;
    await Promise.all([
      sends(ours) ? inside.toBrowser.resume() : inside.toBrowser.pause(),
      receives(ours) ? producer?.resume() : producer?.pause(),
    ]);
  }

  #agreed(inside: Inside, browser: BrowserAudio, direction: Direction): AgreedLeg {
    return {
      kind: 'agreed',
      codec: inside.codec,
      payloadType: inside.payloadType,
      // Only what both know: an answer may have left our telephone-event out.
      telephoneEventPayloadType:
        browser.telephoneEventPayloadType === undefined ? undefined : inside.telephoneEventPayloadType,
      plain: inside.link.address,
      direction,
      theirDirection: browser.direction,
      ptimeMs: 20,
    };
  }

  #write(
    { transport, toBrowser, codec, payloadType, telephoneEventPayloadType }: Inside,
    more: { setup: 'passive' | 'actpass'; direction: Direction; answers?: BrowserAudio; mid?: string },
  ): string {
    const { iceParameters, iceCandidates, dtlsParameters } = transport;
    const fingerprint = dtlsParameters.fingerprints.find(({ algorithm }) => algorithm === 'sha-256');
    const ssrc = toBrowser.rtpParameters.encodings?.[0]?.ssrc;
    if (!fingerprint || ssrc === undefined) throw new Error('the worker gave no SHA-256 fingerprint or no SSRC');
    this.#session.version += 1;
    return writeWebRtc({
      ...this.#session,
      ...more,
      ice: { ufrag: iceParameters.usernameFragment, pwd: iceParameters.password },
      candidates: iceCandidates.map((each): OurCandidate => ({ ...each, address: each.address })),
      fingerprint,
      codec,
      payloadType,
      telephoneEventPayloadType,
      ssrc: { id: ssrc, cname: this.#session.cname },
    });
  }
}

/**
 * Inside the worker telephone-event goes by the name SILK: a Consumer forwards what counts as media and drops telephone-event
 * without a word, but the worker never looks into a SILK payload. So real SILK must never be offered. The price is this
 * comment; the gain is that the worker needs no patch.
 */
const TELEPHONE_EVENT_IN_DISGUISE = 'audio/SILK';

function routerCodecs(formats: Formats): RouterRtpCodecCapability[] {
  return rtpCodecs(formats).map(({ payloadType, mimeType, clockRate, channels }) => ({
    kind: 'audio',
    mimeType,
    clockRate,
    channels,
    preferredPayloadType: payloadType,
  }));
}

/** Sound first: a stream whose first packet is not of the first codec is not opened. */
function rtpCodecs({ codec, payloadType, telephoneEventPayloadType }: Formats): RtpCodecParameters[] {
  const sound = codec === 'opus' ? { clockRate: 48_000, channels: 2 } : { clockRate: 8000, channels: 1 };
  const all: RtpCodecParameters[] = [{ mimeType: MIME_TYPE[codec], ...sound, payloadType }];
  if (telephoneEventPayloadType !== undefined)
    all.push({
      mimeType: TELEPHONE_EVENT_IN_DISGUISE,
      clockRate: 8000,
      channels: 1,
      payloadType: telephoneEventPayloadType,
    });
  return all;
}

const MIME_TYPE: Record<BrowserCodec, string> = { opus: 'audio/opus', pcma: 'audio/PCMA', pcmu: 'audio/PCMU' };
