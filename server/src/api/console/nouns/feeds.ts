import type { FeedView } from '@tocsin/protocol/views.ts';
import type { Desk } from '#dispatch/desk.ts';
import type { FeedSnapshot } from '#video/feed-facts.ts';
import type { NounDoor } from '../noun-door.ts';

export const feeds: NounDoor<'feeds'> = {
  noun: 'feeds',
  all: (desk) => desk.feeds.list().map((feed) => viewOf(feed, desk)),
  watch(desk, changed) {
    desk.feeds.on('changed', (feed) => changed(viewOf(feed, desk)));
    desk.feeds.on('located', (id) => changed(viewOf(desk.feeds.get(id).snapshot(), desk)));
    desk.conferences.on('changed', (conference) => {
      for (const { view } of conference.participants())
        if (view.feed) changed(viewOf(desk.feeds.get(view.feed).snapshot(), desk));
    });
  },
};

function viewOf(feed: FeedSnapshot, desk: Desk): FeedView {
  const person = feed.owner.kind === 'person' ? desk.directory.person(feed.owner.id) : undefined;
  const camera = desk.directory.site.cameras.find(({ id }) => feed.owner.kind === 'camera' && id === feed.owner.id);
  const conference = desk.conferences
    .all()
    .find((each) => each.participants().some(({ view, isIn }) => view.feed === feed.id && isIn));
  return {
    id: feed.id,
    ...(person ? { person: person.id } : {}),
    ...(feed.owner.kind === 'camera' ? { camera: feed.owner.id } : {}),
    ...(feed.trouble ? { trouble: feed.trouble } : {}),
    name: person?.name ?? camera?.name ?? { zh: feed.owner.name },
    state: feed.state,
    since: feed.sinceMs,
    invitedAt: feed.invitedAtMs,
    ...(feed.liveAtMs === undefined ? {} : { liveSince: feed.liveAtMs }),
    ...(feed.ending === undefined ? {} : { endedBecause: feed.ending }),
    hasVideo: feed.sources.includes('camera'),
    hasAudio: feed.sources.includes('microphone'),
    isRecording: feed.recording !== undefined,
    ...(feed.location ? { location: feed.location } : {}),
    ...(conference ? { conference: conference.id } : {}),
    ...(feed.run ? { run: feed.run } : {}),
    ...(feed.incidentId ? { incident: feed.incidentId } : {}),
    viewers: feed.viewings.length,
  };
}
