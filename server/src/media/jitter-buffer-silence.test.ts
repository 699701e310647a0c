import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LINEAR_OF } from './codecs/g711.ts';
import { FRAME_SAMPLES, JitterBuffer, WIDE_FRAME_SAMPLES } from './jitter-buffer.ts';

/** A stream whose packets come is never silent for longer. */
const LONGEST_SILENCE_MS = 300;
/** Nobody can play what does not come: gaps of arrival above this are no fault of the buffer's. */
const GAP_MS = 100;
const LOUD_CODE = 0x2a;

/** What may happen to a stream and its listener, each at a moment of its own. */
const mishap = fc.oneof(
  // The sender's clock jumps, as after a restart or a hold: by little, by much, back or forth.
  fc.record({
    kind: fc.constant('jump' as const),
    by: fc.oneof(fc.integer({ min: -40_000, max: 40_000 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  }),
  // Our thread does not run for a while: packets wait in the kernel, ticks are skipped.
  fc.record({ kind: fc.constant('starved' as const), ticks: fc.integer({ min: 1, max: 60 }) }),
  // The network holds everything back, and lets it go at once.
  fc.record({ kind: fc.constant('held' as const), ms: fc.integer({ min: 20, max: 900 }) }),
  // Everything takes longer from now on, or shorter.
  fc.record({ kind: fc.constant('route' as const), ms: fc.integer({ min: 0, max: 150 }) }),
  // A digit, a silence that was meant.
  fc.record({ kind: fc.constant('event' as const), ms: fc.integer({ min: 40, max: 400 }) }),
);

const stream = fc.record({
  firstTimestamp: fc.oneof(fc.nat(2 ** 32 - 1), fc.integer({ min: 2 ** 32 - 200_000, max: 2 ** 32 - 1 })),
  ptimeMs: fc.constantFrom(10, 20, 30, 40),
  lossPercent: fc.constantFrom(0, 1, 5, 20),
  jitterMs: fc.constantFrom(0, 5, 30, 60),
  /** The sender's clock runs fast or slow, in parts of a million. */
  skew: fc.constantFrom(0, 0, 100, -100, 500, -500),
  isWide: fc.boolean(),
  /** Quarters of the packets' fates, used over and over. */
  chances: fc.array(fc.nat(9999), { minLength: 50, maxLength: 50 }),
  mishaps: fc.array(fc.tuple(fc.integer({ min: 20, max: 450 }), mishap), { maxLength: 6 }),
});
type Stream = typeof stream extends fc.Arbitrary<infer T> ? T : never;

/** @returns the longest silence while packets came, and when it ended */
function longestSilence(of: Stream): { ms: number; atMs: number } {
  const times = of.isWide ? 2 : 1;
  const buffer = new JitterBuffer(of.isWide ? 16_000 : 8000);
  const frame = new Int16Array(of.isWide ? WIDE_FRAME_SAMPLES : FRAME_SAMPLES);
  const loud = new Int16Array(960 * 2).fill(8000);
  const samples = of.ptimeMs * 8 * times;
  const codes = new Uint8Array(960).fill(LOUD_CODE);
  const packets: { timestamp: number; arrivesAtMs: number; isEvent: boolean }[] = [];
  const endMs = 10_000;
  let at = of.firstTimestamp * times;
  let heldUntilMs = 0;
  let routeMs = 0;
  let eventUntilMs = 0;
  const starved = new Map<number, number>();
  for (let n = 0, sentAtMs = 0; sentAtMs < endMs; n += 1, sentAtMs += of.ptimeMs * (1 + of.skew / 1e6)) {
    for (const [tick, what] of of.mishaps) {
      if (Math.floor((tick * 20) / of.ptimeMs) !== n) continue;
      if (what.kind === 'jump') at += what.by;
      else if (what.kind === 'held') heldUntilMs = sentAtMs + what.ms;
      else if (what.kind === 'route') routeMs = what.ms;
      else if (what.kind === 'event') eventUntilMs = sentAtMs + what.ms;
      else starved.set(tick, what.ticks);
    }
    const chance = of.chances[n % 50]! + ((n * 2654435761) % 9973);
    const isLost = chance % 100 < of.lossPercent;
    const arrivesAtMs = Math.max(heldUntilMs, sentAtMs + routeMs + ((chance >> 3) % (of.jitterMs + 1)));
    if (!isLost) packets.push({ timestamp: at >>> 0, arrivesAtMs, isEvent: sentAtMs < eventUntilMs });
    at += samples;
  }
  packets.sort((a, b) => a.arrivesAtMs - b.arrivesAtMs);

  let longest = { ms: 0, atMs: 0 };
  let silentSinceMs = 0;
  let lastSoundMs = -Infinity;
  let next = 0;
  for (let tick = 1, skipped = 0; tick * 20 < endMs; tick += 1) {
    const nowMs = tick * 20;
    const pause = starved.get(tick);
    if (pause) {
      starved.delete(tick);
      skipped = pause;
      tick += pause - 1;
      continue;
    }
    for (; next < packets.length && packets[next]!.arrivesAtMs <= nowMs; next += 1) {
      const { timestamp, arrivesAtMs, isEvent } = packets[next]!;
      if (isEvent) {
        buffer.insertSilence(timestamp, samples, arrivesAtMs);
        silentSinceMs = nowMs;
        continue;
      }
      if (arrivesAtMs - lastSoundMs > GAP_MS) silentSinceMs = Math.max(silentSinceMs, arrivesAtMs);
      lastSoundMs = arrivesAtMs;
      if (of.isWide) buffer.insertSamples(loud, samples, timestamp, arrivesAtMs);
      else buffer.insert(codes, 0, samples, timestamp, LINEAR_OF.pcma, arrivesAtMs);
    }
    buffer.read(frame, nowMs, skipped);
    if (skipped > 0) silentSinceMs = nowMs;
    skipped = 0;
    if (nowMs - lastSoundMs > GAP_MS || frame.some((sample) => Math.abs(sample) > 100)) silentSinceMs = nowMs;
    if (nowMs - silentSinceMs > longest.ms) longest = { ms: nowMs - silentSinceMs, atMs: nowMs };
  }
  return longest;
}

test(`whatever happens, a stream whose packets come is never silent for more than ${LONGEST_SILENCE_MS} ms`, () => {
  fc.assert(
    fc.property(stream, (of) => {
      const { ms, atMs } = longestSilence(of);
      assert.ok(ms <= LONGEST_SILENCE_MS, `${ms} ms of silence until ${atMs} ms`);
    }),
    { numRuns: 120 },
  );
});
