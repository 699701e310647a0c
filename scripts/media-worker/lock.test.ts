import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

const { tryLock, waitForLock, isStale } = await import(new URL('lock.mjs', import.meta.url).href);

function lockFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-lock-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'worker.lock');
}

test('only one may hold the lock, and the next may when it is given back', (t) => {
  const file = lockFile(t);
  const first = tryLock(file);
  assert.ok(first);
  assert.equal(tryLock(file), undefined);
  first[Symbol.dispose]();
  assert.ok(tryLock(file));
});

test('the lock of a process that is gone is taken over', (t) => {
  const file = lockFile(t);
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(file, JSON.stringify({ pid, startedAt: '1' }));
  assert.equal(isStale(file), true);
  assert.ok(tryLock(file));
});

test('the lock is stale when another process has got the pid of its owner since', (t) => {
  const file = lockFile(t);
  writeFileSync(file, JSON.stringify({ pid: process.pid, startedAt: 'long ago' }));
  assert.equal(isStale(file), process.platform === 'linux');
});

test('a lock file that cannot be read is stale, an absent one is not', (t) => {
  const file = lockFile(t);
  assert.equal(isStale(file), false);
  writeFileSync(file, '');
  assert.equal(isStale(file), true);
});

test('whoever waits gives up when the work has been done meanwhile', async (t) => {
  const file = lockFile(t);
  tryLock(file);
  assert.equal(await waitForLock(file, () => true), undefined);
});
