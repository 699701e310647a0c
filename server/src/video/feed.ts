import { join } from 'node:path';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { Publisher } from '#sfu/publisher.ts';
import type { Sfu } from '#sfu/sfu.ts';
import type { Source } from '#sfu/sources.ts';
import type { FeedEvents, FeedHappening, FeedOwner, FeedSnapshot, Viewing } from './feed-facts.ts';
import { FEED_TABLE, type FeedEnding, type FeedInput, type FeedState } from './feed-state.ts';
import { Recording, type RecordingPart } from './recording.ts';
import { takeSnapshot, type Snapshot } from './snapshot.ts';
import { Viewings } from './viewings.ts';

export interface FeedOptions {
  sfu: Sfu;
  owner: FeedOwner;
  invitedBy: string;
  incidentId?: string;
  run?: string;
  isDrill?: boolean;
  /** Of a feed brought back after a restart; fresh ones are made otherwise. */
  id?: string;
  recordingsFolder: string;
  ffmpeg: string;
  clock: Clock;
  chance: Chance;
  log: Log;
  /** Throws when no further recording may start now. */
  admitRecording: () => void;
}

/** A source of video, whatever it is: who watches it, what is recorded of it, and where it stands. */
export abstract class Feed implements Listenable<FeedEvents> {
  readonly id: string;
  protected readonly options: FeedOptions;
  protected readonly events = new Emitter<FeedEvents>();
  readonly #viewings: Viewings;
  readonly #invitedAtMs: number;
  #state: FeedState;
  #sinceMs: number;
  #ending: FeedEnding | undefined;
  #liveAtMs: number | undefined;
  #publisher: Promise<Publisher> | undefined;
  #sources: readonly Source[] = [];
  #recording: Recording | undefined;
  #recordAgainFor: string | undefined;
  #photographers = 0;
  on = this.events.on.bind(this.events);
  once = this.events.once.bind(this.events);

  constructor(options: FeedOptions, state: FeedState) {
    const { chance, clock } = options;
    this.id = options.id ?? chance.id('feed');
    this.options = options;
    this.#viewings = new Viewings(clock);
    this.#state = state;
    this.#invitedAtMs = clock.now();
    this.#sinceMs = this.#invitedAtMs;
  }

  get state(): FeedState {
    return this.#state;
  }

  get owner(): FeedOwner {
    return this.options.owner;
  }

  get isDrill(): boolean {
    return this.options.isDrill ?? false;
  }

  /** Does anybody watch it, record it, or take its picture? */
  protected get isWanted(): boolean {
    return this.#viewings.count > 0 || this.isRecording || this.#photographers > 0;
  }

  snapshot(): FeedSnapshot {
    const { owner, invitedBy, incidentId, run } = this.options;
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
      liveAtMs: this.#liveAtMs,
      sources: [...this.#sources],
      viewings: this.#viewings.list(),
      recording: this.#recording && { id: this.#recording.id, startedAtMs: this.#recording.startedAtMs },
      isInCall: false,
    };
  }

  /** Begins to watch; also before anything has been heard of it, to see the first picture. Throws VIEWING_LIMIT, FEED_UNKNOWN, WEBRTC_UNAVAILABLE. */
  async watch({ by }: { by: string }): Promise<Viewing> {
    this.mustGoOn();
    const viewing = await this.#viewings.begin(by, async () => this.options.sfu.openViewer(await this.openPublisher()));
    viewing.viewer.on('closed', () => this.stopWatching(viewing.id));
    this.happen({ what: 'feed.viewing-started', viewingId: viewing.id, by });
    return viewing;
  }

  stopWatching(viewingId: string): void {
    const viewing = this.#viewings.end(viewingId);
    if (viewing) this.happen({ what: 'feed.viewing-ended', viewingId, by: viewing.by });
  }

