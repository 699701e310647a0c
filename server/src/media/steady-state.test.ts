import assert from 'node:assert/strict';
import { test } from 'node:test';
import { engineFor, until } from './test-engine.ts';

test('a bridge of 30 phones runs a thousand frames without its memory growing', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const bridge = await engine.openBridge();
  for (let i = 0; i < 30; i += 1) await bridge.add((await phoneWith(300 + 50 * i)).leg);
  const used = async () => (await engine.snapshot()).heapBytes;
  const ticks = async () => (await engine.snapshot()).ticks;
  const from = await ticks();
  await until(async () => (await ticks()) - from > 150, 'warm');
  const samples: number[] = [];
  for (let i = 0; i < 10; i += 1) {
    const begun = await ticks();
    await until(async () => (await ticks()) - begun >= 100, 'a hundred ticks', 30_000);
    samples.push(await used());
  }
  const growth = samples.at(-1)! - samples[0]!;
  // 30 legs × 900 frames are 54,000 packets in and out: one small object for each would be megabytes.
  assert.ok(growth < 2_000_000, `${growth} bytes more after 900 frames`);
});
