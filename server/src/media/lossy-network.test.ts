import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemChance } from '#kernel/chance.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { encodeG711, LINEAR_OF } from './codecs/g711.ts';
import { OpusEncoder } from './codecs/opus.ts';
import { FRAME_SAMPLES, JITTER_LIMITS, JitterBuffer, WIDE_FRAME_SAMPLES } from './jitter-buffer.ts';
import { levelDb, similarity } from './measure.ts';
import { resample } from './resampler.ts';
import { Speech } from './speech/speech.ts';
import { readWav } from './wav.ts';
import { WideDecoding } from './worker/wide-decoding.ts';

const LOSS = 0.05;
const JITTER_MS = 60;
/** Speech is compared by pieces of so long, each moved by as much as the play-out has moved it. */
const PIECE_MS = 160;
/** A piece this much alike is understood as it was said. */
const ALIKE = 0.8;

/** Speech over a network that loses 5 % and delays each packet by up to 60 ms; by 8 kHz and by Opus. */
async function speech(t: TestContext): Promise<Int16Array> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-speech-'));
  const speaker = new Speech({ folder, clock: systemClock, chance: systemChance, log: silentLog });
  t.after(async () => {
    await speaker[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  const text = '洪水一级响应。水位一百二十三米五，库区下游各村请立即向高处转移。老人和孩子先走，不要返回取物。';
  const reading = readWav(await readFile((await speaker.speak({ text, language: 'zh' })).file));
  assert(reading.kind === 'sound');
  return reading.sound.channels[0]!;
}

/** A fair die that falls the same way each time. */
function die(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Playing {
  frameSamples: number;
  buffer: JitterBuffer;
  insert(n: number, arrivedAtMs: number): void;
}

function overNetwork(packets: number, { frameSamples, buffer, insert }: Playing) {
  const chance = die(7);
  const arrivals = Array.from({ length: packets }, (_, n) => ({
    n,
    isLost: chance() < LOSS,
    atMs: n * 20 + chance() * JITTER_MS,
  }))
    .filter(({ isLost }) => !isLost)
    .sort((a, b) => a.atMs - b.atMs);
  const heard = new Int16Array((packets + 12) * frameSamples);
  const frame = new Int16Array(frameSamples);
  let longestDelayMs = 0;
  let next = 0;
  for (let tick = 0; tick < packets + 12; tick += 1) {
    const nowMs = tick * 20 + 10;
    for (; next < arrivals.length && arrivals[next]!.atMs <= nowMs; next += 1)
      insert(arrivals[next]!.n, arrivals[next]!.atMs);
    buffer.read(frame, nowMs);
    heard.set(frame, tick * frameSamples);
    longestDelayMs = Math.max(longestDelayMs, buffer.delayMs);
  }
  return { heard, longestDelayMs };
}

/** How much of what was said is heard as it was said: pieces with speech in them, and the delay of each. */
function intelligibility(said: Int16Array, heard: Int16Array, rateHz: number) {
  const piece = (PIECE_MS * rateHz) / 1000;
  const reach = (300 * rateHz) / 1000;
  let [pieces, alike, longestMs] = [0, 0, 0];
  for (let at = 0; at + piece <= said.length; at += piece) {
    const part = said.subarray(at, at + piece);
    if (levelDb(part) < -35) continue;
    pieces += 1;
    const found = similarity(part, heard.subarray(at, at + piece + reach), reach);
    if (found.similarity < ALIKE) continue;
    alike += 1;
    longestMs = Math.max(longestMs, (found.lag * 1000) / rateHz);
  }
  return { pieces, share: alike / pieces, longestMs };
}

test('speech stays intelligible, and its delay bounded, with 5 % loss and 60 ms jitter', async (t) => {
  const said = await speech(t);
  const packets = Math.floor(said.length / FRAME_SAMPLES);

  await t.test('by A-law: what is lost is concealed', (t) => {
    const codes = encodeG711('pcma', said);
    const buffer = new JitterBuffer();
    const { heard, longestDelayMs } = overNetwork(packets, {
      frameSamples: FRAME_SAMPLES,
      buffer,
      insert: (n, atMs) =>
        buffer.insert(codes, n * FRAME_SAMPLES, (n + 1) * FRAME_SAMPLES, n * FRAME_SAMPLES, LINEAR_OF.pcma, atMs),
    });
    judge(t, intelligibility(said, heard, 8000), longestDelayMs, 0.85);
  });

  await t.test('by Opus: what is lost is in the packet after it', (t) => {
    const wide = resample(said, 8000, 16_000);
    const encoder = new OpusEncoder();
    const sent = Array.from({ length: packets }, (_, n) => {
      const packet = new Uint8Array(640);
      const frame = wide.subarray(n * WIDE_FRAME_SAMPLES, (n + 1) * WIDE_FRAME_SAMPLES);
      return packet.subarray(0, encoder.encode(frame, packet));
    });
    const buffer = new JitterBuffer(16_000);
    const decoding = new WideDecoding('opus');
    const { heard, longestDelayMs } = overNetwork(packets, {
      frameSamples: WIDE_FRAME_SAMPLES,
      buffer,
      insert: (n, atMs) => {
        const packet = sent[n]!;
        const recovered = decoding.follow(packet, 0, packet.length, n, n * 960);
        if (recovered < 0) return;
        const at = decoding.sampleTime(n * 960);
        if (recovered > 0) buffer.insertSamples(decoding.decoded, recovered, (at - recovered) >>> 0, atMs);
        buffer.insertSamples(decoding.decoded, decoding.decode(packet, 0, packet.length, 'opus'), at, atMs);
      },
    });
    judge(t, intelligibility(wide, heard, 16_000), longestDelayMs, 0.75);
  });
});

function judge(
  t: TestContext,
  { pieces, share, longestMs }: ReturnType<typeof intelligibility>,
  longestDelayMs: number,
  leastShare: number,
): void {
  t.diagnostic(
    `${Math.round(share * 100)} % of ${pieces} pieces of ${PIECE_MS} ms alike; at most ${Math.round(longestMs)} ms late, ${Math.round(longestDelayMs)} ms in the buffer`,
  );
  assert.ok(pieces > 20, `${pieces} pieces with speech`);
  assert.ok(share >= leastShare, `${share} of the speech is as it was said`);
  assert.ok(longestDelayMs <= JITTER_LIMITS.longestDelayMs, `${longestDelayMs} ms in the buffer`);
  assert.ok(longestMs <= 150, `${longestMs} ms late`);
}
