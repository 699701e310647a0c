import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { AlarmView, RunView } from '@tocsin/protocol/views.ts';
import { seededChance } from '#kernel/chance.ts';
import { ManualClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import { openTestStore } from '#store/test-database.ts';
import type { NewEntry } from '#timeline/entry.ts';
import type { Timeline } from '#timeline/timeline.ts';
import { loadPlan } from './load.ts';
import type { Plan } from './plan.ts';
import { openRuns } from './runs.ts';
import { testPorts } from './test-desk.ts';

type Ports = ReturnType<typeof testPorts>;

/** Runs on a real database, with ports that a test pulls by hand. A second room on the same store is the server restarted. */
async function room(
  t: TestContext,
  document: string,
  { store, clock = new ManualClock(), desk }: { store?: Store; clock?: ManualClock; desk?: Ports } = {},
) {
  const database = store ?? (await openTestStore(t));
  const ports = desk ?? testPorts(clock);
  const plans = new Map<string, Plan>([['p', planFrom(document, ports)]]);
  const entries: NewEntry[] = [];
  const timeline = {
    append: (entry: NewEntry) => (entries.push(entry), Promise.resolve(entry)),
  } as unknown as Timeline;
  const runs = openRuns({
    store: database,
    timeline,
    planOf: (id) => plans.get(id),
    ports: ports.ports,
    clock,
    chance: seededChance(`runs-${clock.now()}`, () => clock.now()),
    log: silentLog,
  });
  t.after(() => runs[Symbol.asyncDispose]());
  const start = (more = {}) => runs.start({ plan: 'p', startedBy: 'dispatcher', ...more });
  const view = async (id: string) => (await runs.get(id))!;
  const until = async (condition: () => unknown) => {
    for (let turn = 0; turn < 2000 && !(await condition()); turn++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    assert.ok(await condition(), `waited in vain for ${condition}`);
  };
  /** Waits until a step is in this state. */
  const reaches = (id: string, step: string, state: string) =>
    until(async () => stepOf(await view(id), step).state === state);
  return { ...ports, runs, start, view, until, reaches, entries, clock, store: database };
}

function planFrom(steps: string, { ports }: Ports): Plan {
  const text = `id: p\nname: { zh: 预案 }\nversion: 1\nlevel: 1\nparameters:\n  village: { type: text, name: { zh: 村 }, default: 石桥 }\nsteps:\n${steps}`;
  const outcome = loadPlan(text, ports.directory);
  if (outcome.kind === 'invalid') assert.fail(JSON.stringify(outcome.problems));
  return outcome.plan;
}

function stepOf(run: RunView, id: string) {
  return run.steps.find((step) => step.id === id)!;
}

function ledgerOf(run: RunView): Record<string, string> {
  return Object.fromEntries(
    run.ledger.map((row) => [`${row.person}/${row.channel}${row.standsInFor ? `/${row.standsInFor}` : ''}`, row.state]),
  );
}

/** The step's steps in YAML, a line each. */
const step = (id: string, kind: string, rest: string) =>
  `  - { id: ${id}, kind: ${kind}, name: { zh: ${id} }, ${rest} }\n`;
const CONFERENCE = step('meet', 'conference', "people: ['group:leaders'], deputies: true");
const TEXTS = step('tell', 'send-text', "people: [zhang, chen], text: '到{village}集合'");
const SIREN = step('siren', 'announce', 'zones: [all], say: 撤离');

test('one press starts every step that waits for nothing, and each tells its people in the ledger', async (t) => {
  const { start, conferences, plays, handed } = await room(
    t,
    CONFERENCE + TEXTS + SIREN + step('later', 'wait', 'seconds: 5, after: [meet]'),
  );
  const run = await start();
  assert.equal(run.state, 'running');
  assert.deepEqual(
    run.steps.map(({ state }) => state),
    ['running', 'running', 'running', 'waiting'],
  );
  assert.deepEqual(
    conferences[0]?.parties.map(({ person }) => person),
    ['zhang', 'wang'],
  );
  assert.deepEqual(plays[0]?.zones, ['dam', 'village']);
  assert.equal(handed.length, 2);
  assert.deepEqual(ledgerOf(run), {
    'zhang/voice': 'sent',
    'wang/voice': 'sent',
    'zhang/sms': 'queued',
    'chen/sms': 'queued',
    'dam/pa': 'sent',
    'village/pa': 'sent',
  });
});

test('the press is on disk before anybody’s phone rings', async (t) => {
  const { store, ports, start, until } = await room(t, CONFERENCE);
  let found: unknown[] = [];
  const open = ports.conferences.open;
  ports.conferences.open = async (options) => {
    found = await store.query('SELECT person, state FROM ledger WHERE run = $1 ORDER BY place', [options.run]);
    return open(options);
  };
  await start();
  await until(() => found.length > 0);
  assert.deepEqual(found, [
    { person: 'zhang', state: 'queued' },
    { person: 'wang', state: 'queued' },
  ]);
});

test('a run ends when its steps have; the ledger goes on with who leaves and which text arrives', async (t) => {
  const { start, reaches, view, conferences, handed, tellText, until } = await room(t, CONFERENCE + TEXTS);
  const { id } = await start();
  conferences[0]!.becomes('zhang', 'ringing');
  conferences[0]!.becomes('zhang', 'in');
  conferences[0]!.becomes('wang', 'replaced');
  conferences[0]!.becomes('chen', 'in', { standsInFor: 'wang' });
  for (const text of handed) tellText(text, 'sent');
  await reaches(id, 'meet', 'done');
  await until(async () => (await view(id)).state === 'done');
  assert.equal((await view(id)).because, 'all-steps-ended');
  assert.equal(stepOf(await view(id), 'meet').summary?.zh, '在会 2/2');
  conferences[0]!.becomes('zhang', 'left');
  tellText(handed[0]!, 'delivered');
  await until(async () => ledgerOf(await view(id))['zhang/sms'] === 'delivered');
  const run = await view(id);
  assert.equal(ledgerOf(run)['zhang/voice'], 'left');
  assert.deepEqual(
    run.ledger
      .find(({ person, channel }) => person === 'zhang' && channel === 'voice')!
      .history.map(({ state }) => state),
    ['queued', 'sent', 'rung', 'confirmed', 'joined', 'left'],
  );
  assert.equal(ledgerOf(run)['chen/voice/wang'], 'joined');
});

test('figures count from the press', async (t) => {
  const { start, plays, clock, view } = await room(t, CONFERENCE + SIREN);
  const { id } = await start({ pressedAt: clock.now() - 30 });
  plays[0]!.onZone({ zone: 'dam', state: 'playing', at: clock.now() + 50 });
  const { figures } = await view(id);
  assert.deepEqual(figures, { firstInviteMs: 30, allDialledMs: 30, firstAnnouncementMs: 80 });
});

test('two quick presses of the same button are one run', async (t) => {
  const { start, clock, conferences } = await room(t, CONFERENCE);
  const [first, second] = [await start(), await start()];
  assert.equal(first.id, second.id);
  clock.advance(1500);
  assert.notEqual((await start()).id, first.id);
  assert.equal(conferences.length, 2);
});

test('stop ends everything that the run has going', async (t) => {
  const { start, runs, conferences, plays, view, until } = await room(
    t,
    CONFERENCE + SIREN + step('later', 'wait', 'seconds: 5, after: [meet]'),
  );
  const { id } = await start();
  const stopped = await runs.stop(id, 'dispatcher', '误报');
  assert.deepEqual([stopped.state, stopped.because], ['stopped', 'stopped-by-dispatcher']);
  assert.deepEqual(
    stopped.steps.map(({ state, because }) => [state, because]),
    [
      ['skipped', 'run-stopped'],
      ['skipped', 'run-stopped'],
      ['skipped', 'run-stopped'],
    ],
  );
  await until(() => conferences[0]!.endedBecause === 'plan-ended');
  assert.ok(plays[0]!.signal.aborted);
  await assert.rejects(runs.stop(id, 'dispatcher'), { code: 'RUN_ENDED' });
  assert.equal((await view(id)).state, 'stopped');
});

test('a step is skipped with a reason, and those that wait for it go on', async (t) => {
  const { start, runs, reaches, entries } = await room(t, SIREN + step('after', 'wait', 'seconds: 5, after: [siren]'));
  const { id } = await start();
  const run = await runs.skipStep(id, 'siren', 'dispatcher', '该区已撤离');
  assert.deepEqual([stepOf(run, 'siren').state, stepOf(run, 'siren').because], ['skipped', '该区已撤离']);
  await reaches(id, 'after', 'running');
  assert.ok(entries.some(({ kind, data }) => kind === 'run.step-skipped' && data?.reason === '该区已撤离'));
  await assert.rejects(runs.skipStep(id, 'siren', 'dispatcher', 'x'), { code: 'RUN_ENDED' });
});

test('a question waits for the dispatcher, and its answer chooses the steps that follow', async (t) => {
  const ask = step(
    'ask',
    'ask-dispatcher',
    'question: 疏散？, choices: [{ id: go, name: { zh: 是 } }, { id: stay, name: { zh: 否 } }], answerWithinS: 60, default: go',
  );
  const { start, runs, reaches, view } = await room(
    t,
    ask +
      step('go', 'wait', 'seconds: 5, when: { step: ask, choice: go }') +
      step('stay', 'wait', 'seconds: 5, when: { step: ask, choice: stay }'),
  );
  const { id, steps } = await start();
  assert.equal(steps[0]!.question?.text.zh, '疏散？');
  await assert.rejects(runs.answer(id, 'ask', 'perhaps', 'dispatcher'), { code: 'NOT_FOUND' });
  await runs.answer(id, 'ask', 'stay', 'dispatcher');
  await reaches(id, 'stay', 'running');
  const run = await view(id);
  assert.deepEqual([stepOf(run, 'go').state, stepOf(run, 'go').because], ['skipped', 'condition-not-met']);
  assert.equal(stepOf(run, 'ask').question, undefined);
});

test('without an answer in time the default counts', async (t) => {
  const ask = step(
    'ask',
    'ask-dispatcher',
    'question: 疏散？, choices: [{ id: go, name: { zh: 是 } }, { id: stay, name: { zh: 否 } }], answerWithinS: 60, default: go',
  );
  const { start, clock, reaches, view } = await room(t, ask);
  const { id } = await start();
  clock.advance(60_000);
  await reaches(id, 'ask', 'done');
  assert.equal(stepOf(await view(id), 'ask').summary?.zh, '是（超时默认）');
});

test('a step that fails may stop the whole run, when the plan says so', async (t) => {
  const { start, view, reaches, conferences } = await room(
    t,
    step('meet', 'conference', 'people: [zhang], deputies: false, onFailure: stop') + SIREN,
  );
  const { id } = await start();
  conferences[0]!.becomes('zhang', 'unanswered');
  await reaches(id, 'meet', 'failed');
  const run = await view(id);
  assert.deepEqual([run.state, run.because, stepOf(run, 'siren').state], ['failed', 'step-failed: meet', 'skipped']);
});

test('a step that takes longer than the plan allows has failed', async (t) => {
  const { start, clock, reaches, view } = await room(
    t,
    step('siren', 'announce', 'zones: [dam], say: 撤离, timeoutS: 10'),
  );
  const { id } = await start();
  clock.advance(10_000);
  await reaches(id, 'siren', 'failed');
  assert.equal(stepOf(await view(id), 'siren').because, 'timed-out');
});

test('contacts are called in turn until one confirms by key, and the others are spared', async (t) => {
  const { start, calls, reaches, view, until } = await room(
    t,
    step('family', 'call-one-of', "people: ['{alarm.contacts}', wang], say: '{alarm.person}求助，{alarm.address}'"),
  );
  const alarm = {
    id: 'alarm-1',
    kind: 'one-key',
    level: 2,
    title: { zh: '一键' },
    facts: { zh: '' },
    person: 'granny',
  } as AlarmView;
  const { id } = await start({ alarm });
  assert.equal(calls[0]!.message.text, '王桂兰求助，石桥村 12 号');
  calls[0]!.ends('unanswered');
  await until(() => calls.length === 2);
  calls[1]!.ends('confirmed');
  await reaches(id, 'family', 'done');
  assert.deepEqual(ledgerOf(await view(id)), {
    'zhang/voice': 'unanswered',
    'chen/voice': 'confirmed',
    'wang/voice': 'skipped',
  });
  assert.equal(stepOf(await view(id), 'family').summary?.zh, '陈静 已确认');
});

test('called in parallel, the first who confirms ends the calls of the others', async (t) => {
  const { start, calls, reaches, view } = await room(
    t,
    step('all', 'call-one-of', 'people: [zhang, chen], order: parallel, say: 求助'),
  );
  const { id } = await start();
  assert.equal(calls.length, 2);
  calls[1]!.ends('confirmed');
  await reaches(id, 'all', 'done');
  assert.deepEqual(ledgerOf(await view(id)), { 'zhang/voice': 'skipped', 'chen/voice': 'confirmed' });
});

test('the radio joins the conference of another step as soon as that is open', async (t) => {
  const { start, conferences, reaches, view } = await room(
    t,
    step('radio', 'patch-radio', 'channel: ch1, conference: meet') + CONFERENCE,
  );
  const { id } = await start();
  await reaches(id, 'radio', 'done');
  assert.deepEqual(conferences[0]!.patched, ['ch1']);
  assert.equal(ledgerOf(await view(id))['ch1/radio'], 'joined');
});

test('video is asked for by a link in a text, and its ledger follows the link', async (t) => {
  const { start, feeds, texts, tellText, reaches, view, clock } = await room(
    t,
    step('video', 'ask-video', 'people: [chen]'),
  );
  const { id } = await start();
  await reaches(id, 'video', 'done');
  const [text] = [...texts.values()];
  assert.match(text!.text, /https:\/\/x\/chen$/);
  tellText(text!.id, 'delivered');
  feeds[0]!.onState({ state: 'live', at: clock.now() });
  assert.deepEqual(ledgerOf(await view(id)), { 'chen/video': 'joined' });
});

test('a wait ends early when the gauge is over the value', async (t) => {
  const { start, measure, reaches } = await room(
    t,
    step('water', 'wait', 'seconds: 600, until: { gauge: upstream, above: 74 }'),
  );
  const { id } = await start();
  measure('upstream', 73);
  measure('upstream', 74.1);
  await reaches(id, 'water', 'done');
});

test('a drill says so in every text and every announcement', async (t) => {
  const { start, texts, plays, conferences } = await room(
    t,
    TEXTS + SIREN + step('meet', 'conference', 'people: [zhang], say: 请入会'),
  );
  const run = await start({ isDrill: true });
  assert.equal(run.isDrill, true);
  assert.equal([...texts.values()][0]!.text, '【演练】到石桥集合');
  assert.equal(plays[0]!.isDrill, true);
  assert.match(JSON.stringify(plays[0]!.parts), /演练，演练。撤离/);
  assert.match(conferences[0]!.parties[0]!.announcement!.text, /^演练/);
});

test('a plan that opens an incident has its id from the first moment', async (t) => {
  const { start, conferences, ports, incidents } = await room(
    t,
    step('case', 'open-incident', 'level: 1') + CONFERENCE,
  );
  const seen: (string | undefined)[] = [];
  const open = ports.conferences.open;
  ports.conferences.open = (options) => (seen.push(options.incident), open(options));
  const run = await start();
  assert.ok(run.incident);
  assert.deepEqual([seen, incidents], [[run.incident], [run.incident]]);
  assert.equal(conferences.length, 1);
});

test('a dispatcher redials, and vouches for somebody who was reached by other means', async (t) => {
  const { start, runs, conferences } = await room(t, CONFERENCE);
  const { id } = await start();
  conferences[0]!.becomes('zhang', 'unanswered');
  await runs.redial(id, 'zhang', 'dispatcher');
  assert.deepEqual(conferences[0]!.redialled, ['zhang']);
  const run = await runs.confirm(id, 'zhang', 'dispatcher', '当面告知');
  const row = run.ledger.find(({ person }) => person === 'zhang')!;
  assert.deepEqual([row.state, row.detail], ['confirmed', '调度员确认：当面告知']);
  await assert.rejects(runs.redial(id, 'nobody', 'dispatcher'), { code: 'PARTICIPANT_UNKNOWN' });
});

test('parameters are checked before anything starts', async (t) => {
  const { start } = await room(t, TEXTS);
  await assert.rejects(start({ parameters: { vilage: 'x' } }), /did you mean “village”/);
  await assert.rejects(start({ parameters: { village: 3 } }), { code: 'REQUEST_MALFORMED' });
});

test('after a kill -9 what was done stays, who was called is called again, and no text goes twice', async (t) => {
  const steps =
    CONFERENCE +
    TEXTS +
    SIREN +
    step('radio', 'patch-radio', 'channel: ch1, conference: meet') +
    step('later', 'wait', 'seconds: 60, after: [siren]');
  const first = await room(t, steps);
  const { id } = await first.start();
  first.conferences[0]!.becomes('zhang', 'in');
  first.conferences[0]!.becomes('wang', 'refused');
  first.plays[0]!.onZone({ zone: 'dam', state: 'played', at: first.clock.now() });
  for (const text of first.handed) first.tellText(text, 'sent');
  await first.reaches(id, 'meet', 'done');
  await first.reaches(id, 'tell', 'done');
  await first.until(
    async () =>
      (await first.store.query(`SELECT FROM ledger WHERE run = $1 AND state = 'delivered'`, [id])).length === 1,
  );
  await first.until(
    async () => (await first.store.query(`SELECT FROM run_step WHERE run = $1 AND state = 'done'`, [id])).length === 3,
  );

  // The process is gone: nothing of the first room is told anything more, its texts are on disk.
  const desk = testPorts(first.clock);
  for (const [key, text] of first.texts) desk.texts.set(key, text);
  const second = await room(t, steps, { store: first.store, clock: first.clock, desk });
  await second.runs.resume();
  await second.until(() => second.conferences[0]?.parties.length === 1 && second.plays.length === 1);
  assert.deepEqual(
    second.conferences[0]!.parties.map(({ person }) => person),
    ['zhang'],
  );
  assert.deepEqual(second.plays[0]!.zones, ['village']);
  assert.deepEqual(second.handed, []);
  await second.until(() => second.conferences[0]!.patched.length === 1);
  const run = await second.view(id);
  assert.deepEqual(
    run.steps.map(({ state }) => state),
    ['done', 'done', 'running', 'done', 'waiting'],
  );
  assert.equal(ledgerOf(run)['wang/voice'], 'refused');
  second.plays[0]!.end();
  await second.reaches(id, 'later', 'running');
  await second.until(async () => {
    second.clock.advance(10_000);
    return (await second.view(id)).state === 'done';
  });
});

test('a wait that a restart interrupted is not prolonged by it', async (t) => {
  const steps = step('pause', 'wait', 'seconds: 60');
  const first = await room(t, steps);
  const { id } = await first.start();
  first.clock.advance(45_000);
  const second = await room(t, steps, { store: first.store, clock: first.clock, desk: testPorts(first.clock) });
  await second.runs.resume();
  second.clock.advance(15_000);
  await second.until(async () => (await second.view(id)).state === 'done');
});

test('a run that was left long ago is closed with its reason, and nobody is called', async (t) => {
  const first = await room(t, CONFERENCE);
  const { id } = await first.start();
  first.clock.advance(7 * 3600_000);
  const second = await room(t, CONFERENCE, { store: first.store, clock: first.clock, desk: testPorts(first.clock) });
  await second.runs.resume();
  const run = await second.view(id);
  assert.deepEqual([run.state, run.because, second.conferences.length], ['failed', 'server-restarted-too-late', 0]);
});

test('when the database does not answer the phones ring all the same, and the run is written later', async (t) => {
  const store = await openTestStore(t);
  let isAway = true;
  const flaky: Store = {
    ...store,
    transaction: (work) => (isAway ? Promise.reject(new Error('away')) : store.transaction(work)),
  };
  const { start, conferences, clock, until } = await room(t, CONFERENCE, { store: flaky });
  const { id } = await start();
  assert.equal(conferences[0]!.parties.length, 2);
  isAway = false;
  await until(async () => {
    clock.advance(1000);
    return (await store.query('SELECT FROM run WHERE id = $1', [id])).length === 1;
  });
  await until(
    async () => (await store.query(`SELECT FROM ledger WHERE run = $1 AND state = 'sent'`, [id])).length === 2,
  );
});
