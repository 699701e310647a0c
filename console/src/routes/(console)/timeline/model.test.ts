import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TimelineEntry } from '@tocsin/protocol/views.ts';
import { axisTicks, nextSoundAfter, playingAt, readModel, stack } from './model.ts';

let seq = 0;
function entry(
  at: number,
  kind: string,
  data: Record<string, unknown> = {},
  blob?: { kind: 'audio' | 'video'; ms: number },
) {
  seq += 1;
  return {
    seq,
    id: `e${seq}`,
    at,
    kind,
    isDrill: false,
    data,
    blobs: blob ? [{ sha256: 'x', url: `/api/recordings/${seq}`, ...blob }] : [],
    hash: '',
    previous: '',
  } satisfies TimelineEntry;
}
const names = {
  channels: [{ id: 'vhf-1', name: 'VHF 1 防汛指挥' }],
  nameOf: (one: TimelineEntry) => String(one.data['name'] ?? one.kind),
};

test('a recording is one clip from its start, as long as its sound, on the lane that its title tells', () => {
  const { clips } = readModel(
    [
      entry(1000, 'recording.started', { recording: 'r1', title: '会商 8001' }),
      entry(2000, 'recording.started', { recording: 'r2', title: 'VHF 1 防汛指挥' }),
      entry(3000, 'recording.started', { recording: 'r3', title: '广播 转移通知' }),
      entry(9000, 'recording.closed', { recording: 'r1', title: '会商 8001', ms: 7900 }, { kind: 'audio', ms: 7900 }),
    ],
    names,
  );
  assert.deepEqual(
    clips.map(({ id, lane, from, to, media }) => [id, lane, from, to, media?.kind]),
    [
      ['r1', 'phone', 1000, 8900, 'audio'],
      ['r2', 'radio', 2000, undefined, undefined],
      ['r3', 'pa', 3000, undefined, undefined],
    ],
  );
});

test('a recording whose start was not read begins its length before its end', () => {
  const { clips, first } = readModel(
    [entry(9000, 'recording.closed', { recording: 'r', title: 'x', ms: 4000 }, { kind: 'audio', ms: 4000 })],
    names,
  );
  assert.deepEqual([clips[0]?.from, clips[0]?.to, first], [5000, 9000, 5000]);
});

test('who has the floor is a span until it is released; who still has it has no end', () => {
  const { clips } = readModel(
    [
      entry(1000, 'channel.floor-granted', { channel: 'a' }),
      entry(1500, 'channel.floor-granted', { channel: 'b' }),
      entry(4000, 'channel.floor-released', { channel: 'a' }),
    ],
    names,
  );
  assert.deepEqual(
    clips.map(({ from, to }) => [from, to]),
    [
      [1000, 4000],
      [1500, undefined],
    ],
  );
});

test('a live picture gives way to its recording', () => {
  const part = { startedAtMs: 1200, durationMs: 5000 };
  const { clips } = readModel(
    [
      entry(1000, 'feed.live', { feed: 'f', name: '王建国' }),
      entry(6000, 'feed.ended', { feed: 'f' }),
      entry(6500, 'feed.recording-part-finished', { feed: 'f', name: '王建国', part }, { kind: 'video', ms: 5000 }),
    ],
    names,
  );
  assert.deepEqual(
    clips.map(({ from, to, media, label }) => [from, to, media?.kind, label]),
    [[1200, 6200, 'video', '王建国']],
  );
  assert.equal(playingAt(clips, 6199).length, 1);
  assert.equal(playingAt(clips, 6200).length, 0);
  assert.equal(nextSoundAfter(clips, 0), 1200);
  assert.equal(nextSoundAfter(clips, 1200), undefined);
});

test('an announcement has the sound of its recording', () => {
  const { clips } = readModel(
    [
      entry(1000, 'announcement.started', { announcement: 'a', title: '转移' }),
      entry(1200, 'recording.started', { recording: 'r', title: '广播 转移' }),
      entry(6000, 'announcement.ended', { announcement: 'a' }),
      entry(6100, 'recording.closed', { recording: 'r', title: '广播 转移', ms: 4800 }, { kind: 'audio', ms: 4800 }),
    ],
    names,
  );
  assert.deepEqual(
    clips.map(({ from, to, label, media }) => [from, to, label, media?.kind]),
    [[1200, 6000, 'announcement.started', 'audio']],
  );
});

test('clips of the same time lie in rows, and no more rows than there is room for', () => {
  const { clips } = readModel(
    [0, 10, 20, 3000].map((from, i) => entry(from, 'recording.closed', { recording: `r${i}`, ms: 0 })),
    names,
  );
  clips.forEach((clip, i) => Object.assign(clip, { from: [0, 10, 20, 3000][i], to: [2000, 1000, 900, 4000][i] }));
  assert.deepEqual([...stack(clips, 2, 5000).values()], [0, 1, 1, 0]);
});

test('the axis has round steps that leave room for their labels', () => {
  const from = new Date('2026-11-22T03:04:00').getTime();
  const ticks = axisTicks(from, from + 9 * 60_000, 1344);
  assert.equal(ticks[0]?.stepMs, 60_000);
  assert.equal(ticks.length, 10);
  assert.ok(ticks.every(({ at }) => at % 60_000 === 0));
});

test('alarms are marked with their level, kept calls are not marked twice', () => {
  const { marks } = readModel(
    [
      entry(1, 'alarm.raised', { level: 2 }),
      entry(2, 'call.leg-answered'),
      entry(3, 'call.refused'),
      entry(4, 'plan.started'),
      entry(5, 'care.viewed'),
    ],
    names,
  );
  assert.deepEqual(
    marks.map(({ lane, level, tone }) => [lane, level, tone]),
    [
      ['alarms', 2, 'plain'],
      ['phone', undefined, 'red'],
      ['orders', undefined, 'blue'],
    ],
  );
});
