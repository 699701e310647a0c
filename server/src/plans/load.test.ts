import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { readSite } from '#directory/site-file.ts';
import { loadPlan } from './load.ts';
import { PLAN_LIMITS } from './plan.ts';
import { problemLine } from './problem.ts';
import { STEP_KINDS } from './steps/all.ts';
import { testDirectory } from './test-desk.ts';

const directory = testDirectory();

function problemsOf(text: string): string[] {
  const outcome = loadPlan(text, directory);
  return outcome.kind === 'loaded' ? [] : outcome.problems.map((problem) => problemLine('p', problem));
}

/** A whole plan around some steps; they begin at line 5. */
function planOf(steps: string): string {
  return `id: p\nname: { zh: 预案 }\nversion: 1\nsteps:\n${steps}`;
}

test('the plans that ship with the product load at the demo site', async () => {
  const { testDirectoryOf } = await import('./test-desk.ts');
  const root = new URL('../../../', import.meta.url);
  const demo = testDirectoryOf(await readSite(new URL('sites/demo', root).pathname));
  const names = readdirSync(new URL('plans/', root)).filter((name) => name.endsWith('.plan.yaml'));
  assert.ok(names.length >= 3);
  for (const name of names) {
    const outcome = loadPlan(readFileSync(new URL(`plans/${name}`, root), 'utf8'), demo);
    assert.deepEqual(outcome.kind === 'invalid' ? outcome.problems.map((p) => problemLine(name, p)) : [], []);
    assert.equal(outcome.kind === 'loaded' && `${outcome.plan.id}.plan.yaml`, name);
  }
});

test('the sample of every kind of step is a valid step', () => {
  for (const { kind, sample } of STEP_KINDS) {
    const conference = { id: 'call-leaders', kind: 'conference', name: { zh: '会' }, people: ['zhang'] };
    const step = { id: 's', kind, name: { zh: '步骤' }, ...sample };
    const text = stringify({ id: 'p', name: { zh: '预案' }, version: '1', steps: [conference, step] });
    assert.deepEqual(problemsOf(text), [], kind);
  }
});

test('a misspelt person is told at his line and column, with the one that was meant', () => {
  const text = planOf(
    '  - id: a\n    kind: conference\n    name: { zh: 会 }\n    people:\n      - zhnag\n      - group:leader\n',
  );
  assert.deepEqual(problemsOf(text), [
    'p:9:9 没有叫“zhnag”的人员或分组，是不是“zhang”？ (there is no person or group “zhnag”; did you mean “zhang”?)',
    'p:10:9 没有叫“group:leader”的人员或分组，是不是“group:leaders”？ (there is no person or group “group:leader”; did you mean “group:leaders”?)',
  ]);
});

test('a person written by his name is led to his id', () => {
  const [problem] = problemsOf(planOf('  - { id: a, kind: conference, name: { zh: 会 }, people: [张伟] }\n'));
  assert.match(problem!, /是不是“zhang”/);
});

test('unknown fields and kinds are told with the nearest known one', () => {
  const [field] = problemsOf(
    planOf('  - id: a\n    kind: announce\n    name: { zh: 播 }\n    zone: [dam]\n    zones: [dam]\n    say: 撤离\n'),
  );
  assert.match(field!, /^p:8:5 不认识的字段“zone”，是不是“zones”？/);
  const [kind] = problemsOf(planOf('  - id: a\n    kind: anounce\n    name: { zh: 播 }\n'));
  assert.match(kind!, /^p:6:11 没有“anounce”这种步骤，是不是“announce”？/);
});

test('what is missing, of the wrong type, or out of range is told where it stands', () => {
  const text = planOf(
    '  - id: a\n    kind: conference\n    name: { zh: 会 }\n    people: zhang\n    ringS: 500\n  - kind: wait\n    id: b\n    name: { zh: 等 }\n',
  );
  assert.deepEqual(
    problemsOf(text).map((line) => line.split(' (')[0]),
    [
      'p:8:13 这里应为列表（每行以“- ”开头），写的是“zhang”',
      'p:9:12 最多 120，写的是 500',
      'p:10:5 缺少必填项“seconds”',
    ],
  );
});

test('steps that wait for each other, that are unknown, or that are named twice are refused', () => {
  const step = (id: string, after: string) =>
    `  - { id: ${id}, kind: wait, name: { zh: 等 }, seconds: 1, after: [${after}] }\n`;
  assert.match(problemsOf(planOf(step('a', 'c') + step('b', 'a') + step('c', 'b')))[0]!, /步骤互相等待：a → c → b → a/);
  assert.match(problemsOf(planOf(step('first', '') + step('b', 'frist')))[0]!, /没有叫“frist”的步骤，是不是“first”？/);
  assert.match(problemsOf(planOf(step('a', '') + step('a', '')))[0]!, /步骤编号“a”重复/);
});

test('a name between braces must be a parameter or one that every run knows', () => {
  const [problem] = problemsOf(
    planOf("  - { id: a, kind: send-text, name: { zh: 信 }, people: [zhang], text: '到{vilage}' }\n"),
  );
  assert.match(problem!, /“\{vilage\}”不是本预案的参数/);
  assert.deepEqual(
    problemsOf(
      planOf(
        "  - { id: a, kind: send-text, name: { zh: 信 }, people: ['{alarm.contacts}'], text: '{alarm.person}求助' }\n",
      ),
    ),
    [],
  );
});

test('YAML that is no YAML, too large, too deep, or full of aliases is refused with a line', () => {
  assert.match(problemsOf('id: [')[0]!, /^p:1:\d+ 不是有效的 YAML/);
  assert.match(problemsOf(`x: ${'y'.repeat(PLAN_LIMITS.bytes)}`)[0]!, /超过 128 KiB/);
  assert.match(problemsOf('['.repeat(30_000))[0]!, /^p:1:1|YAML/);
  assert.match(problemsOf(`a: ${'['.repeat(20)}${']'.repeat(20)}`)[0]!, /嵌套超过/);
  const bomb =
    'a: &a [x, x]\n' +
    Array.from(
      { length: 9 },
      (_, i) => `${'bcdefghij'[i]}: &${'bcdefghij'[i]} [${`*${'abcdefghi'[i]},`.repeat(9)}]`,
    ).join('\n');
  assert.match(problemsOf(bomb)[0]!, /YAML 无法读取/);
  assert.match(problemsOf('id: a\nid: b\n')[0]!, /^p:2:1 不是有效的 YAML/);
  assert.ok(problemsOf('').length > 0);
});
