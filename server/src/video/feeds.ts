import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { Sfu } from '#sfu/sfu.ts';
import { CameraFeed, type CameraSender } from './camera-feed.ts';
import type { FeedHappening, FeedOwner, FeedSnapshot } from './feed-facts.ts';
import type { Feed } from './feed.ts';
import { FieldFeed } from './field-feed.ts';
import type { FeedLocation } from './location.ts';
import { sealLeftParts, type RecordingPart } from './recording.ts';

/** Named limits of all feeds together. */
export const FEEDS_LIMITS = {
  /** Feeds that have not ended; the next invitation is refused with FEED_LIMIT. */
  feedsAtOnce: 100,
  /** Recordings at the same time, each a process; the next is refused with RECORDING_LIMIT. */
  recordingsAtOnce: 16,
  /** Ended feeds that are still listed; the oldest is forgotten. */
  endedFeedsKept: 100,
  /** A link that nobody has opened. */
  linkForMs: 30 * 60_000,
} as const;

export type FeedsEvents = {
  /** Push it to the consoles. */
  changed: [FeedSnapshot];
  located: [feedId: string, FeedLocation];
  /** Append it to the timeline. */
  happened: [FeedSnapshot, FeedHappening];
  'call-wanted': [feedId: string, isWanted: boolean];
  'must-reopen': [feedId: string];
};

/** Whom the control room asks for video, and why. */
export interface Invitation {
  owner: FeedOwner;
  /** Who asks, as the field page shows it. */
  by: string;
  incidentId?: string;
  run?: string;
  isDrill?: boolean;
  /** How long the link can be opened for the first time. Default `FEEDS_LIMITS.linkForMs`. */
  expiresInMs?: number;
  id?: string;
  token?: string;
}

/** Which camera is wanted, and why. */
export interface CameraWish {
  camera: { id: string; name: string };
  sender: CameraSender;
  /** Absent: CAMERA_FEED_LIMITS. */
  firstViewerWithinMs?: number;
  by: string;
  incidentId?: string;
  run?: string;
  isDrill?: boolean;
}

export interface FeedsOptions {
  sfu: Sfu;
  /** A folder of ours: one folder below it for each recorded feed. */
  recordingsFolder: string;
  /** The ffmpeg to call. Default `ffmpeg`. */
  ffmpeg?: string;
  clock: Clock;
  chance: Chance;
  log: Log;
}

/** Every source of video that the control room has asked for: phones behind links, and cameras. */
export class Feeds implements AsyncDisposable, Listenable<FeedsEvents> {
  readonly #options: FeedsOptions;
  readonly #events = new Emitter<FeedsEvents>();
  readonly #feeds = new Map<string, Feed>();
  readonly #byToken = new Map<string, FieldFeed>();
  #isClosed = false;
  on = this.#events.on.bind(this.#events);
  once = this.#events.once.bind(this.#events);

  constructor(options: FeedsOptions) {
    this.#options = options;
  }

  /**
   * Makes a feed whose link (`feed.token` is its secret) can be sent to a phone. With the `id` of one that is there already, it is
   * that one. With `id` and `token`, a feed is brought back after a restart, of which the timeline knows. Throws FEED_LIMIT.
   */
  invite(invitation: Invitation): FieldFeed {
    const known = invitation.id === undefined ? undefined : this.find(invitation.id);
    if (known instanceof FieldFeed) return known;
    const { expiresInMs = FEEDS_LIMITS.linkForMs, token } = invitation;
    const feed = new FieldFeed({
      ...this.#common(invitation),
      owner: invitation.owner,
      id: invitation.id,
      token,
      expiresAtMs: this.#options.clock.now() + expiresInMs,
    });
    this.#byToken.set(feed.token, feed);
    return this.#begin(feed, token === undefined);
  }

