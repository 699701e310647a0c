import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { seededChance } from '#kernel/chance.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { openSfu, type SfuState } from './sfu.ts';
import { parseWorkerStatus, watchWorkerStatus, type WorkerStatus } from './worker-status.ts';

test('a status file is followed until it says ready', { timeout: 20_000 }, async (t) => {
  const file = await statusFile(t);
  const seen: WorkerStatus[] = [];
  const ready = Promise.withResolvers<void>();
  const stop = watchWorkerStatus(file, systemClock, (status) => {
    seen.push(status);
    if (status.state === 'compiling') void writeFile(file, '{"state":"ready","path":"/there"}');
    if (status.state === 'ready') ready.resolve();
  });
  t.after(stop);
  await writeFile(file, '{"state":"compi');
  await writeFile(file, '{"state":"compiling","done":3,"total":262}');
  await ready.promise;
  assert.deepEqual(seen, [
    { state: 'compiling', done: 3, total: 262 },
    { state: 'ready', path: '/there' },
  ]);
});

test('what is not a status is not taken for one', () => {
  for (const text of ['', 'null', '7', '{}', '{"state":7}', '{"state":"ready"}', '[]'])
    assert.equal(parseWorkerStatus(text), undefined, text);
});

test(
  'browsers are refused with a code while the worker is on its way, and when it cannot be made',
  { timeout: 20_000 },
  async (t) => {
    const file = await statusFile(t);
    await writeFile(file, '{"state":"downloading"}');
    const sfu = await open(t, { statusFile: file });
    const engine = { host: '127.0.0.1', port: 4000, ssrc: 1 };
    await assert.rejects(sfu.openAudioLeg({ engine }), { code: 'WEBRTC_UNAVAILABLE' });
    const states: SfuState[] = [];
    const failed = new Promise<void>((resolve) =>
      sfu.on('state', (state) => {
        states.push(state);
        if (state.kind === 'failed') resolve();
        else void writeFile(file, '{"state":"failed","detail":"no compiler"}');
      }),
    );
    await failed;
    assert.deepEqual(states, [
      { kind: 'preparing', step: 'downloading' },
      { kind: 'failed', why: 'no compiler' },
    ]);
    await assert.rejects(sfu.openPublisher(), { code: 'WEBRTC_UNAVAILABLE' });
  },
);

test('a binary that does not start is a failed state, not a crash', { timeout: 20_000 }, async (t) => {
  const sfu = await open(t, { workerPath: '/nonexistent/mediasoup-worker' });
  if (sfu.state.kind !== 'failed')
    await new Promise<void>((resolve) => sfu.on('state', ({ kind }) => kind === 'failed' && resolve()));
  assert.equal(sfu.state.kind, 'failed');
});

async function statusFile(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-worker-'));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, 'status.json');
}

async function open(t: TestContext, from: { statusFile: string } | { workerPath: string }) {
  const chance = seededChance('sfu');
  const sfu = await openSfu({ ...from, host: '127.0.0.1', webRtcPort: 0, clock: systemClock, chance, log: silentLog });
  t.after(() => sfu[Symbol.asyncDispose]());
  return sfu;
}
