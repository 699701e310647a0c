import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Store } from '#store/store.ts';
import { openTestStore } from '#store/test-database.ts';
import { testPorts } from './test-desk.ts';
import { ledgerOf, room, step, stepOf } from './test-room.ts';

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
