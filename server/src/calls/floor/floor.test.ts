import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ManualClock } from '#kernel/clock.ts';
import { BEARER_PROFILES, profileOf } from './bearer-profile.ts';
import { Floor, FLOOR_LIMITS } from './floor.ts';
import type { Talker } from './talker.ts';

const zhou: Talker = { id: 'zhou', name: '周明', priority: 1 };
const chen: Talker = { id: 'chen', name: '陈思远', priority: 1 };
const wu: Talker = { id: 'wu', name: '吴建军', priority: 2 };
const leader: Talker = { id: 'leader', name: '值班长', priority: 3 };

function floor(bearer: keyof typeof BEARER_PROFILES = 'vhf-uhf') {
  const clock = new ManualClock();
  const told: string[] = [];
  const it = new Floor(clock, profileOf({ bearer }), {
    granted: ({ id }, isCarrierUp) => told.push(`${id} granted${isCarrierUp ? ' at once' : ''}`),
    ended: ({ id }, because) => told.push(`${id} ${because}`),
    dropped: ({ id }) => told.push(`${id} dropped`),
    warned: ({ id }, leftMs) => told.push(`${id} warned ${leftMs}`),
    changed: () => {},
  });
  return { clock, told, it };
}

test('one talker at a time: the second is told who speaks', () => {
  const { it } = floor();
  assert.deepEqual(it.request(zhou), { kind: 'granted' });
  assert.deepEqual(it.request(chen), { kind: 'denied', talker: '周明', because: 'taken' });
  it.release('zhou');
  assert.deepEqual(it.request(chen), { kind: 'granted' });
});

test('a key that is pressed again by who has the floor changes nothing', () => {
  const { it, told } = floor();
  it.request(zhou);
  assert.deepEqual(it.request(zhou), { kind: 'granted' });
  assert.deepEqual(told, ['zhou granted']);
});

test('who waits is told his place, and speaks when it is his turn; who is more urgent comes first', () => {
  const { it, told, clock } = floor();
  it.request(leader);
  assert.deepEqual(it.request(zhou, true), { kind: 'queued', position: 1, talker: '值班长' });
  assert.deepEqual(it.request(chen, true), { kind: 'queued', position: 2, talker: '值班长' });
  assert.deepEqual(it.request(wu, true), { kind: 'queued', position: 1, talker: '值班长' });
  assert.deepEqual(it.request(zhou, true), { kind: 'queued', position: 2, talker: '值班长' }, 'asking again');
  it.release('zhou');
  assert.deepEqual(
    it.queue.map(({ id }) => id),
    ['wu', 'chen'],
  );
  it.release('leader');
  it.release('wu');
  it.release('chen');
  assert.deepEqual(told, [
    'leader granted',
    'leader released',
    'wu granted at once',
    'wu released',
    'chen granted at once',
    'chen released',
  ]);
  clock.advance(1);
  assert.equal(it.state, 'idle');
});

test('a full queue denies, and says so', () => {
  const { it } = floor();
  it.request(leader);
  for (let n = 0; n < FLOOR_LIMITS.queued; n++) it.request({ id: `n${n}`, name: String(n), priority: 1 }, true);
  assert.deepEqual(it.request(zhou, true), { kind: 'denied', talker: '值班长', because: 'queue-full' });
});

test('an emergency takes the floor from a routine talker', () => {
  const { it, told } = floor();
  it.request(zhou);
  assert.deepEqual(it.request(leader), { kind: 'granted' });
  assert.deepEqual(told, ['zhou granted', 'zhou pre-empted', 'leader granted at once']);
  it.release('zhou');
  assert.equal(it.talker?.id, 'leader', 'who has lost the floor cannot give it back');
});

test('speech from the air holds the floor, and only an emergency talks over it', () => {
  const { it, told } = floor();
  it.heard(true, '抢险一组 2101');
  assert.deepEqual(it.request(wu), { kind: 'denied', talker: '抢险一组 2101', because: 'taken' });
  assert.equal(it.request(zhou, true).kind, 'queued');
  assert.deepEqual(it.request(leader), { kind: 'granted' });
  assert.equal(it.state, 'talking-over');
  it.release('leader');
  assert.equal(it.state, 'receiving');
  it.heard(false, '');
  assert.deepEqual(told, ['leader granted', 'leader released', 'zhou granted at once']);
});

test('a stuck key is warned, and loses the floor at the talk-time limit; the next in the queue has his turn', () => {
  const { it, clock, told } = floor();
  const { talkLimitMs, warnBeforeMs } = it.profile;
  it.request(zhou);
  it.request(chen, true);
  assert.equal(it.limitAt, clock.now() + talkLimitMs);
  clock.advance(talkLimitMs - warnBeforeMs);
  assert.deepEqual(told, ['zhou granted', `zhou warned ${warnBeforeMs}`]);
  clock.advance(warnBeforeMs);
  assert.deepEqual(told.slice(2), ['zhou time-limit', 'chen granted at once']);
});

