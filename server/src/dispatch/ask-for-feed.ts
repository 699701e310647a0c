import type { StepFeeds } from '#plans/step.ts';
import type { FieldFeed } from '#video/field-feed.ts';
import type { Desk } from './desk.ts';

/** What a feed is kept as, so that a link that has been sent still works after a restart. */
interface FeedRow {
  id: string;
  token: string;
  person: string;
  run: string | null;
  incident: string | null;
  asker: string;
  is_drill: boolean;
  expires_at: Date;
  live_at: Date | null;
}

/** Makes the link for a person to send video by, or gives the one that was made under this id before. */
export async function askForFeed(
  options: Parameters<StepFeeds['ask']>[0],
  desk: Pick<Desk, 'feeds' | 'store' | 'directory' | 'publicUrl' | 'clock'>,
): Promise<{ feed: string; link: string }> {
  const { feeds, store, directory, publicUrl } = desk;
  const known = feeds.field(options.id);
  const name = directory.person(options.person)?.name.zh ?? options.person;
  const feed =
    known ??
    feeds.invite({
      id: options.id,
      owner: { kind: 'person', id: options.person, name },
      by: options.asker,
      ...(options.incident ? { incidentId: options.incident } : {}),
      ...(options.run ? { run: options.run } : {}),
      isDrill: options.isDrill,
    });
  follow(feed, options.onState, desk);
  const { expiresAtMs } = feed.snapshot();
  await store.query(
    `insert into feeds (id, token, person, run, incident, asker, is_drill, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (id) do nothing`,
    [
      feed.id,
      feed.token,
      options.person,
      options.run ?? null,
      options.incident ?? null,
      options.asker,
      options.isDrill,
      new Date(expiresAtMs ?? 0),
    ],
  );
  return { feed: feed.id, link: `${publicUrl}/field/${feed.token}` };
}

/** A link by which video came is good for so long after the video was last seen to begin, whenever it was sent. */
const LIVE_LINK_FOR_MS = 12 * 3600 * 1000;
/** A phone that was sending when the server went away comes back within seconds; so long it is let in at least. */
const COMES_BACK_WITHIN_MS = 10 * 60_000;

/** Brings back the links that were sent before a restart, and have not ended: those that are new, and those in use. */
export async function restoreFeeds({
  feeds,
  store,
  directory,
  clock,
}: Pick<Desk, 'feeds' | 'store' | 'directory' | 'clock'>): Promise<number> {
  const now = clock.now();
  const rows = await store.query<FeedRow>(
    'select * from feeds where ended_at is null and (expires_at > $1 or live_at > $2)',
    [new Date(now), new Date(now - LIVE_LINK_FOR_MS)],
  );
  for (const row of rows)
    feeds.invite({
      id: row.id,
      token: row.token,
      owner: { kind: 'person', id: row.person, name: directory.person(row.person)?.name.zh ?? row.person },
      by: row.asker,
      ...(row.incident ? { incidentId: row.incident } : {}),
      ...(row.run ? { run: row.run } : {}),
      isDrill: row.is_drill,
      expiresInMs: Math.max(row.expires_at.getTime() - now, row.live_at ? COMES_BACK_WITHIN_MS : 0),
    });
  return rows.length;
}

/** Keeps which links are in use and which have ended, for the next start. */
export function keepFeeds({ feeds, store, log, clock }: Pick<Desk, 'feeds' | 'store' | 'log' | 'clock'>): void {
  feeds.on('happened', ({ id, ending }, { what }) => {
    if (what !== 'feed.live' && (what !== 'feed.ended' || ending === 'server-stopping')) return;
    const column = what === 'feed.live' ? 'live_at' : 'ended_at';
    store
      .query(`update feeds set ${column} = $2 where id = $1`, [id, new Date(clock.now())])
      .catch((error: unknown) => log.error('state of a feed not kept', { feedId: id, what, error }));
  });
}

function follow(
  feed: FieldFeed,
  onState: Parameters<StepFeeds['ask']>[0]['onState'],
  { clock }: Pick<Desk, 'clock'>,
): void {
  const tell = () => {
    const { state, ending } = feed.snapshot();
    onState({ state, at: clock.now(), ...(ending ? { detail: ending } : {}) });
  };
  tell();
  let last = feed.snapshot().state;
  const off = feed.on('changed', () => {
    const { state } = feed.snapshot();
    if (state === last) return;
    last = state;
    tell();
    if (state === 'ended') off();
  });
}
