import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#kernel/clock.ts';
import { Floor, TALK_LIMIT_MS, type Talker } from './floor.ts';

const zhou: Talker = { id: 'zhou', name: '周明', priority: 1 };
const chen: Talker = { id: 'chen', name: '陈思远', priority: 1 };
const leader: Talker = { id: 'leader', name: '值班长', priority: 3 };

function floor() {
  const clock = new ManualClock();
  const told: string[] = [];
  const it = new Floor(clock, (talker, end) =>
    told.push(`${talker?.id ?? '-'}${end ? ` (${end.talker.id} ${end.because})` : ''}`),
  );
  return { clock, told, it };
}

test('one talker at a time: the second is told who speaks', () => {
  const { it } = floor();
  assert.deepEqual(it.request(zhou), { kind: 'granted' });
  assert.deepEqual(it.request(chen), { kind: 'denied', talker: '周明' });
  it.release('zhou');
  assert.deepEqual(it.request(chen), { kind: 'granted' });
});

test('a key that is pressed again by who has the floor changes nothing', () => {
  const { it, told } = floor();
  it.request(zhou);
  assert.deepEqual(it.request(zhou), { kind: 'granted' });
  assert.deepEqual(told, ['zhou']);
});

test('an emergency takes the floor from a routine talker', () => {
  const { it, told } = floor();
  it.request(zhou);
  assert.deepEqual(it.request(leader), { kind: 'granted' });
  assert.deepEqual(told, ['zhou', 'leader (zhou pre-empted)']);
  it.release('zhou');
  assert.equal(it.talker?.id, 'leader', 'who has lost the floor cannot give it back');
});

test('speech from the air holds the floor, and only an emergency talks over it', () => {
  const { it } = floor();
  it.heard(true, '抢险一组 2101');
  assert.deepEqual(it.request(zhou), { kind: 'denied', talker: '抢险一组 2101' });
  assert.deepEqual(it.request(leader), { kind: 'granted' });
});

test('a stuck key loses the floor after the talk limit', () => {
  const { it, clock, told } = floor();
  it.request(zhou);
  clock.advance(TALK_LIMIT_MS - 1);
  assert.equal(it.talker?.id, 'zhou');
  clock.advance(1);
  assert.deepEqual(told, ['zhou', '- (zhou time-limit)']);
  assert.equal(clock.pending, 0);
});

test('a channel that is lost frees the floor', () => {
  const { it, told, clock } = floor();
  it.request(zhou);
  it.lost();
  assert.deepEqual(told.at(-1), '- (zhou channel-lost)');
  assert.equal(clock.pending, 0);
});
