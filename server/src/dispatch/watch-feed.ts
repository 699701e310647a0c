import type { CommandOf } from '@tocsin/protocol/console.ts';
import { FieldLeg } from '#calls/field-leg.ts';
import { relative } from 'node:path';
import type { FeedHappening, FeedSnapshot } from '#video/feed-facts.ts';
import type { Actor, Desk } from './desk.ts';
import { askForFeed } from './ask-for-feed.ts';
import { peopleOf } from './targets.ts';

/** When a recorder that has outlived its server has surely ended: 10 s without a packet, and 20 s without a change of its file. */
const LOOK_FOR_LEFT_AGAIN_AFTER_MS = [35_000, 120_000] as const;

/** What the timeline tells of a feed. */
type NotedFeed = Pick<FeedSnapshot, 'id' | 'owner' | 'isDrill' | 'run' | 'incidentId'>;

/** Asks people for video by hand: each gets a link by short message. */
export async function askForVideo({ targets, incident: named }: CommandOf<'video.ask'>, actor: Actor, desk: Desk) {
  // While one case is open, a picture that is asked for belongs to it.
  const open = desk.incidents.current();
  const incident = named ?? (open.length === 1 ? open[0]!.id : undefined);
  const asked = await Promise.all(
    peopleOf(targets, desk.directory).map(async (person) => {
      const id = desk.chance.id('feed');
      const { feed, link } = await askForFeed(
        {
          id,
          person: person.id,
          isDrill: false,
          asker: actor.name,
          ...(incident ? { incident } : {}),
          onState: () => {},
        },
        desk,
      );
      await desk.texts.send({
        id: `${id}-text`,
        to: { person: person.id },
        text: `请点开链接回传现场视频：${link}`,
        ...(incident ? { incident } : {}),
      });
      return { person: person.id, feed, link };
    }),
  );
  await desk.timeline.append({
    kind: 'feed.asked',
    actor: actor.user,
    ...(incident ? { incident } : {}),
    data: { people: asked.map((each) => each.person) },
  });
  return { feeds: asked };
}

export async function endFeed({ feed }: CommandOf<'video.end'>, _actor: Actor, desk: Desk) {
  await desk.feeds.get(feed).end('dispatcher-ended');
}

/** Keeps the next whole picture of a feed as evidence. */
export async function keepSnapshot({ feed }: CommandOf<'video.snapshot'>, actor: Actor, desk: Desk) {
  const { sha256, takenAtMs } = await desk.feeds.get(feed).takeSnapshot({ by: actor.user });
  return { sha256, at: takenAtMs };
}

/** Records a feed from now on, or no longer. */
export async function recordFeed({ feed, isOn }: CommandOf<'video.record'>, actor: Actor, desk: Desk) {
  const found = desk.feeds.get(feed);
  if (isOn) await found.startRecording({ by: actor.user });
  else await found.stopRecording();
}

/**
 * What the house does by itself with a feed: everything on the timeline, a phone's recording from its
 * first picture, and its voice into the conference of the run that asked for it, so that the field hears and speaks.
 */
export function followFeeds(desk: Desk): void {
  const { feeds, log } = desk;
  feeds.on('happened', (feed, happening) => {
    note(feed, happening, desk);
    if (happening.what === 'feed.live' && feed.owner.kind !== 'camera') {
      feeds
        .get(feed.id)
        .startRecording({ by: 'system' })
        .catch((error: unknown) => log.error('video recording not started', { feedId: feed.id, error }));
    }
    if (feeds.field(feed.id) && (happening.what === 'feed.opened' || happening.what === 'feed.live'))
      bringIn(feed, desk).catch((error: unknown) => log.error('field phone not joined', { feedId: feed.id, error }));
  });
}

/** Joins the field phone's voice to the conference of its run, or of its case, once. */
async function bringIn(feed: FeedSnapshot, desk: Desk): Promise<void> {
  const conference = desk.conferences.all().find(({ facts, hasEnded }) => {
    const isSameRun = facts.run !== undefined && facts.run === feed.run;
    const isSameCase = facts.incident !== undefined && facts.incident === feed.incidentId;
    return !hasEnded && (isSameRun || isSameCase);
  });
  if (!conference || conference.participants().some(({ view, isOut }) => view.feed === feed.id && !isOut)) return;
  const person = desk.directory.person(feed.owner.id);
  const source = desk.feeds.field(feed.id);
  if (!source || source.snapshot().isInCall) return;
  const leg = await FieldLeg.open(
    { number: feed.id, ...(person ? { person: person.id, name: person.name } : {}) },
    (engine) => source.openAudioLeg({ engine }),
    desk,
  );
  await conference.join(leg, {
    kind: 'field',
    feed: feed.id,
    bearer: 'field',
    name: person?.name ?? { zh: feed.owner.name },
    ...(person ? { person: person.id, role: person.title } : {}),
  });
}

