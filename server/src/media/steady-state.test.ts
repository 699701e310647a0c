import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { engineFor } from './test-engine.ts';

test('a bridge of 30 phones runs a thousand frames without its memory growing', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const bridge = await engine.openBridge();
  for (let i = 0; i < 30; i += 1) await bridge.add((await phoneWith(300 + 50 * i)).leg);
  // Asked for seldom: a snapshot itself allocates more than the frames between two of them.
  const samples: { ticks: number; heapBytes: number }[] = [];
  for (let i = 0; i < 8; i += 1) {
    await sleep(3000);
    const { ticks, heapBytes } = await engine.snapshot();
    samples.push({ ticks, heapBytes });
  }
  const [first, last] = [samples[1]!, samples.at(-1)!];
  const growth = last.heapBytes - first.heapBytes;
  const frames = last.ticks - first.ticks;
  t.diagnostic(`${growth} bytes more after ${frames} frames of 30 legs`);
  // 30 legs × 900 frames are 54,000 packets in and out: one small object for each would be megabytes.
  assert.ok(growth < 2_000_000, `${growth} bytes more after ${frames} frames`);
});