  /** The feed of a camera; the one that runs already, if there is one. Throws FEED_LIMIT. */
  openCamera(wish: CameraWish): CameraFeed {
    const { camera, sender, firstViewerWithinMs } = wish;
    const running = this.ofCamera(camera.id);
    if (running) return running;
    return this.#begin(
      new CameraFeed({
        ...this.#common(wish),
        owner: { kind: 'camera', id: camera.id, name: camera.name },
        sender,
        firstViewerWithinMs,
      }),
      true,
    );
  }

  /** The feed of a camera that is being pulled now. */
  ofCamera(camera: string): CameraFeed | undefined {
    for (const feed of this.#feeds.values())
      if (feed instanceof CameraFeed && feed.owner.id === camera && feed.state !== 'ended') return feed;
    return undefined;
  }

  /** A phone's feed; undefined when there is none, or it is a camera's. */
  field(feedId: string): FieldFeed | undefined {
    const feed = this.find(feedId);
    return feed instanceof FieldFeed ? feed : undefined;
  }

  find(feedId: string): Feed | undefined {
    return this.#feeds.get(feedId);
  }

  /** Throws FEED_UNKNOWN. */
  get(feedId: string): Feed {
    const feed = this.find(feedId);
    if (!feed) throw new DispatchError('FEED_UNKNOWN');
    return feed;
  }

  /** The feed of a link that has not ended. Throws FEED_UNKNOWN. Guessing is hopeless: a token has 128 bits. */
  findByToken(token: string): FieldFeed {
    const feed = this.#byToken.get(token);
    if (!feed) throw new DispatchError('FEED_UNKNOWN');
    return feed;
  }

  /** Those that have not ended, then those that have, newest first. */
  list(): FeedSnapshot[] {
    const all = [...this.#feeds.values()].map((feed) => feed.snapshot());
    const rank = ({ state }: FeedSnapshot) => (state === 'ended' ? 1 : 0);
    return all.sort((a, b) => rank(a) - rank(b) || b.invitedAtMs - a.invitedAtMs);
  }

  /** Seals the recordings that a killed server left behind. Call it at the start and again a minute later: the recorder of a file needs 10 s to see that it is alone. */
  sealLeftRecordings(): Promise<RecordingPart[]> {
    return sealLeftParts(this.#options.recordingsFolder, this.#options.clock);
  }

  snapshot(): { feeds: FeedSnapshot[] } {
    return { feeds: this.list() };
  }

  /** Ends every feed; recordings are finished first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#feeds.values()].map((feed) => feed.end('server-stopping')));
  }

  #common({ by, incidentId, run, isDrill }: Pick<Invitation, 'by' | 'incidentId' | 'run' | 'isDrill'>) {
    const { sfu, recordingsFolder, ffmpeg = 'ffmpeg', clock, chance, log } = this.#options;
    const open = [...this.#feeds.values()].filter(({ state }) => state !== 'ended');
    if (this.#isClosed || open.length >= FEEDS_LIMITS.feedsAtOnce) throw new DispatchError('FEED_LIMIT');
    const admitRecording = () => this.#admitRecording();
    const kit = { sfu, recordingsFolder, ffmpeg, clock, chance, log, admitRecording };
    return { ...kit, invitedBy: by, incidentId, run, isDrill };
  }

  #begin<Kind extends Feed>(feed: Kind, isNew: boolean): Kind {
    this.#feeds.set(feed.id, feed);
    this.#pass(feed);
    const what = feed instanceof CameraFeed ? 'feed.opened' : 'feed.invited';
    if (isNew) this.#events.emit('happened', feed.snapshot(), { what });
    this.#events.emit('changed', feed.snapshot());
    return feed;
  }

  #admitRecording(): void {
    const running = [...this.#feeds.values()].filter(({ isRecording }) => isRecording);
    if (running.length >= FEEDS_LIMITS.recordingsAtOnce) throw new DispatchError('RECORDING_LIMIT');
  }

  #pass(feed: Feed): void {
    feed.on('changed', () => this.#events.emit('changed', feed.snapshot()));
    feed.on('located', (location) => this.#events.emit('located', feed.id, location));
    feed.on('call-wanted', (isWanted) => this.#events.emit('call-wanted', feed.id, isWanted));
    feed.on('must-reopen', () => this.#events.emit('must-reopen', feed.id));
    feed.on('happened', (happening) => {
      this.#events.emit('happened', feed.snapshot(), happening);
      if (happening.what === 'feed.ended') this.#forget(feed);
    });
  }

  #forget(feed: Feed): void {
    if (feed instanceof FieldFeed) this.#byToken.delete(feed.token);
    const ended = [...this.#feeds.values()].filter(({ state }) => state === 'ended');
    for (const { id } of ended.slice(0, Math.max(0, ended.length - FEEDS_LIMITS.endedFeedsKept)))
      this.#feeds.delete(id);
  }
}