/**
 * Recordings that a killed server left behind come onto the timeline. Their recorders outlive the server by some seconds and
 * then write the index, so that what still grows at the start is looked for again.
 */
export async function recoverVideo(desk: Desk): Promise<void> {
  await keepLeft(desk);
  for (const afterMs of LOOK_FOR_LEFT_AGAIN_AFTER_MS)
    desk.clock.after(afterMs, () => {
      keepLeft(desk).catch((error: unknown) => desk.log.error('video left behind not recovered', { error }));
    });
}

async function keepLeft(desk: Desk): Promise<void> {
  for (const part of await desk.feeds.sealLeftRecordings()) {
    const [row] = await desk.store.query<{
      person: string;
      run: string | null;
      incident: string | null;
      is_drill: boolean;
    }>('select person, run, incident, is_drill from feeds where id = $1', [part.feedId]);
    const name = row && (desk.directory.person(row.person)?.name.zh ?? row.person);
    const feed: NotedFeed = {
      id: part.feedId,
      owner: { kind: 'person', id: row?.person ?? '', name: name ?? part.feedId },
      isDrill: row?.is_drill ?? false,
      ...(row?.run ? { run: row.run } : {}),
      ...(row?.incident ? { incidentId: row.incident } : {}),
    };
    note(feed, { what: 'feed.recording-part-finished', part }, desk);
    desk.log.info('video left behind recovered', { feedId: part.feedId, durationMs: part.durationMs });
  }
}

function note(feed: NotedFeed, happening: FeedHappening, { timeline, store, log, dataFolder }: Desk): void {
  const { what, ...facts } = happening;
  const kept = fileOf(happening);
  const append = () =>
    timeline
      .append({
        kind: what,
        isDrill: feed.isDrill,
        ...('by' in happening && what === 'feed.snapshot-taken' ? { actor: happening.by } : {}),
        ...(feed.owner.kind === 'person' ? { person: feed.owner.id } : {}),
        ...(feed.incidentId ? { incident: feed.incidentId } : {}),
        ...(feed.run ? { run: feed.run } : {}),
        data: {
          ...{ feed: feed.id, name: feed.owner.name },
          ...(feed.owner.kind === 'camera' ? { camera: feed.owner.id } : {}),
          ...facts,
          ...('part' in happening ? { part: withoutFile(happening.part) } : {}),
          ...('picture' in happening ? { picture: withoutFile(happening.picture) } : {}),
        },
        ...(kept
          ? {
              blobs: [
                {
                  ...{ sha256: kept.sha256, kind: kept.kind, path: relative(dataFolder, kept.file) },
                  ...(kept.kind === 'video' ? { ms: kept.ms } : {}),
                },
              ],
            }
          : {}),
      })
      .catch((error: unknown) => log.error('timeline entry lost', { kind: what, error }));
  // Whoever reads the entry can play its file at once.
  if (kept) void keepFile(kept, feed, { store, log, dataFolder }).then(append);
  else void append();
}

/** A file of a feed that is evidence. */
interface KeptFile {
  id: string;
  kind: 'video' | 'picture';
  file: string;
  sha256: string;
  fromMs: number;
  ms: number;
}

function fileOf(happening: FeedHappening): KeptFile | undefined {
  if ('part' in happening) {
    const { recordingId, startedAtMs, durationMs, file, sha256 } = happening.part;
    return { id: `${recordingId}-${startedAtMs}`, kind: 'video', file, sha256, fromMs: startedAtMs, ms: durationMs };
  }
  if ('picture' in happening) {
    const { file, sha256, takenAtMs } = happening.picture;
    return { id: `picture-${sha256.slice(0, 32)}`, kind: 'picture', file, sha256, fromMs: takenAtMs, ms: 0 };
  }
  return undefined;
}

/** A finished file of a feed can be found by its hash, as one of sound can. */
async function keepFile(
  kept: KeptFile,
  feed: NotedFeed,
  { store, log, dataFolder }: Pick<Desk, 'store' | 'log' | 'dataFolder'>,
): Promise<void> {
  const { incidentId, run, isDrill } = feed;
  const facts = {
    title: feed.owner.name,
    isDrill,
    ...(incidentId ? { incident: incidentId } : {}),
    ...(run ? { run } : {}),
  };
  await store
    .query(
      `insert into recordings (id, file, started_at, closed_at, duration_ms, sha256, facts) values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (id) do nothing`,
      [
        kept.id,
        relative(dataFolder, kept.file),
        new Date(kept.fromMs),
        new Date(kept.fromMs + kept.ms),
        Math.round(kept.ms),
        kept.sha256,
        JSON.stringify(facts),
      ],
    )
    .catch((error: unknown) => log.error('video recording not noted', { feedId: feed.id, error }));
}

/** Where the file lies on this machine's disk is nobody's business outside: its hash says which it is. */
function withoutFile<Kept extends { file: string }>({ file: _file, ...kept }: Kept): Omit<Kept, 'file'> {
  return kept;
}