  /** Records from now (or from the first picture) until stopped or ended. Already recording, it goes on as it is. Throws RECORDING_LIMIT. */
  async startRecording({ by }: { by: string }): Promise<{ id: string }> {
    this.mustGoOn();
    if (this.#recording) return { id: this.#recording.id };
    const publisher = await this.openPublisher();
    this.mustGoOn();
    // Someone else may have been faster meanwhile.
    if (this.isRecording) return this.startRecording({ by });
    const { admitRecording, clock, log, ffmpeg, chance } = this.options;
    admitRecording();
    const recording = new Recording({
      feedId: this.id,
      recordingId: chance.id('recording'),
      publisher,
      folder: this.#folder,
      ffmpeg,
      clock,
      log,
    });
    this.#recording = recording;
    this.#recordAgainFor = by;
    recording.on('part-finished', (part) => this.happen({ what: 'feed.recording-part-finished', part }));
    recording.on('failed', (why) => this.happen({ what: 'feed.recording-failed', recordingId: recording.id, why }));
    this.happen({ what: 'feed.recording-started', recordingId: recording.id, by });
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

  /** Keeps one picture as evidence. Throws FEED_UNKNOWN, WEBRTC_UNAVAILABLE, SNAPSHOT_FAILED. */
  async takeSnapshot({ by }: { by: string }): Promise<Snapshot> {
    this.mustGoOn();
    const { ffmpeg, clock } = this.options;
    this.#photographers += 1;
    try {
      const publisher = await this.openPublisher();
      const outcome = await takeSnapshot({ publisher, folder: this.#folder, ffmpeg, clock });
      if (outcome.kind === 'failed') throw new DispatchError('SNAPSHOT_FAILED', outcome.why);
      this.happen({ what: 'feed.snapshot-taken', picture: outcome.snapshot, by });
      return outcome.snapshot;
    } finally {
      this.#photographers -= 1;
      this.events.emit('changed');
    }
  }

  /** Signal figures of what arrives, for each source. */
  async statistics(): Promise<Partial<Record<Source, { bitrateBps: number; fractionLost: number }>>> {
    return (await this.#publisher)?.statistics() ?? {};
  }

  /** Ends the feed for a named reason: viewings close, a recording is finished. Once ended, it stays so. */
  async end(reason: FeedEnding): Promise<void> {
    if (this.#state === 'ended') return;
    this.#ending = reason;
    this.take('end');
    await this.stopRecording();
    const publisher = await this.#publisher?.catch(() => undefined);
    publisher?.close();
  }

  /** The publisher if there is one; it is not made. */
  protected get publisher(): Promise<Publisher> | undefined {
    return this.#publisher;
  }

  /** The publisher, made at the first need. After a worker's death a new one is made. */
  protected openPublisher(): Promise<Publisher> {
    this.#publisher ??= this.#makePublisher();
    return this.#publisher;
  }

  /** Connects a new publisher with whatever sends. */
  protected abstract join(publisher: Publisher): void | Promise<void>;

  /** The media worker has died, and with it the publisher. */
  protected abstract publisherDied(): void;

  /** The feed is in this state from now on. */
  protected abstract entered(state: FeedState): void;

  protected take(input: FeedInput): void {
    const next = FEED_TABLE[this.#state][input];
    if (!next) return;
    this.#state = next;
    this.#sinceMs = this.options.clock.now();
    if (next === 'live') this.#liveAtMs ??= this.#sinceMs;
    this.entered(next);
    this.happen(
      next === 'ended' ? { what: 'feed.ended', reason: this.#ending ?? 'phone-lost' } : { what: `feed.${next}` },
    );
  }

  protected happen(happening: FeedHappening): void {
    this.events.emit('happened', happening);
    this.events.emit('changed');
  }

  protected mustGoOn(): void {
    if (this.#state === 'ended') throw new DispatchError('FEED_UNKNOWN');
  }

  get #folder(): string {
    return join(this.options.recordingsFolder, this.id);
  }

  async #finishRecording(): Promise<RecordingPart[]> {
    const recording = this.#recording;
    if (!recording) return [];
    this.#recording = undefined;
    const parts = await recording.stop();
    this.happen({ what: 'feed.recording-ended', recordingId: recording.id, parts: parts.length });
    return parts;
  }

  async #makePublisher(): Promise<Publisher> {
    try {
      const publisher = await this.options.sfu.openPublisher();
      this.#follow(publisher);
      await this.join(publisher);
      if (this.#recordAgainFor !== undefined) this.#recordAgain(this.#recordAgainFor);
      return publisher;
    } catch (error) {
      this.#publisher = undefined;
      throw error;
    }
  }

  #recordAgain(by: string): void {
    this.startRecording({ by }).catch((error: unknown) => {
      this.options.log.warn('recording did not begin again', { feedId: this.id, error });
    });
  }

  #follow(publisher: Publisher): void {
    const look = () => {
      this.#sources = publisher.sources;
      const isFlowing = !publisher.isSilent && this.#sources.length > 0;
      if (isFlowing) this.take('media-arrived');
      else if (this.#state === 'live') this.take('media-stopped');
      this.events.emit('changed');
    };
    for (const event of ['source-added', 'source-removed', 'connected', 'lost', 'back'] as const)
      publisher.on(event, look);
    publisher.on('gone', () => this.take('media-stopped'));
    publisher.on('closed', (why) => {
      this.#sources = [];
      if (why !== 'worker-died') return;
      this.#publisher = undefined;
      this.take('media-stopped');
      // Its publisher is gone, so this recording ends; another begins with the next publisher.
      void this.#finishRecording();
      this.publisherDied();
    });
  }
}
