import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TelephoneEventReader, TelephoneEventSender } from './telephone-event.ts';

function reader() {
  const heard: [string, number][] = [];
  const events = new TelephoneEventReader((digit, durationMs) => heard.push([digit, durationMs]));
  const packet = (event: number, duration: number, isEnd: boolean, timestamp: number, nowMs = 0) =>
    events.read(Uint8Array.of(event, (isEnd ? 0x80 : 0) | 10, duration >> 8, duration & 255), 0, 4, timestamp, nowMs);
  return { heard, events, packet };
}

test('a digit is told once, at the first end packet', () => {
  const { heard, packet } = reader();
  for (const duration of [160, 320, 480]) packet(5, duration, false, 1000);
  assert.deepEqual(heard, []);
  for (let i = 0; i < 3; i += 1) packet(5, 640, true, 1000);
  assert.deepEqual(heard, [['5', 80]]);
});

test('two equal digits in a row are two digits', () => {
  const { heard, packet } = reader();
  packet(11, 640, true, 1000);
  packet(11, 640, true, 3000);
  assert.deepEqual(heard, [
    ['#', 80],
    ['#', 80],
  ]);
});

test('a digit whose ends were lost is told after 200 ms, or when the next begins', () => {
  const { heard, events, packet } = reader();
  packet(1, 320, false, 1000, 0);
  events.checkOverdue(150);
  assert.deepEqual(heard, []);
  events.checkOverdue(250);
  assert.deepEqual(heard, [['1', 40]]);
  packet(2, 320, false, 5000, 300);
  packet(3, 320, false, 9000, 350);
  assert.deepEqual(heard.at(-1), ['2', 40]);
  packet(1, 480, true, 1000, 400);
  assert.equal(heard.length, 2, 'a straggler of an old digit');
});

test('a digit longer than one segment is one digit', () => {
  const { heard, packet } = reader();
  packet(0, 0xffff, false, 1000);
  packet(0, 160, false, 1000 + 0xffff);
  packet(0, 8000, true, 1000 + 0xffff);
  assert.deepEqual(heard, [['0', (0xffff + 8000) / 8]]);
});

test('what was sent is heard as it was sent', () => {
  const { heard, events } = reader();
  const sender = new TelephoneEventSender();
  let isDone = false;
  assert.equal(
    sender.queue('19*#d', 100, 60, () => (isDone = true)),
    true,
  );
  const ends: number[] = [];
  let markers = 0;
  for (let frame = 0; frame < 200 && !sender.isIdle; frame += 1) {
    if (sender.frame((4_294_960_000 + frame * 160) >>> 0) !== 'event') continue;
    if (sender.hasMarker) markers += 1;
    if (sender.payload[1]! & 0x80) ends.push(sender.payload[0]!);
    events.read(sender.payload, 0, 4, sender.timestamp, frame * 20);
  }
  assert.deepEqual(heard, [
    ['1', 100],
    ['9', 100],
    ['*', 100],
    ['#', 100],
    ['D', 100],
  ]);
  assert.equal(markers, 5);
  assert.equal(ends.length, 15, 'three end packets each');
  assert.ok(isDone);
  assert.equal(
    sender.queue('12x', 100, 60, () => {}),
    false,
  );
});

test('a very long digit is sent in segments and heard as one', () => {
  const { heard, events } = reader();
  const sender = new TelephoneEventSender();
  sender.queue('7', 12_000, 60, () => {});
  for (let frame = 0; !sender.isIdle; frame += 1)
    if (sender.frame(frame * 160) === 'event') events.read(sender.payload, 0, 4, sender.timestamp, frame * 20);
  assert.deepEqual(heard, [['7', 12_000]]);
});
