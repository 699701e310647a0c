import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededChance } from '#kernel/chance.ts';
import { ManualClock } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import { silentLog } from '#kernel/log.ts';
import type { Publisher, PublisherEvents } from '#sfu/publisher.ts';
import type { Sfu } from '#sfu/sfu.ts';
import type { Source } from '#sfu/sources.ts';
import type { Viewer, ViewerEvents } from '#sfu/viewer.ts';
import { FEED_LIMITS } from './feed-facts.ts';
import { FIELD_LIMITS } from './field-feed.ts';
import { Feeds, FEEDS_LIMITS } from './feeds.ts';

test('a feed goes from invited over opened to live, is lost and comes back, and ends when its phone stays away', async () => {
  const { feeds, clock, publishers, told } = town();
  const feed = feeds.invite({ owner, by: 'dispatcher', incidentId: 'incident-1' });
  assert.equal(feed.state, 'invited');
  await feed.openPage();
  assert.equal(feed.state, 'opened');
  const [publisher] = publishers;
  publisher!.send('camera');
  assert.equal(feed.state, 'live');
  publisher!.fallSilent();
  assert.equal(feed.state, 'lost');
  clock.advance(FIELD_LIMITS.lostForMs - 1);
  publisher!.comeBack();
  assert.equal(feed.state, 'live');
  clock.advance(FIELD_LIMITS.lostForMs * 2);
  assert.equal(feed.state, 'live');
  publisher!.fallSilent();
  clock.advance(FIELD_LIMITS.lostForMs);
  assert.deepEqual([feed.state, feed.snapshot().ending], ['ended', 'phone-lost']);
  assert.deepEqual(told, [
    'feed.invited',
    'feed.opened',
    'feed.live',
    'feed.lost',
    'feed.live',
    'feed.lost',
    'feed.ended',
  ]);
  await settled();
  assert.equal(publisher!.isClosed, true);
  assert.equal(clock.pending, 0);
});

test('a link expires when nobody opens it, and an ended link opens nothing', async () => {
  const { feeds, clock } = town();
  const feed = feeds.invite({ owner, by: 'dispatcher', expiresInMs: 60_000 });
  assert.equal(feeds.findByToken(feed.token), feed);
  clock.advance(60_000);
  assert.equal(feed.snapshot().ending, 'link-expired');
  assert.throws(() => feeds.findByToken(feed.token), { code: 'FEED_UNKNOWN' });
  await assert.rejects(feed.openPage(), { code: 'FEED_UNKNOWN' });
  await assert.rejects(feed.watch({ by: 'x' }), { code: 'FEED_UNKNOWN' });
});

test('the first phone has the link; with its claim it comes in again, another phone does not', async () => {
  const { feeds } = town();
  const feed = feeds.invite({ owner, by: 'dispatcher' });
  const [first, second] = await Promise.allSettled([feed.openPage(), feed.openPage()]);
  assert(first.status === 'fulfilled' && second.status === 'rejected');
  assert.equal((second.reason as DispatchError).code, 'FEED_CLAIMED');
  await assert.rejects(feed.openPage('0'.repeat(first.value.claim.length)), { code: 'FEED_CLAIMED' });
  assert.equal((await feed.openPage(first.value.claim)).claim, first.value.claim);
  assert.equal(JSON.stringify(feed.snapshot()).includes(feed.token), false);
});

test('a link opened while the media worker is away is not used up', async () => {
  const { feeds, sfu } = town();
  const feed = feeds.invite({ owner, by: 'dispatcher' });
  sfu.isReady = false;
  await assert.rejects(feed.openPage(), { code: 'WEBRTC_UNAVAILABLE' });
  sfu.isReady = true;
  await feed.openPage();
  assert.equal(feed.state, 'opened');
});

test('the death of the media worker loses the feed, and the page opens it again with its claim', async () => {
  const { feeds, publishers } = town();
  const feed = feeds.invite({ owner, by: 'dispatcher' });
  const asked: string[] = [];
  feeds.on('must-reopen', (feedId) => asked.push(feedId));
  const { claim } = await feed.openPage();
  publishers[0]!.send('camera');
  publishers[0]!.close('worker-died');
  assert.equal(feed.state, 'lost');
  assert.deepEqual(asked, [feed.id]);
  await feed.openPage(claim);
  publishers[1]!.send('camera');
  assert.equal(feed.state, 'live');
});

test('who watches is counted, limited and told', async () => {
  const { feeds, told, viewers } = town();
  const feed = feeds.invite({ owner, by: 'dispatcher' });
  const viewings = await Promise.all(
    Array.from({ length: FEED_LIMITS.viewingsPerFeed }, (_, index) => feed.watch({ by: `user-${index}` })),
  );
  await assert.rejects(feed.watch({ by: 'one too many' }), { code: 'VIEWING_LIMIT' });
  feed.stopWatching(viewings[0]!.id);
  viewers[1]!.leave();
  assert.equal(feed.snapshot().viewings.length, FEED_LIMITS.viewingsPerFeed - 2);
  assert.equal(told.filter((what) => what === 'feed.viewing-ended').length, 2);
});

