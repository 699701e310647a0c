import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFile, repairWav, WavFile, type OpenFile } from './wav-file.ts';
import { readWav } from './wav.ts';

async function folderFor(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-wav-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

const never = (error: Error) => assert.fail(error);

test('the file is right after every piece, and closes with its hash', async (t) => {
  const path = join(await folderFor(t), 'deep', 'a.wav');
  const wav = await WavFile.create({ path, rateHz: 8000, channels: 1, onFailed: never });
  wav.append(Int16Array.of(1, 2, 3));
  while (wav.dataBytes === 0) await sleep(5);
  await sleep(20);
  assert.equal(new DataView((await readFile(path)).buffer.slice(0)).byteLength, 50);
  wav.append(Int16Array.of(4));
  const sha256 = await wav.close();
  const bytes = await readFile(path);
  assert.equal(sha256, createHash('sha256').update(bytes).digest('hex'));
  const reading = readWav(bytes);
  assert.ok(reading.kind === 'sound');
  assert.deepEqual([...reading.sound.channels[0]!], [1, 2, 3, 4]);
  assert.equal(wav.durationMs, 0.5);
});

test('an existing file is never overwritten', async (t) => {
  const path = join(await folderFor(t), 'a.wav');
  await (await WavFile.create({ path, rateHz: 8000, channels: 1, onFailed: never })).close();
  await assert.rejects(WavFile.create({ path, rateHz: 8000, channels: 1, onFailed: never }), { code: 'EEXIST' });
});

test('a file left behind is mended by its length', async (t) => {
  const path = join(await folderFor(t), 'a.wav');
  const wav = await WavFile.create({ path, rateHz: 8000, channels: 2, onFailed: never });
  wav.append(new Int16Array(16));
  await wav.close();
  assert.deepEqual(await repairWav(path), { durationMs: 1, wasBroken: false });
  await appendFile(path, new Uint8Array(35)); // Written, but the header was not set any more; the last sample is cut.
  assert.deepEqual(await repairWav(path), { durationMs: 2, wasBroken: true });
  const reading = readWav(await readFile(path));
  assert.ok(reading.kind === 'sound' && reading.sound.channels[0]!.length === 16);
});

test('a full disk is told once, and what was written before still opens', async (t) => {
  const path = join(await folderFor(t), 'a.wav');
  const openFile: OpenFile = async (name) => {
    const file = await createFile(name);
    let written = 0;
    return {
      close: () => file.close(),
      async write(bytes, offset, length, position) {
        written += length;
        if (written > 3000) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        return file.write(bytes, offset, length, position);
      },
    };
  };
  const failures: NodeJS.ErrnoException[] = [];
  const wav = await WavFile.create({
    path,
    rateHz: 8000,
    channels: 1,
    onFailed: (error) => failures.push(error),
    openFile,
  });
  for (let i = 0; i < 10; i += 1) {
    wav.append(new Int16Array(500));
    await sleep(10);
  }
  assert.deepEqual(
    failures.map(({ code }) => code),
    ['ENOSPC'],
  );
  await wav.close();
  const reading = readWav(await readFile(path));
  assert.ok(reading.kind === 'sound' && reading.sound.channels[0]!.length >= 500);
});

test('a slow disk loses sound, counted, but keeps the time', async (t) => {
  const path = join(await folderFor(t), 'a.wav');
  let release = () => {};
  let gate = new Promise<void>((resolve) => (release = resolve));
  const openFile: OpenFile = async (name) => {
    const file = await createFile(name);
    let isFirst = true;
    return {
      close: () => file.close(),
      async write(bytes, offset, length, position) {
        if (!isFirst) await gate;
        isFirst = false;
        return file.write(bytes, offset, length, position);
      },
    };
  };
  const wav = await WavFile.create({ path, rateHz: 8000, channels: 1, onFailed: never, openFile });
  for (let i = 0; i < 60; i += 1) wav.append(new Int16Array(160).fill(i + 1));
  assert.ok(wav.lostBytes > 0);
  release();
  gate = Promise.resolve();
  await wav.close();
  assert.equal(wav.dataBytes, 60 * 320);
});
