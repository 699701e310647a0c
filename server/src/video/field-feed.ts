import { timingSafeEqual } from 'node:crypto';
import type { Timer } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { EngineAddress } from '#sfu/engine-link.ts';
import type { FieldAudioLeg } from '#sfu/field-audio-leg.ts';
import type { TransportParameters } from '#sfu/page-transport.ts';
import type { Publisher } from '#sfu/publisher.ts';
import type { ConsumerParameters, Source } from '#sfu/sources.ts';
import type { FeedSnapshot } from './feed-facts.ts';
import type { FeedEnding, FeedState } from './feed-state.ts';
import { Feed, type FeedOptions } from './feed.ts';
import { parseLocation, type FeedLocation } from './location.ts';

/** Named limits of a phone's feed. */
export const FIELD_LIMITS = {
  /** A phone that sends nothing for so long is given up; tunnels and battery changes are shorter. */
  lostForMs: 10 * 60_000,
  /** Locations closer together than this are dropped. */
  locationEveryMs: 500,
} as const;

export interface FieldFeedOptions extends FeedOptions {
  /** Of a feed brought back after a restart. */
  token?: string;
  /** Until then the link can be opened for the first time. */
  expiresAtMs: number;
}

/** One phone behind one link. */
export class FieldFeed extends Feed {
  /** The secret in the link. Only for whoever sends the link. */
  readonly token: string;
  readonly #expiresAtMs: number;
  #claim: string | undefined;
  #location: FeedLocation | undefined;
  #locatedAtMs = -Infinity;
  #leg: FieldAudioLeg | undefined;
  #timer: Timer;

  constructor(options: FieldFeedOptions) {
    super(options, 'invited');
    const { chance, clock, expiresAtMs } = options;
    this.token = options.token ?? chance.token(16);
    this.#expiresAtMs = expiresAtMs;
    this.#timer = clock.after(expiresAtMs - clock.now(), () => void this.end('link-expired'));
  }

  override snapshot(): FeedSnapshot {
    return {
      ...super.snapshot(),
      expiresAtMs: this.#expiresAtMs,
      location: this.#location,
      isInCall: this.#leg !== undefined,
    };
  }

  /**
   * The link has been opened on a phone. The first phone gets a claim, which it keeps and shows when its page is loaded again;
   * another phone is refused with FEED_CLAIMED. Throws FEED_UNKNOWN when ended, WEBRTC_UNAVAILABLE.
   */
  async openPage(claim?: string): Promise<{ claim: string; routerRtpCapabilities: object; isCallWanted: boolean }> {
    this.mustGoOn();
    if (this.#claim !== undefined && !isSame(claim, this.#claim)) throw new DispatchError('FEED_CLAIMED');
    // Without a worker the link must not be used up, so the claim is given last.
    const publisher = await this.openPublisher();
    this.mustGoOn();
    // Two phones may have come in the same moment: the first has it.
    if (this.#claim !== undefined && !isSame(claim, this.#claim)) throw new DispatchError('FEED_CLAIMED');
    this.#claim ??= this.options.chance.token(16);
    if (this.state === 'invited') this.#waitForMedia();
    this.take('page-opened');
    return {
      claim: this.#claim,
      routerRtpCapabilities: publisher.routerRtpCapabilities,
      isCallWanted: publisher.isCallWanted,
    };
  }

  // --- The phone's page. Everything here has passed `openPage` on the same connection.

  async openTransport(way: 'send' | 'receive'): Promise<TransportParameters> {
    return (await this.#opened()).openTransport(way);
  }

  async connectTransport(transportId: string, dtlsParameters: unknown): Promise<void> {
    await (await this.#opened()).connectTransport(transportId, dtlsParameters);
  }

  async restartIce(transportId: string): Promise<object> {
    return (await this.#opened()).restartIce(transportId);
  }

  async produce(source: Source, rtpParameters: unknown): Promise<{ id: string }> {
    return (await this.#opened()).produce({ source, rtpParameters });
  }

  async removeSource(source: Source): Promise<void> {
    (await this.#opened()).removeSource(source);
  }

  async consumeTalkBack(rtpCapabilities: unknown): Promise<ConsumerParameters> {
    return (await this.#opened()).consumeTalkBack(rtpCapabilities);
  }

  /** The phone says where it is. Throws REQUEST_MALFORMED; one that comes too soon after the last is dropped. */
  locate(body: unknown): void {
    const { clock } = this.options;
    const location = parseLocation(body, clock.now());
    if (this.state === 'ended' || clock.monotonic() - this.#locatedAtMs < FIELD_LIMITS.locationEveryMs) return;
    this.#locatedAtMs = clock.monotonic();
    this.#location = location;
    this.events.emit('located', location);
  }

  /** Makes the phone a party of a conference. Its page is told by `call-wanted`. Throws FEED_UNKNOWN before the page is open. */
  async openAudioLeg({ engine }: { engine: EngineAddress }): Promise<FieldAudioLeg> {
    const leg = await (await this.#opened()).openAudioLeg({ engine });
    this.#leg = leg;
    this.events.emit('changed');
    return leg;
  }

  /** The link is dead from then on. */
  override async end(reason: FeedEnding): Promise<void> {
    this.#timer.cancel();
    await super.end(reason);
  }

  protected override join(publisher: Publisher): void {
    publisher.on('call-wanted', (isWanted) => {
      if (!isWanted) this.#leg = undefined;
      this.events.emit('call-wanted', isWanted);
      this.events.emit('changed');
    });
  }

  protected override publisherDied(): void {
    this.events.emit('must-reopen');
  }

  protected override entered(state: FeedState): void {
    if (state === 'live' || state === 'ended') this.#timer.cancel();
    if (state === 'lost') this.#waitForMedia();
  }

  async #opened(): Promise<Publisher> {
    const publisher = await this.publisher;
    if (!publisher || this.#claim === undefined || this.state === 'ended') throw new DispatchError('FEED_UNKNOWN');
    return publisher;
  }

  /** The page is open or was: from here on the phone has to send something within the limit. */
  #waitForMedia(): void {
    this.#timer.cancel();
    this.#timer = this.options.clock.after(FIELD_LIMITS.lostForMs, () => void this.end('phone-lost'));
  }
}

/** Compares secrets in a time that tells nothing about them. */
function isSame(shown: unknown, secret: string): boolean {
  if (typeof shown !== 'string' || shown.length !== secret.length) return false;
  return timingSafeEqual(Buffer.from(shown), Buffer.from(secret));
}