test('twenty people who press at the same moment do not get past the limit', async () => {
  const { feeds } = town();
  const feed = feeds.invite({ owner, by: 'dispatcher' });
  const outcomes = await Promise.allSettled(
    Array.from({ length: FEED_LIMITS.viewingsPerFeed + 5 }, (_, index) => feed.watch({ by: `user-${index}` })),
  );
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, FEED_LIMITS.viewingsPerFeed);
  assert.equal(feed.snapshot().viewings.length, FEED_LIMITS.viewingsPerFeed);
});

test('a location belongs to the feed; nonsense is refused and a flood is thinned', () => {
  const { feeds, clock } = town();
  const feed = feeds.invite({ owner, by: 'dispatcher' });
  const heard: number[] = [];
  feeds.on('located', (_feedId, { latitude }) => heard.push(latitude));
  const at = (latitude: number) => ({ latitude, longitude: 114.3, accuracyMetres: 12, atMs: clock.now() });
  feed.locate(at(30.1));
  feed.locate(at(30.2));
  clock.advance(FIELD_LIMITS.locationEveryMs);
  feed.locate({ ...at(30.3), atMs: clock.now() + 1e9 });
  assert.deepEqual(heard, [30.1, 30.3]);
  assert.equal(feed.snapshot().location?.atMs, clock.now());
  for (const body of [undefined, {}, at(91), at(NaN), { ...at(1), longitude: '114' }])
    assert.throws(() => feed.locate(body), { code: 'REQUEST_MALFORMED' });
});

test('a feed brought back after a restart has its old link, and is not told as new', async () => {
  const { feeds, told } = town();
  const again = { id: 'feed-7', token: 'f'.repeat(32), owner, by: 'dispatcher', run: 'run-1', isDrill: true };
  const feed = feeds.invite(again);
  assert.equal(feeds.findByToken(again.token), feed);
  assert.equal(feeds.invite(again), feed);
  assert.equal(feeds.find('feed-8'), undefined);
  assert.deepEqual(told, []);
  const { run, isDrill, sinceMs, invitedAtMs } = feed.snapshot();
  assert.deepEqual([run, isDrill, sinceMs], ['run-1', true, invitedAtMs]);
  await feed.openPage();
  assert.deepEqual(told, ['feed.opened']);
});

test('feeds have a limit, and ended ones make room', async () => {
  const { feeds } = town();
  const all = Array.from({ length: FEEDS_LIMITS.feedsAtOnce }, () => feeds.invite({ owner, by: 'dispatcher' }));
  assert.throws(() => feeds.invite({ owner, by: 'dispatcher' }), { code: 'FEED_LIMIT' });
  await all[0]!.end('dispatcher-ended');
  feeds.invite({ owner, by: 'dispatcher' });
  assert.equal(feeds.list().at(-1)?.state, 'ended');
  await feeds[Symbol.asyncDispose]();
  assert(feeds.list().every(({ state }) => state === 'ended'));
  assert.throws(() => feeds.invite({ owner, by: 'dispatcher' }), { code: 'FEED_LIMIT' });
});

const owner = { kind: 'person', id: 'person-1', name: 'Li Wei' } as const;

/** Stands for sfu's publisher: says what its phone does. */
class FakePublisher {
  #events = new Emitter<PublisherEvents>();
  on = this.#events.on.bind(this.#events);
  sources: Source[] = [];
  isSilent = true;
  isClosed = false;
  isCallWanted = false;
  routerRtpCapabilities = {};

  send(source: Source) {
    this.sources.push(source);
    this.isSilent = false;
    this.#events.emit('source-added', source);
  }

  fallSilent() {
    this.isSilent = true;
    this.#events.emit('lost');
  }

  comeBack() {
    this.isSilent = false;
    this.#events.emit('back');
  }

  close(why: 'closed' | 'worker-died' = 'closed') {
    this.isClosed = true;
    this.#events.emit('closed', why);
  }
}

class FakeViewer {
  #events = new Emitter<ViewerEvents>();
  on = this.#events.on.bind(this.#events);
  id: string;

  constructor(id: string) {
    this.id = id;
  }

  leave() {
    this.#events.emit('closed', 'browser-left');
  }

  close() {}
}

function town() {
  const clock = new ManualClock();
  const publishers: FakePublisher[] = [];
  const viewers: FakeViewer[] = [];
  const sfu = {
    isReady: true,
    openPublisher(): Promise<Publisher> {
      if (!this.isReady) return Promise.reject(new DispatchError('WEBRTC_UNAVAILABLE'));
      publishers.push(new FakePublisher());
      return Promise.resolve(publishers.at(-1) as unknown as Publisher);
    },
    openViewer(): Promise<Viewer> {
      viewers.push(new FakeViewer(`viewer-${viewers.length}`));
      return Promise.resolve(viewers.at(-1) as unknown as Viewer);
    },
  };
  const feeds = new Feeds({
    sfu: sfu as unknown as Sfu,
    recordingsFolder: '/nonexistent',
    clock,
    chance: seededChance('feeds', () => clock.now()),
    log: silentLog,
  });
  const told: string[] = [];
  feeds.on('happened', (_feed, { what }) => told.push(what));
  return { feeds, clock, sfu, publishers, viewers, told };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 10));
