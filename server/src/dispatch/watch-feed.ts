import type { CommandOf } from '@tocsin/protocol/console.ts';
import { FieldLeg } from '#calls/field-leg.ts';
import { relative } from 'node:path';
import type { FeedHappening, FeedSnapshot } from '#video/feed.ts';
import type { RecordingPart } from '#video/recording.ts';
import type { Actor, Desk } from './desk.ts';
import { askForFeed } from './ask-for-feed.ts';
import { peopleOf } from './targets.ts';

/** Asks people for video by hand: each gets a link by short message. */
export async function askForVideo({ targets, incident }: CommandOf<'video.ask'>, actor: Actor, desk: Desk) {
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

/**
 * What the house does by itself with a feed: everything on the timeline, a recording from the first picture, and the
 * phone's voice into the conference of the run that asked for it, so that the field hears and speaks.
 */
export function followFeeds(desk: Desk): void {
  const { feeds, log } = desk;
  feeds.on('happened', (feed, happening) => {
    note(feed, happening, desk);
    if (happening.what === 'feed.live') {
      feeds
        .get(feed.id)
        .startRecording({ by: 'system' })
        .catch((error: unknown) => log.error('video recording not started', { feedId: feed.id, error }));
    }
    if (happening.what === 'feed.opened' || happening.what === 'feed.live')
      bringIn(feed, desk).catch((error: unknown) => log.error('field phone not joined', { feedId: feed.id, error }));
  });
}

/** Joins the field phone's voice to the conference of its run, once. */
async function bringIn(feed: FeedSnapshot, desk: Desk): Promise<void> {
  const conference = desk.conferences
    .all()
    .find((each) => each.facts.run !== undefined && each.facts.run === feed.run && !each.hasEnded);
  if (!conference || conference.participants().some(({ view, isOut }) => view.feed === feed.id && !isOut)) return;
  const person = desk.directory.person(feed.owner.id);
  const source = desk.feeds.get(feed.id);
  if (source.snapshot().isInCall) return;
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

function note(feed: FeedSnapshot, happening: FeedHappening, { timeline, store, log, dataFolder }: Desk): void {
  const { what, ...facts } = happening;
  const part = 'part' in happening ? happening.part : undefined;
  if (part) keepPart(part, feed, { store, log, dataFolder });
  timeline
    .append({
      kind: what,
      isDrill: feed.isDrill,
      ...(feed.owner.kind === 'person' ? { person: feed.owner.id } : {}),
      ...(feed.incidentId ? { incident: feed.incidentId } : {}),
      ...(feed.run ? { run: feed.run } : {}),
      data: { feed: feed.id, name: feed.owner.name, ...facts },
      ...(part
        ? {
            blobs: [{ sha256: part.sha256, kind: 'video', path: relative(dataFolder, part.file), ms: part.durationMs }],
          }
        : {}),
    })
    .catch((error: unknown) => log.error('timeline entry lost', { kind: what, error }));
}

/** A finished file of a video recording can be found by its hash, as one of sound can. */
function keepPart(
  part: RecordingPart,
  feed: FeedSnapshot,
  { store, log, dataFolder }: Pick<Desk, 'store' | 'log' | 'dataFolder'>,
): void {
  const { incidentId, run, isDrill } = feed;
  const facts = {
    title: feed.owner.name,
    isDrill,
    ...(incidentId ? { incident: incidentId } : {}),
    ...(run ? { run } : {}),
  };
  store
    .query(
      `insert into recordings (id, file, started_at, closed_at, duration_ms, sha256, facts) values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (id) do nothing`,
      [
        `${part.recordingId}-${part.startedAtMs}`,
        relative(dataFolder, part.file),
        new Date(part.startedAtMs),
        new Date(part.startedAtMs + part.durationMs),
        Math.round(part.durationMs),
        part.sha256,
        JSON.stringify(facts),
      ],
    )
    .catch((error: unknown) => log.error('video recording not noted', { feedId: feed.id, error }));
}
