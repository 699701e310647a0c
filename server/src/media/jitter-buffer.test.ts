import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeG711, LINEAR_OF } from './codecs/g711.ts';
import { FRAME_SAMPLES, JitterBuffer } from './jitter-buffer.ts';
import { levelDb, sine, toneLevelDb } from './measure.ts';

const TONE = encodeG711('pcma', sine({ hz: 400, durationMs: 60_000 }));

/**
 * Plays a stream of packets through a buffer: `arrivals` gives, for packet n (20 ms), when it arrives, or undefined when
 * it is lost. Ticks are at 10, 30, 50 … ms.
 */
function play(options: {
  packets: number;
  arrival: (n: number) => number | undefined;
  samples?: number;
  ticks?: number;
  clockRatio?: number;
}) {
  const { packets, arrival, samples = 160, clockRatio = 1 } = options;
  const buffer = new JitterBuffer();
  const events = Array.from({ length: packets }, (_, n) => ({ n, atMs: arrival(n) }))
    .filter((event): event is { n: number; atMs: number } => event.atMs !== undefined)
    .sort((a, b) => a.atMs - b.atMs);
  const heard: Int16Array[] = [];
  const delays: number[] = [];
  const lastMs = (packets * samples * clockRatio) / 8;
  let next = 0;
  for (let nowMs = 10; nowMs < lastMs; nowMs += 20) {
    for (; next < events.length && events[next]!.atMs <= nowMs; next += 1) {
      const { n, atMs } = events[next]!;
      buffer.insert(TONE, n * samples, (n + 1) * samples, (0xffff_f000 + n * samples) >>> 0, LINEAR_OF.pcma, atMs);
    }
    const frame = new Int16Array(FRAME_SAMPLES);
    buffer.read(frame, nowMs);
    heard.push(frame);
    delays.push(buffer.delayMs);
  }
  const all = new Int16Array(heard.length * FRAME_SAMPLES);
  heard.forEach((frame, i) => all.set(frame, i * FRAME_SAMPLES));
  return { buffer, all, delays };
}

/** The largest step between neighbouring samples: a click stands out over the steps of the tone itself. */
function largestStep(samples: Int16Array) {
  let largest = 0;
  for (let i = 1; i < samples.length; i += 1) largest = Math.max(largest, Math.abs(samples[i]! - samples[i - 1]!));
  return largest;
}
/** A 400 Hz tone at −10 dB moves by 3254 between samples at most. */
const TONE_STEP = 3400;

test('a steady stream passes untouched, and the delay comes down to less than a frame', () => {
  const { buffer, all, delays } = play({ packets: 200, arrival: (n) => n * 20 });
  assert.equal(buffer.counts.concealedFrames, 0);
  assert.ok(delays[3]! >= 20, 'it begins with a reserve');
  assert.ok(Math.max(...delays.slice(60, 195)) <= 20, `${Math.max(...delays.slice(60, 195))} ms are waiting`);
  assert.ok(largestStep(all.subarray(800, 30_000)) < TONE_STEP, 'the cuts click');
  assert.ok(Math.abs(toneLevelDb(all.subarray(16_000, 24_000), 400) + 10) < 0.1);
});

test('jitter of 60 ms is evened out without concealing once the buffer has seen it', () => {
  let seed = 7;
  const chance = () => (seed = (seed * 48_271) % 0x7fffffff) / 0x7fffffff;
  const { buffer, delays } = play({ packets: 1000, arrival: (n) => n * 20 + chance() * 60 });
  assert.ok(buffer.counts.concealedFrames < 25, `${buffer.counts.concealedFrames} frames concealed`);
  assert.ok(Math.max(...delays) <= 120, `${Math.max(...delays)} ms`);
});

test('a lost packet is concealed by a repeat that does not click, and does not lengthen the delay', () => {
  const { buffer, all, delays } = play({ packets: 300, arrival: (n) => (n % 25 === 20 ? undefined : n * 20) });
  assert.ok(Math.abs(buffer.counts.concealedFrames - 12) <= 1, `${buffer.counts.concealedFrames}`);
  assert.ok(largestStep(all.subarray(800, 45_000)) < TONE_STEP * 1.3, `${largestStep(all.subarray(800, 45_000))}`);
  assert.ok(Math.max(...delays.slice(100, 290)) <= 20);
});

