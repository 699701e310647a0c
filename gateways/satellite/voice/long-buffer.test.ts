import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FRAME, LongBuffer } from './long-buffer.ts';

/** A bundle of three frames, each full of its number. */
const bundle = (first: number) => {
  const samples = new Int16Array(3 * FRAME);
  for (let n = 0; n < 3; n++) samples.fill((first + n + 1) * 10, n * FRAME, (n + 1) * FRAME);
  return samples;
};
const START = 0xffff_ff00;

test('bundles that come in disorder and late are played in order and in time', () => {
  const buffer = new LongBuffer(200);
  const heard: number[] = [];
  const read = (times: number) => {
    for (let n = 0; n < times; n++) heard.push((buffer.read()?.[0] ?? 0) / 10);
  };
  const insert = (frame: number) => buffer.insert((START + frame * FRAME) >>> 0, bundle(frame));
  insert(0);
  read(3);
  insert(6);
  read(3);
  insert(3);
  read(20);
  assert.deepEqual(heard.slice(9, 18), [1, 2, 3, 4, 5, 6, 7, 8, 9], 'across the wrap of RTP time');
  assert.equal(buffer.counts.late, 0);
});

test('a lost bundle is filled softly, and what comes after its turn is counted, not played', () => {
  const buffer = new LongBuffer(40);
  buffer.insert(0, bundle(0));
  buffer.insert(6 * FRAME, bundle(6));
  const heard = Array.from({ length: 11 }, () => (buffer.read()?.[0] ?? 0) / 10);
  assert.deepEqual(heard.slice(1, 4), [1, 2, 3]);
  assert.ok(heard[4]! < 3 && heard[4]! > 0 && heard[5]! < heard[4]!, 'softer and softer');
  assert.deepEqual(heard.slice(7, 10), [7, 8, 9]);
  buffer.insert(3 * FRAME, bundle(3));
  assert.equal(buffer.counts.late, 3);
});

test('whatever comes, it holds no more than its bound and goes silent at the end', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 0xffff_ffff }), fc.integer({ min: 0, max: 5 })), { maxLength: 60 }),
      (packets) => {
        const buffer = new LongBuffer(240);
        for (const [timestamp, frames] of packets) {
          buffer.insert(timestamp, new Int16Array(frames * FRAME).fill(9));
          buffer.read();
        }
        let silent = 0;
        for (let n = 0; n < 400; n++) silent = buffer.read() ? 0 : silent + 1;
        assert.ok(silent > 100);
      },
    ),
  );
});
