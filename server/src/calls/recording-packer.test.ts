import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ZipFile } from 'yazl';
import { systemChance } from '#kernel/chance.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { sine, toneLevelDb } from '#media/measure.ts';
import { readWav, writeWav } from '#media/wav.ts';
import { openTestStore } from '#store/test-database.ts';
import { collectEvidence } from '#timeline/export.ts';
import { openTimeline } from '#timeline/timeline.ts';
import { RecordingPacker } from './recording-packer.ts';
import { readRecording } from './recordings-store.ts';
import { UnpackedRecordings } from './unpacked-recordings.ts';

const VERIFIER = fileURLToPath(new URL('../../../scripts/tocsin-verify.mjs', import.meta.url));
const FFMPEG = process.env['TOCSIN_FFMPEG'] ?? process.env['FFMPEG_BIN'] ?? 'ffmpeg';
const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A house with sealed recordings: two seconds of 700 Hz each, one second of silence between. */
async function houseWith(t: TestContext, ...ids: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-packer-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'recordings'));
  const store = await openTestStore(t);
  const kit = { clock: systemClock, chance: systemChance, log: silentLog };
  const timeline = await openTimeline({ ...kit, store, site: 'demo' });
  t.after(() => Promise.resolve(timeline[Symbol.asyncDispose]()));
  const samples = sine({ hz: [700], durationMs: 5000, rateHz: 8000, levelDb: -12 });
  samples.fill(0, 16_000, 24_000);
  const wav = writeWav({ rateHz: 8000, channels: [samples] });
  const sealed = sha256Of(wav);
  for (const id of ids) {
    const file = `recordings/${id}.wav`;
    await writeFile(join(folder, file), wav);
    await store.query(
      `insert into recordings (id, file, started_at, closed_at, duration_ms, sha256, facts)
       values ($1, $2, now() - interval '1 hour', now() - interval '1 hour', 5000, $3, $4)`,
      [id, file, sealed, JSON.stringify({ call: `call-${id}`, title: '1002 → 1004' })],
    );
    await timeline.append({
      ...{ kind: 'recording.closed', call: `call-${id}`, data: { recording: id } },
      blobs: [{ sha256: sealed, kind: 'audio', path: file, ms: 5000 }],
    });
  }
  const packer = new RecordingPacker({ ...kit, store, timeline, folder, ffmpeg: FFMPEG, afterMs: 0 });
  t.after(() => packer[Symbol.asyncDispose]());
  return { folder, store, timeline, packer, sealed };
}

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`it did not come to pass: ${what}`);
}

test('a sealed WAV becomes Opus, found by either hash, and the evidence of its call verifies', async (t) => {
  const { folder, store, timeline, packer, sealed } = await houseWith(t, 'rec-1');
  packer.start();
  await until(async () => !existsSync(join(folder, 'recordings/rec-1.wav')), 'the WAV has gone');
  const kept = (await readRecording(store, { id: 'rec-1' }))!;
  assert.match(kept.file, /^recordings\/rec-1-[0-9a-f]{8}\.opus$/);
  const opus = await readFile(join(folder, kept.file));
  assert.equal(sha256Of(opus), kept.packedSha256);
  assert.equal(kept.sha256, sealed);
  for (const sha256 of [sealed, kept.packedSha256!])
    assert.equal((await readRecording(store, { sha256 }))?.file, kept.file);
  const [entry] = await timeline.read({ kind: 'recording.packed' });
  assert.deepEqual([entry!.call, entry!.data!['wavSha256']], ['call-rec-1', sealed]);
  assert.deepEqual(entry!.blobs, [{ sha256: kept.packedSha256!, kind: 'audio', path: kept.file, ms: 5000 }]);

  const unpacked = new UnpackedRecordings({ folder: join(folder, 'unpacked'), ffmpeg: FFMPEG, clock: systemClock });
  const reading = readWav(await readFile(await unpacked.wavOf(join(folder, kept.file), sealed)));
  assert.ok(reading.kind === 'sound' && reading.sound.rateHz === 8000);
  const [samples] = reading.sound.channels;
  assert.ok(toneLevelDb(samples!.subarray(4000, 12_000), 700) > -15, 'the tone is there');
  assert.ok(toneLevelDb(samples!.subarray(17_000, 23_000), 700) < -50, 'and the silence where it was');

  const evidence = await collectEvidence({
    ...{ timeline, filter: { call: 'call-rec-1' }, dataFolder: folder, site: 'demo' },
    ...{ exportedAt: Date.UTC(2026, 10, 22, 3, 12), exportedBy: 'admin' },
  });
  assert.deepEqual(
    evidence.manifest.blobs.map((blob) => ('name' in blob ? 'there' : blob.absent)),
    ['gone', 'there'],
  );
  const zip = new ZipFile();
  for (const { name, content } of evidence.files) zip.addBuffer(content, name, evidence.zipOptions);
  for (const { name, path } of evidence.blobs) zip.addFile(path, name, evidence.zipOptions);
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(join(folder, 'evidence.zip')));
  const { stdout } = await promisify(execFile)(process.execPath, [VERIFIER, join(folder, 'evidence.zip')]);
  assert.match(stdout, /^通过 PASSED/);
});

test('a WAV that is not what was sealed is left as it is; the others are packed', async (t) => {
  const { folder, store, timeline, packer } = await houseWith(t, 'rec-1', 'rec-2');
  const changed = await readFile(join(folder, 'recordings/rec-1.wav'));
  changed[5000]! ^= 1;
  await writeFile(join(folder, 'recordings/rec-1.wav'), changed);
  packer.start();
  await until(async () => !existsSync(join(folder, 'recordings/rec-2.wav')), 'the other one is packed');
  assert.deepEqual(await readFile(join(folder, 'recordings/rec-1.wav')), changed);
  assert.equal((await readRecording(store, { id: 'rec-1' }))!.file, 'recordings/rec-1.wav');
  assert.equal((await timeline.read({ kind: 'recording.packed' })).length, 1);
});

test('what a packer left that was killed before it could clear up is cleared at the next start', async (t) => {
  const { folder, store, packer } = await houseWith(t, 'rec-1');
  await store.query(
    `update recordings set file = 'recordings/rec-1-0123abcd.opus', packed_sha256 = repeat('0', 64), packed_at = now()`,
  );
  packer.start();
  await until(() => !existsSync(join(folder, 'recordings/rec-1.wav')), 'the WAV has gone');
});
