import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { toneLevelDb } from './measure.ts';
import { engineFor, until } from './test-engine.ts';
import { createFile, repairWav, type OpenFile } from './wav-file.ts';
import { readWav } from './wav.ts';

async function channelsOf(file: string): Promise<Int16Array[]> {
  const reading = readWav(await readFile(file));
  assert.ok(reading.kind === 'sound', JSON.stringify(reading));
  assert.equal(reading.sound.rateHz, 8000);
  return reading.sound.channels;
}

test('a recorder keeps what was said, mixed in one channel', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const [a, b] = [await phoneWith(500), await phoneWith(1500, 'pcmu')];
  const bridge = await engine.openBridge();
  await bridge.add(a.leg);
  await bridge.add(b.leg);
  const recorder = await engine.openRecorder({ file: 'today/one.wav' });
  await bridge.add(recorder);
  await until(() => recorder.bytesWritten > 24_000, 'a second and a half is in the file');
  const { file, durationMs, sha256 } = await recorder.close();
  assert.equal(
    sha256,
    createHash('sha256')
      .update(await readFile(file))
      .digest('hex'),
  );
  const [samples] = await channelsOf(file);
  assert.equal(samples!.length, durationMs * 8);
  const end = samples!.subarray(-4000);
  for (const hz of [500, 1500]) assert.ok(Math.abs(toneLevelDb(end, hz) + 10) < 1, `${hz}: ${toneLevelDb(end, hz)} dB`);
});

test('in stereo the first leg is to the left, the others to the right', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const [a, b] = [await phoneWith(500), await phoneWith(1500)];
  const bridge = await engine.openBridge();
  await bridge.add(a.leg);
  await bridge.add(b.leg);
  const recorder = await engine.openRecorder({ file: 'stereo.wav', channels: 2 });
  await bridge.add(recorder);
  await until(() => recorder.bytesWritten > 40_000, 'more than a second is in the file');
  const [left, right] = await channelsOf((await recorder.close()).file);
  // On a busy machine the phones stutter: a fifth of a second that is whole is enough.
  const hasOnly = (samples: Int16Array, hz: number, other: number) =>
    Array.from({ length: Math.floor(samples.length / 1600) }, (_, n) =>
      samples.subarray(n * 1600, (n + 1) * 1600),
    ).some((part) => toneLevelDb(part, hz) > -12 && toneLevelDb(part, other) < -45);
  assert.ok(hasOnly(left!, 500, 1500));
  assert.ok(hasOnly(right!, 1500, 500));
  assert.ok(toneLevelDb(left!, 1500) < -40 && toneLevelDb(right!, 500) < -40, 'nothing of one is in the other');
});

test('a full disk ends the recording by name, and the talk goes on', async (t) => {
  let written = 0;
  const openFile: OpenFile = async (path) => {
    const file = await createFile(path);
    return {
      close: () => file.close(),
      write(bytes, offset, length, position) {
        written += length;
        if (written > 10_000) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        return file.write(bytes, offset, length, position);
      },
    };
  };
  const { engine, phoneWith } = await engineFor(t, { openFile });
  const [a, b] = [await phoneWith(500), await phoneWith(1500)];
  const bridge = await engine.openBridge();
  await bridge.add(a.leg);
  await bridge.add(b.leg);
  const recorder = await engine.openRecorder({ file: 'a.wav' });
  const failures: string[] = [];
  recorder.on('failed', (reason) => failures.push(reason));
  await bridge.add(recorder);
  await until(() => failures.length > 0, 'the failure is told');
  assert.deepEqual(failures, ['disk-full']);
  b.phone.forget();
  await until(() => toneLevelDb(b.phone.lately(300), 500) > -12, 'the talk goes on');
  const { file } = await recorder.close();
  assert.ok((await channelsOf(file))[0]!.length > 1000);
});

test('a recording cannot leave its folder nor overwrite another', async (t) => {
  const { engine } = await engineFor(t);
  for (const file of ['../x.wav', '/tmp/x.wav', 'a.mp3', ''])
    await assert.rejects(engine.openRecorder({ file }), { code: 'REQUEST_MALFORMED' });
  await (await engine.openRecorder({ file: 'a.wav' })).close();
  await assert.rejects(engine.openRecorder({ file: 'a.wav' }), { code: 'REQUEST_MALFORMED' });
});

