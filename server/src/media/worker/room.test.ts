import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Mix, Voice } from '../mixer.ts';
import { MediaNode } from './node.ts';
import type { MemberOptions } from './protocol.ts';
import { RecorderNode } from './recorder-node.ts';
import { Room } from './room.ts';

/** Says a constant, and keeps what it hears of it. */
class Speaker extends MediaNode {
  readonly canSpeak = true;
  readonly canListen = true;
  hears = 0;

  constructor(id: string, value: number) {
    super(id);
    this.frame.fill(value);
    this.hasSound = value !== 0;
    this.measure();
  }
  override produce(): void {}
  override consume(mix: Mix | undefined, own: Voice | undefined): void {
    const linear = new Int16Array(160);
    mix?.writeLinear(own, linear, 0, 1);
    this.hears = linear[80]!;
  }
  override close(): void {}
}

const TICK = { nowMs: 0, skipped: 0 };

/** A room of a, b, c … who say 100, 200, 400 …: the sum that someone hears tells whom. */
function roomOf(options: Record<string, MemberOptions>) {
  const room = new Room('room', 'test');
  const speakers = Object.keys(options).map((id, index) => new Speaker(id, 100 * 2 ** index));
  for (const speaker of speakers) room.add(speaker, options[speaker.id]!);
  const heard = () => {
    room.mix(TICK);
    return Object.fromEntries(speakers.map(({ id, hears }) => [id, hears]));
  };
  return { room, speakers, heard };
}

test('everyone hears everyone else, by one sum', () => {
  const { room, heard } = roomOf({ a: {}, b: {}, c: {} });
  assert.deepEqual(heard(), { a: 600, b: 500, c: 300 });
  assert.equal(room.mixes, 1);
});

test('a muted node is not heard and hears on', () => {
  const { room, heard } = roomOf({ a: {}, b: { isMuted: true }, c: {} });
  assert.deepEqual(heard(), { a: 400, b: 500, c: 100 });
  room.change('b', { isMuted: false });
  assert.deepEqual(heard(), { a: 600, b: 500, c: 300 });
});

test('a listener-in hears all and is heard by nobody; a whisper reaches one', () => {
  const { room, heard } = roomOf({ a: {}, b: {}, boss: { heardBy: 'nobody' } });
  assert.deepEqual(heard(), { a: 200, b: 100, boss: 300 });
  room.change('boss', { heardBy: ['a'] });
  assert.deepEqual(heard(), { a: 600, b: 100, boss: 300 });
  room.change('boss', { heardBy: 'everyone' });
  assert.deepEqual(heard(), { a: 600, b: 500, boss: 300 });
});

test('both sides must agree: hears and heardBy; who names himself hears himself too', () => {
  const { heard } = roomOf({
    a: { hears: ['b', 'c', 'a', 'nobody-here'] },
    b: { heardBy: ['c'] },
    c: { hears: 'nobody' },
  });
  assert.deepEqual(heard(), { a: 500, b: 500, c: 0 });
});

test('listeners who hear the same thing share a sum: an announcement to a hundred horns', () => {
  const options: Record<string, MemberOptions> = { announcer: {} };
  const { room, speakers } = roomOf(options);
  for (let i = 0; i < 100; i += 1) {
    const horn = new Speaker(`horn ${i}`, 5000);
    room.add(horn, { hears: ['announcer'], heardBy: 'nobody' });
    speakers.push(horn);
  }
  room.mix(TICK);
  assert.ok(speakers.slice(1).every(({ hears }) => hears === 100));
  assert.equal(room.mixes, 2, 'that of the horns and that of the announcer');
});

test('gain changes how loud others hear it', () => {
  const { heard } = roomOf({ a: { gainDb: 20 }, b: {} });
  assert.deepEqual(heard(), { a: 200, b: 1000 });
});

test('one who leaves is heard no more and hears nothing', () => {
  const { room, heard } = roomOf({ a: {}, b: {}, c: {} });
  room.remove('b');
  const { a, c } = heard();
  assert.deepEqual({ a, c }, { a: 400, c: 100 });
});

const recorderOf = (channels: 1 | 2, left: string[], recorded: Int16Array[]) => ({
  ...{ id: 'recorder', channels, left, byVoice: false, report: () => {} },
  deliver: (samples: Int16Array) => void recorded.push(samples),
});

test('a recorder hears whispers too, but not those whom nobody may hear', () => {
  const recorded: Int16Array[] = [];
  const { room, heard } = roomOf({ a: {}, whisper: { heardBy: ['a'] }, silentBoss: { heardBy: 'nobody' } });
  const recorder = new RecorderNode(recorderOf(1, [], recorded));
  room.add(recorder, {});
  heard();
  recorder.close();
  assert.equal(recorded[0]!.length, 160);
  assert.equal(recorded[0]![80], 300);
});

test('a stereo recorder has the first leg, or those named, to the left and the others to the right', () => {
  for (const [left, expected] of [
    [[], [100, 600]],
    [
      ['b', 'c'],
      [600, 100],
    ],
  ] as [string[], number[]][]) {
    const recorded: Int16Array[] = [];
    const { room, heard } = roomOf({ a: {}, b: {}, c: {} });
    const recorder = new RecorderNode(recorderOf(2, left, recorded));
    room.add(recorder, {});
    heard();
    recorder.close();
    assert.deepEqual([...recorded[0]!.subarray(160, 162)], expected);
  }
});

test('speaking is told when it begins and when it ends, with a hold', () => {
  const { room, speakers } = roomOf({ a: {}, b: {} });
  const told: string[] = [];
  const measure = (isLoud: boolean) => {
    for (let i = 0; i < 5; i += 1) speakers[0]!.meter.add(isLoud ? 160 * 3000 ** 2 : 0);
    speakers[0]!.meter.evaluate();
    room.reportSpeaking((report) => report.what === 'speaking' && told.push(`${report.nodeId} ${report.isSpeaking}`));
  };
  measure(true);
  assert.deepEqual(told, ['a true']);
  for (let i = 0; i < 3; i += 1) measure(false);
  measure(true);
  assert.deepEqual(told, ['a true'], 'a pause between words');
  for (let i = 0; i < 4; i += 1) measure(false);
  assert.deepEqual(told, ['a true', 'a false']);
});
