import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

const load = (name: string) => import(new URL(name, import.meta.url).href);
const { describe, readStatus, writeStatus } = await load('status.mjs');
const { firstError, parseProgress } = await load('compile.mjs');
const { places } = await load('places.mjs');
const { protect, unprotect, KEY_BYTES } = await load('srtp.mjs');
const { acceptedWorker, candidates, rememberAcceptance } = await load('accept.mjs');

function emptyFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-worker-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('the status file is replaced as a whole and always says everything', (t) => {
  const folder = emptyFolder(t);
  const file = join(folder, 'below', 'status.json');
  writeStatus(file, { state: 'compiling', done: 17, total: 262 });
  const { pid, ...rest } = readStatus(file);
  assert.equal(pid, process.pid);
  assert.deepEqual(rest, { state: 'compiling', done: 17, total: 262, detail: '', path: '' });
  assert.deepEqual(readdirSync(join(folder, 'below')), ['status.json']);
});

test('a status is told in a few words', () => {
  assert.equal(describe({ state: 'compiling', done: 17, total: 262 }), 'compiling 17/262');
  assert.equal(describe({ state: 'failed', detail: 'no compiler' }), 'no compiler');
  assert.equal(describe(undefined), 'starting');
});

test('an unreadable status file is no status', (t) => {
  const file = join(emptyFolder(t), 'status.json');
  writeFileSync(file, '{"state":');
  assert.equal(readStatus(file), undefined);
});

test('progress is read from what ninja prints', () => {
  assert.deepEqual(parseProgress('[17/262] Compiling C++ object x.o'), { done: 17, total: 262 });
  assert.equal(parseProgress('ninja: Entering directory'), undefined);
});

test('of a failed compile the line with the error is shown', () => {
  assert.equal(
    firstError('[1/2] g++\nx.cpp:1: error: no such thing\nninja: build stopped'),
    'x.cpp:1: error: no such thing',
  );
});

test('the cache lies outside the checkout, in the folder that the system names', () => {
  assert.match(
    places({ XDG_CACHE_HOME: '/var/cache/me' }).worker,
    /^\/var\/cache\/me\/tocsin\/mediasoup-worker-3\.27\.1-/,
  );
});

test('a worker counts as accepted only once it has been remembered, and no longer when the file changes', (t) => {
  const folder = emptyFolder(t);
  t.after(
    (
      (before) => () =>
        (process.env.XDG_CACHE_HOME = before ?? '')
    )(process.env.XDG_CACHE_HOME),
  );
  process.env.XDG_CACHE_HOME = folder;
  const worker = join(folder, 'a-worker');
  writeFileSync(worker, 'x');
  const env = { XDG_CACHE_HOME: folder, TOCSIN_MEDIASOUP_WORKER: worker };
  assert.deepEqual(candidates(env), [worker]);
  assert.equal(acceptedWorker(env), undefined);
  rememberAcceptance(worker);
  assert.equal(acceptedWorker(env), worker);
  writeFileSync(worker, 'another');
  assert.equal(acceptedWorker(env), undefined);
});

for (const suite of ['AES_CM_128_HMAC_SHA1_80', 'AEAD_AES_256_GCM'] as const) {
  test(`${suite}: what is protected is unprotected, and nothing that was changed`, () => {
    const master = Buffer.from(Array.from({ length: KEY_BYTES[suite][0] + KEY_BYTES[suite][1] }, (_, i) => i * 5));
    const rtp = Buffer.from('900f04d2decafbadcafebabe' + 'bede0001' + '10ff0000' + 'abababababababab', 'hex');
    const srtp = protect(suite, master, rtp);
    assert.deepEqual(srtp.subarray(0, 20), rtp.subarray(0, 20));
    assert.deepEqual(unprotect(suite, master, srtp), rtp);
    srtp[21] ^= 1;
    assert.throws(() => unprotect(suite, master, srtp));
  });
}
