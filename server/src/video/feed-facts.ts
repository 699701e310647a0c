import type { Source } from '#sfu/sources.ts';
import type { Viewer } from '#sfu/viewer.ts';
import type { FeedEnding, FeedState } from './feed-state.ts';
import type { FeedLocation } from './location.ts';
import type { RecordingPart } from './recording.ts';
import type { Snapshot } from './snapshot.ts';

/** Named limits of one feed. */
export const FEED_LIMITS = {
  /** People who watch one feed at the same time; the next is refused with VIEWING_LIMIT. */
  viewingsPerFeed: 20,
} as const;

/** Whose camera it is. */
export interface FeedOwner {
  kind: 'person' | 'device' | 'caller' | 'camera';
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
  /** Why there is no picture now, when more is known than the state: a camera's trouble. */
  trouble?: string;
  invitedAtMs: number;
  /** Of a link: until then it can be opened for the first time. */
  expiresAtMs?: number;
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
  | { what: 'feed.recording-ended'; recordingId: string; parts: number }
  | { what: 'feed.snapshot-taken'; picture: Snapshot; by: string };

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