test('a process that is killed in mid-recording leaves a file that opens, short of a second at most', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-kill-'));
  t.after(() => rm(folder, { recursive: true }));
  const program = `
    const { openMediaEngine } = await import(${JSON.stringify(new URL('./engine.ts', import.meta.url).href)});
    const { systemClock } = await import(${JSON.stringify(new URL('../kernel/clock.ts', import.meta.url).href)});
    const { systemChance } = await import(${JSON.stringify(new URL('../kernel/chance.ts', import.meta.url).href)});
    const { silentLog } = await import(${JSON.stringify(new URL('../kernel/log.ts', import.meta.url).href)});
    const engine = await openMediaEngine({ host: '127.0.0.1', rtpPorts: [0, 0], clock: systemClock, chance: systemChance,
      log: silentLog, recordingsFolder: ${JSON.stringify(folder)} });
    const bridge = await engine.openBridge();
    const playback = await engine.openPlayback({ source: { kind: 'tone', hz: [700], levelDb: -10 } });
    const recorder = await engine.openRecorder({ file: 'killed.wav' });
    await bridge.add(playback);
    await bridge.add(recorder);
    setInterval(async () => {
      const { recorders } = await engine.snapshot();
      console.log(recorders[0].recordedMs);
    }, 20);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let recordedMs = 0;
  child.stdout.on('data', (chunk: Buffer) => (recordedMs = Number(chunk.toString().trim().split('\n').at(-1))));
  await until(() => recordedMs > 2500, 'two and a half seconds are recorded', 30_000);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  const file = join(folder, 'killed.wav');
  const [samples] = await channelsOf(file);
  const lostMs = recordedMs - samples!.length / 8;
  assert.ok(lostMs <= 1000, `${lostMs} ms are lost`);
  assert.ok(Math.abs(toneLevelDb(samples!.subarray(1600, 9600), 700) + 10) < 0.5);
  const repaired = await repairWav(file);
  assert.ok(repaired && repaired.durationMs >= samples!.length / 8);
});

test('a pause is silence of its length in the file, and is told with its times', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const a = await phoneWith(700);
  const bridge = await engine.openBridge();
  await bridge.add(a.leg);
  const recorder = await engine.openRecorder({ file: 'paused.wav' });
  await bridge.add(recorder);
  const recordedMs = async () => (await engine.snapshot()).recorders[0]!.recordedMs;
  await until(async () => (await recordedMs()) > 900, 'most of a second');
  const pausedAt = await recorder.pause();
  await until(async () => (await recordedMs()) > pausedAt + 700, 'a pause');
  const resumedAt = await recorder.resume();
  await until(async () => (await recordedMs()) > resumedAt + 700, 'it goes on');
  const { file, gaps, durationMs, voiced } = await recorder.close();
  assert.deepEqual(gaps, [{ fromMs: pausedAt, toMs: resumedAt }]);
  assert.equal(voiced, undefined);
  const [samples] = await channelsOf(file);
  assert.equal(samples!.length, durationMs * 8);
  const part = (fromMs: number, toMs: number) => samples!.subarray(fromMs * 8, toMs * 8);
  assert.ok(toneLevelDb(part(pausedAt - 300, pausedAt), 700) > -15, 'before');
  assert.ok(
    part(pausedAt, resumedAt).every((sample) => sample === 0),
    'the pause is silent to the last sample',
  );
  assert.ok(toneLevelDb(part(resumedAt + 40, resumedAt + 440), 700) > -15, 'after');
});

test('a recording by voice keeps its times: what is said stands where it was said, all else is silence', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const { leg, phone } = await phoneWith(undefined);
  const bridge = await engine.openBridge();
  await bridge.add(leg);
  const recorder = await engine.openRecorder({ file: 'by-voice.wav', byVoice: true });
  await bridge.add(recorder);
  const recordedMs = async () => (await engine.snapshot()).recorders[0]!.recordedMs;
  await until(async () => (await recordedMs()) > 1000, 'a second of nobody');
  phone.say({ hz: 900 });
  const spokeFrom = await recordedMs();
  await until(async () => (await recordedMs()) > spokeFrom + 1000, 'a second of speech');
  phone.say(undefined);
  const spokeTo = await recordedMs();
  await until(async () => (await recordedMs()) > spokeTo + 3500, 'silence again');
  const { file, voiced, durationMs } = await recorder.close();
  const [samples] = await channelsOf(file);
  assert.equal(samples!.length, durationMs * 8);
  assert.equal(voiced!.length, 1, JSON.stringify(voiced));
  const { fromMs, toMs } = voiced![0]!;
  assert.ok(fromMs > 200 && fromMs < spokeFrom + 1000 && toMs > spokeTo && toMs < durationMs, JSON.stringify(voiced));
  const part = (from: number, to: number) => samples!.subarray(from * 8, to * 8);
  assert.ok(
    part(0, fromMs).every((sample) => sample === 0),
    'silent before',
  );
  assert.ok(
    part(toMs, durationMs).every((sample) => sample === 0),
    'silent after',
  );
  assert.ok(toneLevelDb(part(fromMs, toMs).subarray(0, (spokeTo - fromMs) * 8), 900) > -20, 'the voice is in');
  // The first word is whole: in the piece before the one that opened it nothing was cut off.
  assert.ok(Math.max(...part(fromMs, fromMs + 20).map(Math.abs)) < 100, 'it opens in the quiet before the voice');
});
