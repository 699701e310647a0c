/** Where a feed stands. */
export type FeedState = 'invited' | 'opened' | 'live' | 'lost' | 'ended';

/** Why a feed has ended. */
export type FeedEnding =
  'dispatcher-ended' | 'phone-ended' | 'link-expired' | 'phone-lost' | 'nobody-watches' | 'server-stopping';

/** What can happen to a feed. */
export type FeedInput = 'page-opened' | 'media-arrived' | 'media-stopped' | 'end';

/**
 * Read a row as "in this state, on this input, go there". An input without a row changes nothing.
 * A camera begins as `opened`. A phone that was lost goes live by sending again; nothing but the end makes a feed ended, and nothing leaves that.
 */
export const FEED_TABLE: Record<FeedState, Partial<Record<FeedInput, FeedState>>> = {
  invited: { 'page-opened': 'opened', end: 'ended' },
  opened: { 'media-arrived': 'live', 'media-stopped': 'lost', end: 'ended' },
  live: { 'media-stopped': 'lost', end: 'ended' },
  lost: { 'media-arrived': 'live', end: 'ended' },
  ended: {},
};
