import { timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import type { Chance } from '#kernel/chance.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { EngineAddress } from '#sfu/engine-link.ts';
import type { FieldAudioLeg } from '#sfu/field-audio-leg.ts';
import type { TransportParameters } from '#sfu/page-transport.ts';
import type { Publisher } from '#sfu/publisher.ts';
import type { Sfu } from '#sfu/sfu.ts';
import type { ConsumerParameters, Source } from '#sfu/sources.ts';
import type { Viewer } from '#sfu/viewer.ts';
import { FEED_TABLE, type FeedEnding, type FeedInput, type FeedState } from './feed-state.ts';
import { parseLocation, type FeedLocation } from './location.ts';
import { Recording, type RecordingPart } from './recording.ts';

/** Named limits of one feed. */
export const FEED_LIMITS = {
  /** People who watch one feed at the same time; the next is refused with VIEWING_LIMIT. */
  viewingsPerFeed: 20,
  /** A phone that sends nothing for so long is given up; tunnels and battery changes are shorter. */
  lostForMs: 10 * 60_000,
  /** Locations closer together than this are dropped. */
  locationEveryMs: 500,
} as const;

/** Whose camera it is. */
export interface FeedOwner {
  kind: 'person' | 'device' | 'caller';
  id: string;
  name: string;
}

/** Someone watching. */
export interface Viewing {
  id: string;
  /** The user who watches, for the timeline. */
  by: string;
  startedAtMs: number;
  viewer: Viewer;
}

/** A feed as everyone may see it; the link's token is not in it. */
export interface FeedSnapshot {
  id: string;
  owner: FeedOwner;
  incidentId?: string;
  /** The run that asked for it. */
  run?: string;
  isDrill: boolean;
  invitedBy: string;
  state: FeedState;
  /** Since when it is in this state. */
  sinceMs: number;
  ending?: FeedEnding;
  invitedAtMs: number;
  /** Until then the link can be opened for the first time. */
  expiresAtMs: number;
  liveAtMs?: number;
  sources: Source[];
  location?: FeedLocation;
  viewings: { id: string; by: string; startedAtMs: number }[];
  recording?: { id: string; startedAtMs: number };
  /** A conference has this phone's sound. */
  isInCall: boolean;
}

/** What the timeline is told, in words of the wire. */
export type FeedHappening =
  | { what: 'feed.invited' | 'feed.opened' | 'feed.live' | 'feed.lost' }
  | { what: 'feed.ended'; reason: FeedEnding }
  | { what: 'feed.viewing-started' | 'feed.viewing-ended'; viewingId: string; by: string }
  | { what: 'feed.recording-started'; recordingId: string; by: string }
  | { what: 'feed.recording-part-finished'; part: RecordingPart }
  | { what: 'feed.recording-failed'; recordingId: string; why: string }
  | { what: 'feed.recording-ended'; recordingId: string; parts: number };

export type FeedEvents = {
  /** Anything in the snapshot has changed, but for the location. */
  changed: [];
  located: [FeedLocation];
  happened: [FeedHappening];
  /** For the phone's page: produce the call microphone and take the talk-back, or stop both. */
  'call-wanted': [boolean];
  /** For the phone's page: the worker was restarted, so open the page's session again. */
  'must-reopen': [];
};

export interface FeedOptions {
  sfu: Sfu;
  owner: FeedOwner;
  invitedBy: string;
  incidentId?: string;
  run?: string;
  isDrill?: boolean;
  /** Of a feed brought back after a restart; fresh ones are made otherwise. */
  id?: string;
  token?: string;
  expiresAtMs: number;
  recordingsFolder: string;
  ffmpeg: string;
  clock: Clock;
  chance: Chance;
  log: Log;
  /** Throws when no further recording may start now. */
  admitRecording: () => void;
}

/** A source of video: one phone behind one link. */
export class Feed implements Listenable<FeedEvents> {
  readonly id: string;
  /** The secret in the link. Only for whoever sends the link. */
  readonly token: string;
  readonly #options: FeedOptions;
  readonly #events = new Emitter<FeedEvents>();
  readonly #viewings = new Map<string, Viewing>();
  readonly #invitedAtMs: number;
  #state: FeedState = 'invited';
  #sinceMs: number;
  #ending: FeedEnding | undefined;
  #claim: string | undefined;
  #liveAtMs: number | undefined;
  #location: FeedLocation | undefined;
  #locatedAtMs = -Infinity;
  #publisher: Promise<Publisher> | undefined;
  #sources: readonly Source[] = [];
  #arriving = 0;
  #recording: Recording | undefined;
  #recordAgainFor: string | undefined;
  #leg: FieldAudioLeg | undefined;
  #timer: Timer;
  on = this.#events.on.bind(this.#events);
  once = this.#events.once.bind(this.#events);

  constructor(options: FeedOptions) {
    const { chance, clock, expiresAtMs } = options;
    this.id = options.id ?? chance.id('feed');
    this.token = options.token ?? chance.token(16);
    this.#options = options;
    this.#invitedAtMs = clock.now();
    this.#sinceMs = this.#invitedAtMs;
    this.#timer = clock.after(expiresAtMs - clock.now(), () => void this.end('link-expired'));
  }

  get state(): FeedState {
    return this.#state;
  }

  get isDrill(): boolean {
    return this.#options.isDrill ?? false;
  }

  snapshot(): FeedSnapshot {
    const { owner, invitedBy, incidentId, run, expiresAtMs } = this.#options;
    return {
      id: this.id,
      owner,
      incidentId,
      run,
      isDrill: this.isDrill,
      invitedBy,
      state: this.#state,
      sinceMs: this.#sinceMs,
      ending: this.#ending,
      invitedAtMs: this.#invitedAtMs,
      expiresAtMs,
      liveAtMs: this.#liveAtMs,
      sources: [...this.#sources],
      location: this.#location,
      viewings: [...this.#viewings.values()].map(({ id, by, startedAtMs }) => ({ id, by, startedAtMs })),
      recording: this.#recording && { id: this.#recording.id, startedAtMs: this.#recording.startedAtMs },
      isInCall: this.#leg !== undefined,
    };
  }

  // --- The phone's page. Everything here has passed `openPage` on the same connection.

  /**
   * The link has been opened on a phone. The first phone gets a claim, which it keeps and shows when its page is loaded again;
   * another phone is refused with FEED_CLAIMED. Throws FEED_UNKNOWN when ended, WEBRTC_UNAVAILABLE.
   */
  async openPage(claim?: string): Promise<{ claim: string; routerRtpCapabilities: object; isCallWanted: boolean }> {
    this.#mustGoOn();
    if (this.#claim !== undefined && !isSame(claim, this.#claim)) throw new DispatchError('FEED_CLAIMED');
    // Without a worker the link must not be used up, so the claim is given last.
    const publisher = await this.#openPublisher();
    this.#mustGoOn();
    // Two phones may have come in the same moment: the first has it.
    if (this.#claim !== undefined && !isSame(claim, this.#claim)) throw new DispatchError('FEED_CLAIMED');
    this.#claim ??= this.#options.chance.token(16);
    if (this.#state === 'invited') this.#waitForMedia();
    this.#take('page-opened');
    return {
      claim: this.#claim,
      routerRtpCapabilities: publisher.routerRtpCapabilities,
      isCallWanted: publisher.isCallWanted,
    };
  }

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
    const { clock } = this.#options;
    const location = parseLocation(body, clock.now());
    if (this.#state === 'ended' || clock.monotonic() - this.#locatedAtMs < FEED_LIMITS.locationEveryMs) return;
    this.#locatedAtMs = clock.monotonic();
    this.#location = location;
    this.#events.emit('located', location);
  }

  // --- The control room.

  /** Begins to watch; also before the phone has been heard of, to see the first picture. Throws VIEWING_LIMIT, FEED_UNKNOWN, WEBRTC_UNAVAILABLE. */
  async watch({ by }: { by: string }): Promise<Viewing> {
    this.#mustGoOn();
    // Those who are just coming in count too, or many pressing at once would all get past.
    if (this.#viewings.size + this.#arriving >= FEED_LIMITS.viewingsPerFeed) throw new DispatchError('VIEWING_LIMIT');
    this.#arriving += 1;
    const viewer = await this.#openViewer().finally(() => (this.#arriving -= 1));
    const viewing = { id: viewer.id, by, startedAtMs: this.#options.clock.now(), viewer };
    this.#viewings.set(viewing.id, viewing);
    viewer.on('closed', () => this.stopWatching(viewing.id));
    this.#happen({ what: 'feed.viewing-started', viewingId: viewing.id, by });
    return viewing;
  }

  viewing(viewingId: string): Viewing | undefined {
    return this.#viewings.get(viewingId);
  }

  stopWatching(viewingId: string): void {
    const viewing = this.#viewings.get(viewingId);
    if (!viewing) return;
    this.#viewings.delete(viewingId);
    viewing.viewer.close();
    this.#happen({ what: 'feed.viewing-ended', viewingId, by: viewing.by });
  }

  /** Makes the phone a party of a conference. Its page is told by `call-wanted`. Throws FEED_UNKNOWN before the page is open. */
  async openAudioLeg({ engine }: { engine: EngineAddress }): Promise<FieldAudioLeg> {
    const leg = await (await this.#opened()).openAudioLeg({ engine });
    this.#leg = leg;
    this.#events.emit('changed');
    return leg;
  }

  /** Records from now (or from the first picture) until stopped or ended. Already recording, it goes on as it is. Throws RECORDING_LIMIT. */
  async startRecording({ by }: { by: string }): Promise<{ id: string }> {
    this.#mustGoOn();
    if (this.#recording) return { id: this.#recording.id };
    const publisher = await this.#openPublisher();
    this.#mustGoOn();
    // Someone else may have been faster meanwhile.
    if (this.isRecording) return this.startRecording({ by });
    const { admitRecording, clock, log, ffmpeg, recordingsFolder, chance } = this.#options;
    admitRecording();
    const recording = new Recording({
      feedId: this.id,
      recordingId: chance.id('recording'),
      publisher,
      folder: join(recordingsFolder, this.id),
      ffmpeg,
      clock,
      log,
    });
    this.#recording = recording;
    this.#recordAgainFor = by;
    recording.on('part-finished', (part) => this.#happen({ what: 'feed.recording-part-finished', part }));
    recording.on('failed', (why) => this.#happen({ what: 'feed.recording-failed', recordingId: recording.id, why }));
    this.#happen({ what: 'feed.recording-started', recordingId: recording.id, by });
    return { id: recording.id };
  }

  get isRecording(): boolean {
    return this.#recording !== undefined;
  }

  /** Ends the recording; resolves with its parts once they are on disk. Without one, with none. */
  async stopRecording(): Promise<RecordingPart[]> {
    this.#recordAgainFor = undefined;
    return this.#finishRecording();
  }

  async #finishRecording(): Promise<RecordingPart[]> {
    const recording = this.#recording;
    if (!recording) return [];
    this.#recording = undefined;
    const parts = await recording.stop();
    this.#happen({ what: 'feed.recording-ended', recordingId: recording.id, parts: parts.length });
    return parts;
  }

  /** Signal figures of what arrives, for each source. */
  async statistics(): Promise<Partial<Record<Source, { bitrateBps: number; fractionLost: number }>>> {
    return (await this.#publisher)?.statistics() ?? {};
  }

  /** Ends the feed for a named reason: the link is dead, viewings close, a recording is finished. Once ended, it stays so. */
  async end(reason: FeedEnding): Promise<void> {
    if (this.#state === 'ended') return;
    this.#ending = reason;
    this.#timer.cancel();
    this.#take('end');
    await this.stopRecording();
    const publisher = await this.#publisher?.catch(() => undefined);
    publisher?.close();
  }

  async #openViewer(): Promise<Viewer> {
    return this.#options.sfu.openViewer(await this.#openPublisher());
  }

  /** The publisher, made at the first need. After a worker's death a new one is made. */
  #openPublisher(): Promise<Publisher> {
    this.#publisher ??= this.#makePublisher();
    return this.#publisher;
  }

  async #makePublisher(): Promise<Publisher> {
    try {
      const publisher = await this.#options.sfu.openPublisher();
      this.#follow(publisher);
      if (this.#recordAgainFor !== undefined) this.#recordAgain(this.#recordAgainFor);
      return publisher;
    } catch (error) {
      this.#publisher = undefined;
      throw error;
    }
  }

  #recordAgain(by: string): void {
    this.startRecording({ by }).catch((error: unknown) => {
      this.#options.log.warn('recording did not begin again', { feedId: this.id, error });
    });
  }

  async #opened(): Promise<Publisher> {
    const publisher = await this.#publisher;
    if (!publisher || this.#claim === undefined || this.#state === 'ended') throw new DispatchError('FEED_UNKNOWN');
    return publisher;
  }

  #follow(publisher: Publisher): void {
    const look = () => {
      this.#sources = publisher.sources;
      const isFlowing = !publisher.isSilent && this.#sources.length > 0;
      if (isFlowing) this.#take('media-arrived');
      else if (this.#state === 'live') this.#take('media-stopped');
      this.#events.emit('changed');
    };
    for (const event of ['source-added', 'source-removed', 'connected', 'lost', 'back'] as const)
      publisher.on(event, look);
    publisher.on('gone', () => this.#take('media-stopped'));
    publisher.on('call-wanted', (isWanted) => {
      if (!isWanted) this.#leg = undefined;
      this.#events.emit('call-wanted', isWanted);
      this.#events.emit('changed');
    });
    publisher.on('closed', (why) => {
      this.#sources = [];
      if (why !== 'worker-died') return;
      this.#publisher = undefined;
      this.#take('media-stopped');
      // Its publisher is gone, so this recording ends; another begins with the next publisher.
      void this.#finishRecording();
      this.#events.emit('must-reopen');
    });
  }

  #take(input: FeedInput): void {
    const next = FEED_TABLE[this.#state][input];
    if (!next) return;
    this.#state = next;
    this.#sinceMs = this.#options.clock.now();
    if (next === 'live') {
      this.#timer.cancel();
      this.#liveAtMs ??= this.#options.clock.now();
    }
    if (next === 'lost') this.#waitForMedia();
    this.#happen(
      next === 'ended' ? { what: 'feed.ended', reason: this.#ending ?? 'phone-lost' } : { what: `feed.${next}` },
    );
  }

  /** The page is open or was: from here on the phone has to send something within the limit. */
  #waitForMedia(): void {
    this.#timer.cancel();
    this.#timer = this.#options.clock.after(FEED_LIMITS.lostForMs, () => void this.end('phone-lost'));
  }

  #happen(happening: FeedHappening): void {
    this.#events.emit('happened', happening);
    this.#events.emit('changed');
  }

  #mustGoOn(): void {
    if (this.#state === 'ended') throw new DispatchError('FEED_UNKNOWN');
  }
}

/** Compares secrets in a time that tells nothing about them. */
function isSame(shown: unknown, secret: string): boolean {
  if (typeof shown !== 'string' || shown.length !== secret.length) return false;
  return timingSafeEqual(Buffer.from(shown), Buffer.from(secret));
}