test('within the hang time of a trunked channel the answer needs no key-up; after it, it does', () => {
  const { it, clock, told } = floor('trunked');
  it.request(zhou);
  it.release('zhou');
  assert.equal(it.state, 'hanging');
  clock.advance(it.profile.hangMs - 1);
  it.request(chen);
  it.release('chen');
  clock.advance(it.profile.hangMs);
  assert.equal(it.state, 'idle');
  it.request(wu);
  assert.deepEqual(
    told.filter((what) => what.includes('granted')),
    ['zhou granted', 'chen granted at once', 'wu granted'],
  );
});

test('a channel that is lost frees the floor and tells those who waited', () => {
  const { it, told, clock } = floor();
  it.request(zhou);
  it.request(chen, true);
  it.lost();
  assert.deepEqual(told.slice(1), ['zhou channel-lost', 'chen dropped']);
  assert.equal(clock.pending, 0);
});

test('a site that has measured its channel says so, and the rest is the bearer’s', () => {
  const profile = profileOf({ bearer: 'hf', floor: { keyUpMs: 650 } });
  assert.deepEqual(profile, { ...BEARER_PROFILES.hf, keyUpMs: 650 });
});

test('whatever is asked in whatever order: one talker at most, no request without an end, rest at the end', () => {
  const ids = ['a', 'b', 'c', 'd'] as const;
  const step = fc.oneof(
    fc.record({
      do: fc.constant('request' as const),
      id: fc.constantFrom(...ids),
      priority: fc.constantFrom(0, 1, 2, 3) as fc.Arbitrary<0 | 1 | 2 | 3>,
      mayQueue: fc.boolean(),
    }),
    fc.record({ do: fc.constant('release' as const), id: fc.constantFrom(...ids) }),
    fc.record({ do: fc.constant('air' as const), isOpen: fc.boolean() }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 70_000 }) }),
    fc.record({ do: fc.constant('lost' as const) }),
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.constantFrom('vhf-uhf' as const, 'trunked' as const, 'satellite' as const),
      (steps, bearer) => {
        const clock = new ManualClock();
        let speaks: string | undefined;
        /** What each asker knows of his request: nothing, that he waits, that he speaks. */
        const known = new Map<string, 'waits' | 'speaks'>();
        const it = new Floor(clock, profileOf({ bearer }), {
          granted({ id }) {
            assert.equal(speaks, undefined, 'two talkers');
            speaks = id;
            known.set(id, 'speaks');
          },
          ended({ id }) {
            assert.equal(speaks, id, 'the end of somebody who did not speak');
            speaks = undefined;
            known.delete(id);
          },
          dropped({ id }) {
            assert.equal(known.get(id), 'waits');
            known.delete(id);
          },
          warned: ({ id }) => assert.equal(speaks, id),
          changed: () => {},
        });
        for (const one of steps) {
          if (one.do === 'request') {
            const before = known.get(one.id);
            const answer = it.request({ ...one, name: one.id }, one.mayQueue);
            if (answer.kind === 'granted') assert.equal(speaks, one.id);
            if (answer.kind === 'queued') {
              assert.ok(one.mayQueue && it.queue[answer.position - 1]?.id === one.id);
              known.set(one.id, 'waits');
            }
            if (answer.kind === 'denied') assert.equal(known.get(one.id), before, 'a denial changes nothing');
          }
          if (one.do === 'release') {
            it.release(one.id);
            known.delete(one.id);
          }
          if (one.do === 'air') it.heard(one.isOpen, 'field');
          if (one.do === 'wait') clock.advance(one.ms);
          if (one.do === 'lost') it.lost();
          assert.equal(it.talker?.id, speaks);
          assert.deepEqual(
            it.queue.map(({ id }) => id).sort(),
            [...known]
              .filter(([, state]) => state === 'waits')
              .map(([id]) => id)
              .sort(),
            'nobody who waits is forgotten, nobody else waits',
          );
          assert.ok(it.queue.every((each, index) => index === 0 || it.queue[index - 1]!.priority >= each.priority));
          if (it.state === 'idle') assert.equal(it.queue.length, 0, 'nobody waits for an idle channel');
        }
        // Whoever speaks comes to an end by himself, and all who wait have their turn.
        it.heard(false, '');
        clock.advance((ids.length + 1) * (it.profile.talkLimitMs + it.profile.hangMs));
        assert.deepEqual(
          [it.state, it.talker, it.queue.length, known.size, clock.pending],
          ['idle', undefined, 0, 0, 0],
        );
      },
    ),
    { numRuns: 2000 },
  );
});
