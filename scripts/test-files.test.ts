import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { spawnSync } from 'node:child_process';
import { test, type TestContext } from 'node:test';
import { ROOT } from './root.ts';

/** Runs these files as tests in a process of their own (a runner inside a runner reports to the outer one). */
function tallyOf(t: TestContext, files: Record<string, string>, limitMs = 60_000) {
  mkdirSync(join(ROOT, 'test-results'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, 'test-results/runner-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(folder, name), `import { test, suite } from 'node:test';\n${text}`);
  const paths = Object.keys(files).map((name) => join(relative(ROOT, folder), name));
  const program = join(folder, 'run.mjs'); // a file: what follows -e would be handed on to the tests' processes
  writeFileSync(
    program,
    `import { runTestFiles } from ${JSON.stringify(join(ROOT, 'scripts/test-files.ts'))};
    const tally = await runTestFiles(${JSON.stringify(paths)}, { concurrency: 2, fileTimeLimitMs: ${limitMs} });
    console.log(JSON.stringify(tally));`,
  );
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  const { stdout, stderr } = spawnSync(process.execPath, [program], { env, encoding: 'utf8' });
  assert.equal(stderr, '');
  return { tally: JSON.parse(stdout.trim().split('\n').at(-1) ?? ''), printed: stdout };
}

test('tests are counted, the suites around them are not', (t) => {
  const { tally } = tallyOf(t, {
    'a.test.mjs': `suite('s', () => { test('one', () => {}); test('two', () => {}); }); test('three', () => {});`,
  });
  assert.deepEqual(tally, { passed: 3, failed: 0 });
});

test('a failing test is counted once and told with what it said', (t) => {
  const { tally, printed } = tallyOf(t, {
    'a.test.mjs': `suite('s', () => { test('good', () => {}); test('bad', () => { console.log('hint'); throw new Error('the reason'); }); });`,
    'b.test.mjs': `test('good', () => {});`,
  });
  assert.deepEqual(tally, { passed: 2, failed: 1 });
  assert.match(printed, /✗ bad[\s\S]*the reason[\s\S]*hint/);
});

test('a file that cannot be loaded, or ends the process, is a failure', (t) => {
  const { tally } = tallyOf(t, { 'a.test.mjs': `import './absent.mjs';`, 'b.test.mjs': `process.exit(3);` });
  assert.deepEqual(tally, { passed: 0, failed: 2 });
});

test('a suite whose hook fails is a failure', (t) => {
  const { tally } = tallyOf(t, {
    'a.test.mjs': `import { after } from 'node:test'; suite('s', () => { after(() => { throw new Error('leak'); }); test('one', () => {}); });`,
  });
  assert.deepEqual(tally, { passed: 1, failed: 1 });
});

test('a skipped test is neither passed nor failed', (t) => {
  const { tally } = tallyOf(t, {
    'a.test.mjs': `test('later', { skip: 'no modem here' }, () => {}); test('now', () => {});`,
  });
  assert.deepEqual(tally, { passed: 1, failed: 0 });
});

test('a file that does not end is ended, and is a failure', (t) => {
  const { tally } = tallyOf(t, { 'a.test.mjs': `test('one', () => { setInterval(() => {}, 1000); });` }, 3_000);
  assert.deepEqual(tally, { passed: 1, failed: 1 });
});