test('a stream that ends fades away', () => {
  const { all } = play({ packets: 200, arrival: (n) => (n < 50 ? n * 20 : undefined) });
  assert.ok(largestStep(all) < TONE_STEP);
  assert.equal(levelDb(all.subarray(12_000)), levelDb(new Int16Array(10)));
});

test('a far clock that runs fast or slow ends in cuts or concealment now and then, never in growth', () => {
  for (const ratio of [0.999, 1.001]) {
    const { buffer, all, delays } = play({ packets: 2500, arrival: (n) => n * 20 * ratio, clockRatio: ratio });
    assert.ok(Math.max(...delays.slice(100)) <= 60, `${Math.max(...delays.slice(100))} ms at ${ratio}`);
    assert.ok(buffer.counts.concealedFrames + buffer.counts.cuts <= 12);
    assert.ok(
      largestStep(all.subarray(800, all.length - 4000)) < TONE_STEP * 1.3,
      `${largestStep(all.subarray(800, all.length - 4000))} at ${ratio}`,
    );
  }
});

test('a burst after a stall is bounded to 200 ms', () => {
  const { delays, buffer } = play({ packets: 400, arrival: (n) => (n >= 100 && n < 150 ? 3000 : n * 20) });
  assert.ok(Math.max(...delays) <= 240);
  assert.ok(delays.at(-20)! <= 40, `${delays.at(-20)}`);
  assert.ok(buffer.counts.overflows + buffer.counts.restarts >= 1);
});

test('packets of 10, 30 and 60 ms play without a hole', () => {
  for (const samples of [80, 240, 480]) {
    const { buffer, all } = play({ packets: 24_000 / samples, samples, arrival: (n) => (n * samples) / 8 });
    assert.ok(buffer.counts.concealedFrames <= 1, `${buffer.counts.concealedFrames} of ${samples}`);
    assert.ok(largestStep(all.subarray(1600, 20_000)) < TONE_STEP);
  }
});

test('packets that overtake each other come out in order', () => {
  const { buffer, all } = play({ packets: 200, arrival: (n) => n * 20 + (n % 2 === 0 ? 25 : 0) });
  assert.ok(buffer.counts.concealedFrames <= 2);
  assert.ok(largestStep(all.subarray(8000, 30_000)) < TONE_STEP);
});

test('a digit in place of audio is no loss', () => {
  const buffer = new JitterBuffer();
  const frame = new Int16Array(FRAME_SAMPLES);
  for (let n = 0; n < 100; n += 1) {
    if (n >= 40 && n < 50) buffer.insertSilence(40 * 160, (n - 39) * 160, n * 20);
    else buffer.insert(TONE, n * 160, (n + 1) * 160, n * 160, LINEAR_OF.pcma, n * 20);
    buffer.read(frame, n * 20 + 10);
  }
  assert.equal(buffer.counts.concealedFrames, 0);
});

test('a pause of the sender is not made up for afterwards', () => {
  // Silence suppression: two seconds without packets while time stamps go on.
  const { delays, buffer } = play({ packets: 400, arrival: (n) => (n >= 100 && n < 200 ? undefined : n * 20) });
  assert.ok(delays.at(-20)! <= 40);
  assert.ok(buffer.counts.concealedFrames < 20);
});

test('a new time line (sender restarted) is followed', () => {
  const buffer = new JitterBuffer();
  const frame = new Int16Array(FRAME_SAMPLES);
  let audible = 0;
  for (let n = 0; n < 200; n += 1) {
    const timestamp = (n * 160 + (n >= 100 ? 3_000_000_000 : 0)) >>> 0;
    buffer.insert(TONE, n * 160, (n + 1) * 160, timestamp, LINEAR_OF.pcma, n * 20);
    if (buffer.read(frame, n * 20 + 10) && levelDb(frame) > -20) audible += 1;
  }
  assert.ok(audible > 185, `${audible}`);
});

test('a straggler every three seconds is concealed a few times, then waited for', () => {
  // A tenth of a millisecond is enough at the edge of a tick; it must not cost a concealment and a cut every time.
  const { buffer } = play({ packets: 6000, arrival: (n) => n * 20 + 7 + (n % 150 === 149 ? 10 : 0) });
  assert.ok(buffer.counts.concealedFrames <= 6, `${buffer.counts.concealedFrames} in two minutes`);
});
