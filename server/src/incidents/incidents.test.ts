import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { RunView } from '@tocsin/protocol/views.ts';
import { seededChance } from '#kernel/chance.ts';
import { ManualClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import { openTestStore } from '#store/test-database.ts';
import { openIncidents, type NewIncident } from './incidents.ts';

const FLOOD: NewIncident = { title: { zh: '洪水一级响应' }, level: 1, isDrill: false, openedBy: 'dispatcher' };

async function cases(t: TestContext, { store, clock }: { store?: Store; clock?: ManualClock } = {}) {
  const database = store ?? (await openTestStore(t));
  const wound = clock ?? new ManualClock(Date.UTC(2026, 3, 12, 3));
  const entries: string[] = [];
  const incidents = await openIncidents({
    store: database,
    timeline: { append: (entry) => (entries.push(entry.kind), Promise.resolve(entry as never)) },
    clock: wound,
    chance: seededChance(`incidents-${wound.now()}`, () => wound.now()),
    log: silentLog,
    timeZone: 'Asia/Shanghai',
  });
  t.after(() => incidents[Symbol.asyncDispose]());
  return { incidents, entries, store: database, clock: wound };
}

test('incidents are numbered by the day at the site, the first of a day by the bare date', async (t) => {
  const { incidents, clock } = await cases(t);
  const opened = await Promise.all([incidents.open(FLOOD), incidents.open(FLOOD), incidents.open(FLOOD)]);
  assert.deepEqual(
    opened.map(({ number }) => number),
    ['0412', '0412-02', '0412-03'],
  );
  // 03:00 in London is 11:00 at the site; 13 hours later it is the next day there, and not yet in London.
  clock.advance(13 * 3600_000 + 1);
  assert.equal((await incidents.open(FLOOD)).number, '0413');
});

test('opening the same id twice gives one incident with both parts', async (t) => {
  const { incidents, entries } = await cases(t);
  await incidents.open({ ...FLOOD, id: 'incident-1', run: 'run-1' });
  const again = await incidents.open({ ...FLOOD, id: 'incident-1', alarm: 'alarm-1' });
  assert.deepEqual([again.runs, again.alarms], [['run-1'], ['alarm-1']]);
  assert.deepEqual(entries, ['incident.opened', 'incident.alarm-joined']);
});

test('a closed incident stays readable, and is not closed twice', async (t) => {
  const { incidents } = await cases(t);
  const { id } = await incidents.open(FLOOD);
  assert.equal((await incidents.close(id, 'dispatcher', '水退')).state, 'closed');
  assert.deepEqual(incidents.current(), []);
  assert.equal((await incidents.get(id))?.state, 'closed');
  await assert.rejects(incidents.close(id, 'dispatcher'), { code: 'INCIDENT_CLOSED' });
  await assert.rejects(incidents.close('incident-none', 'dispatcher'), { code: 'INCIDENT_UNKNOWN' });
});

test('open incidents are there after a restart, with their alarms and runs', async (t) => {
  const first = await cases(t);
  const { id } = await first.incidents.open({ ...FLOOD, alarm: 'alarm-1' });
  await first.incidents.join(id, { run: 'run-1' });
  const second = await cases(t, first);
  assert.deepEqual(second.incidents.current(), [{ ...(await first.incidents.get(id))! }]);
});

test('the card counts the people and steps of its runs', async (t) => {
  const { incidents } = await cases(t);
  const { id } = await incidents.open(FLOOD);
  const run = {
    id: 'run-1',
    incident: id,
    steps: [{ state: 'done' }, { state: 'running' }],
    ledger: [
      { person: 'zhang', channel: 'voice' },
      { person: 'zhang', channel: 'sms' },
      { person: 'dam', channel: 'pa' },
    ],
  } as unknown as RunView;
  incidents.takeRun(run);
  await new Promise((resolve) => incidents.on('changed', resolve as () => void));
  const [card] = incidents.current();
  assert.deepEqual([card!.people, card!.stepsDone, card!.stepsAll, card!.runs], [1, 1, 2, ['run-1']]);
});
