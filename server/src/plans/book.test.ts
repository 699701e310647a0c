import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { PlanView } from '@tocsin/protocol/views.ts';
import { ManualClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import { openTestStore } from '#store/test-database.ts';
import { openPlans } from './book.ts';
import { testPorts } from './test-desk.ts';

const plan = (id: string, say: string, version = '1') =>
  `id: ${id}\nname: { zh: 预案 }\nversion: '${version}'\nsteps:\n  - { id: a, kind: announce, name: { zh: 播 }, zones: [dam], say: ${say} }\n`;

async function shelf(t: TestContext, files: Record<string, string>, { store }: { store?: Store } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-plans-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const clock = new ManualClock();
  const desk = testPorts(clock);
  const database = store ?? (await openTestStore(t));
  const plans = await openPlans({
    folders: [join(folder, 'none'), folder],
    store: database,
    ports: desk.ports,
    clock,
    log: silentLog,
  });
  t.after(() => plans[Symbol.asyncDispose]());
  const changes: PlanView[] = [];
  plans.on('changed', (view) => changes.push(view));
  return { plans, changes, clock, desk, store: database };
}

/** Lets what goes on in the background come to its end. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

test('what a plan will say is spoken when it is loaded, in earnest and as a drill', async (t) => {
  const { plans, desk } = await shelf(t, { 'p.plan.yaml': plan('p', '撤离') });
  await settle();
  assert.deepEqual(desk.spoken, ['撤离', '演练，演练。撤离']);
  assert.equal(plans.views()[0]!.readiness.state, 'ready');
});

test('a plan with an error is shown in its place with the line, and cannot be pressed', async (t) => {
  const { plans } = await shelf(t, {
    'good.plan.yaml': plan('good', 'x'),
    'bad.plan.yaml': plan('bad', 'x').replace('[dam]', '[damm]'),
  });
  const bad = plans.views().find(({ id }) => id === 'bad')!;
  assert.equal(bad.readiness.state, 'not-ready');
  assert.equal(bad.readiness.problems[0]!.zh, '第 5 行：没有叫“damm”的广播分区，是不是“dam”？');
  assert.equal(plans.get('bad'), undefined);
  assert.ok(plans.get('good'));
});

test('a saved plan is in force at once, wins over the file after a restart, and keeps its versions', async (t) => {
  const first = await shelf(t, { 'p.plan.yaml': plan('p', 'x') });
  await assert.rejects(
    first.plans.save(plan('p', 'x').replace('kind: announce', 'kind: anounce'), 'li'),
    /p.plan.yaml:5:\d+ 没有“anounce”/,
  );
  await first.plans.save(plan('p', 'y', '2'), 'li');
  assert.equal(first.plans.get('p')?.version, '2');
  const second = await shelf(t, { 'p.plan.yaml': plan('p', 'x') }, { store: first.store });
  assert.equal(second.plans.get('p')?.version, '2');
  assert.deepEqual(
    (await second.plans.versions('p')).map(({ version, savedBy }) => [version, savedBy]),
    [['2', 'li']],
  );
});

test('the pre-flight is held anew at most every two seconds, and tells only what has changed', async (t) => {
  const { plans, changes, clock, desk } = await shelf(t, { 'p.plan.yaml': plan('p', 'x') });
  await settle();
  clock.advance(5000);
  changes.length = 0;
  desk.ports.announcements.zoneState = () => 'down';
  for (let i = 0; i < 100; i++) plans.reassess();
  assert.deepEqual(
    changes.map(({ readiness }) => readiness.state),
    ['not-ready'],
  );
  desk.ports.announcements.zoneState = () => 'ready';
  plans.reassess();
  assert.equal(changes.length, 1);
  clock.advance(2000);
  assert.deepEqual(
    changes.map(({ readiness }) => readiness.state),
    ['not-ready', 'ready'],
  );
});
