import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ZipFile } from 'yazl';
import { systemChance } from '#kernel/chance.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { openTestStore } from '#store/test-database.ts';
import { collectEvidence, type Evidence } from './export.ts';
import { openTimeline } from './timeline.ts';

const VERIFIER = fileURLToPath(new URL('../../../scripts/tocsin-verify.mjs', import.meta.url));

/** A timeline with two incidents mixed, one with a recording, and a bundle of one of them. */
async function takenOut(t: TestContext) {
  const dataFolder = await mkdtemp(join(tmpdir(), 'tocsin-evidence-'));
  t.after(() => rm(dataFolder, { recursive: true, force: true }));
  await mkdir(join(dataFolder, 'recordings'));
  const sound = Buffer.from('RIFF and some seconds of speech');
  await writeFile(join(dataFolder, 'recordings/1.wav'), sound);
  const sha256 = createHash('sha256').update(sound).digest('hex');

  const store = await openTestStore(t);
  const timeline = await openTimeline({
    store,
    clock: systemClock,
    chance: systemChance,
    log: silentLog,
    site: 'demo',
  });
  t.after(() => Promise.resolve(timeline[Symbol.asyncDispose]()));
  for (let i = 0; i < 12; i += 1) {
    await timeline.append({
      kind: 'call.ended',
      incident: i % 3 ? '0412' : '0411',
      person: 'liu-guifang',
      data: { i, 说明: '刘桂芳 一键报警 ü\n"', n: 1.5e-7 },
      ...(i === 4 ? { blobs: [{ sha256, kind: 'audio' as const, path: 'recordings/1.wav', ms: 900 }] } : {}),
    });
  }
  const collect = () =>
    collectEvidence({
      ...{ timeline, filter: { incident: '0412' }, dataFolder, site: 'demo' },
      ...{ exportedAt: Date.UTC(2026, 10, 22, 3, 12), exportedBy: 'admin' },
    });
  const zipPath = join(dataFolder, 'evidence.zip');
  return { dataFolder, zipPath, collect };
}

async function zip(evidence: Evidence, path: string, isPacked = false) {
  const zipFile = new ZipFile();
  const options = { ...evidence.zipOptions, compress: isPacked };
  for (const { name, content } of evidence.files) zipFile.addBuffer(content, name, options);
  for (const blob of evidence.blobs) zipFile.addFile(blob.path, blob.name, options);
  zipFile.end();
  await pipeline(zipFile.outputStream, createWriteStream(path));
}

function verify(path: string): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [VERIFIER, path], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, text: stdout + stderr });
    });
  });
}

test('a bundle passes, tells one incident only, and names the end of the chain', async (t) => {
  const { zipPath, collect } = await takenOut(t);
  const evidence = await collect();
  await zip(evidence, zipPath);
  const { code, text } = await verify(zipPath);
  assert.equal(code, 0, text);
  assert.match(text, /通过 PASSED/);
  assert.match(text, /entries: 8 .*left out: 3 .*files: 1 /);
  assert.ok(text.includes(evidence.manifest.chain.lastHash));
  const lines = evidence.files
    .find(({ name }) => name === 'entries.jsonl')!
    .content.toString()
    .trim()
    .split('\n');
  assert.equal(lines.length, 11);
  assert.ok(lines.every((line) => !line.includes('0411')));
  await zip(evidence, zipPath, true);
  assert.equal((await verify(zipPath)).code, 0, 'compressed passes as well');
});

test('not one byte of a bundle can be changed unseen', async (t) => {
  const { zipPath, collect, dataFolder } = await takenOut(t);
  await zip(await collect(), zipPath);
  const whole = await readFile(zipPath);
  const { verifyEvidence } = (await import(VERIFIER)) as { verifyEvidence(path: string): Promise<unknown> };
  const changed = join(dataFolder, 'changed.zip');
  const unseen: number[] = [];
  // Every third byte, which meets every field sooner or later; all of them takes three times as long.
  for (let at = 0; at < whole.length; at += 3) {
    const copy = Buffer.from(whole);
    copy[at]! ^= 1 << (at % 8);
    await writeFile(changed, copy);
    await verifyEvidence(changed).then(
      () => unseen.push(at),
      () => {},
    );
  }
  assert.deepEqual(unseen, []);
  for (const cut of [
    whole.subarray(0, -1),
    whole.subarray(1),
    Buffer.concat([whole, Buffer.from('x')]),
    Buffer.alloc(0),
  ]) {
    await writeFile(changed, cut);
    const { code, text } = await verify(changed);
    assert.equal(code, 1);
    assert.match(text, /未通过 FAILED/);
  }
});

test('a bundle packed anew around a changed entry is found out', async (t) => {
  const { zipPath, collect } = await takenOut(t);
  const evidence = await collect();
  const forge = (name: string, change: (text: string) => string) => {
    const file = evidence.files.find((candidate) => candidate.name === name)!;
    const before = file.content.toString();
    file.content = Buffer.from(change(before));
    assert.notEqual(file.content.toString(), before);
  };
  const hash = (name: string) =>
    createHash('sha256')
      .update(evidence.files.find((file) => file.name === name)!.content)
      .digest('hex');
  const old = hash('entries.jsonl');
  forge('entries.jsonl', (text) => text.replace('"i":4', '"i":5'));
  forge('manifest.json', (text) => text.replace(old, hash('entries.jsonl')));
  forge('manifest.sha256', () => `${hash('manifest.json')}  manifest.json\n`);
  await zip(evidence, zipPath);
  assert.match((await verify(zipPath)).text, /第 5 条内容被改动 \| entry 5 was changed/);
});

test('a recording that was deleted is told; one that was changed fails the bundle', async (t) => {
  const { dataFolder, zipPath, collect } = await takenOut(t);
  await rm(join(dataFolder, 'recordings/1.wav'));
  await zip(await collect(), zipPath);
  const gone = await verify(zipPath);
  assert.equal(gone.code, 0, gone.text);
  assert.match(gone.text, /gone before export: 1/);
  await writeFile(join(dataFolder, 'recordings/1.wav'), 'other words');
  await zip(await collect(), zipPath);
  assert.match((await verify(zipPath)).text, /FAILED[\s\S]*had been changed before the export/);
});
