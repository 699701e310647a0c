import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { AlarmDevice, Gauge, Person } from '@tocsin/protocol/directory.ts';
import type { AlarmView } from '@tocsin/protocol/views.ts';
import { seededChance } from '#kernel/chance.ts';
import { ManualClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import { openTestStore } from '#store/test-database.ts';
import { openAlarms } from './alarms.ts';
import { REPEAT_WINDOW_MS } from './stages.ts';

const MINUTE = 60_000;
const AT = { latitude: 30, longitude: 114 };
const DEVICES: AlarmDevice[] = Array.from({ length: 40 }, (_, i) => ({
  id: `key-${i}`,
  name: { zh: `一键通 ${i}` },
  organisation: 'root',
  person: 'wang-guilan',
  location: AT,
  silentAfterS: i === 0 ? 600 : 86_400,
}));
const GAUGE: Gauge = {
  id: 'upstream',
  name: { zh: '坝前水位', en: 'Upstream level' },
  organisation: 'root',
  measures: 'water-level',
  unit: 'm',
  location: AT,
  thresholds: [
    { level: 2, above: 74 },
    { level: 1, above: 75 },
  ],
};
const WANG: Person = {
  id: 'wang-guilan',
  name: { zh: '王桂兰' },
  title: '',
  organisation: 'root',
  numbers: [],
  deputies: [],
};

/** A desk of alarms on a real database, with a clock wound by hand. */
async function desk(t: TestContext, { store, clock = new ManualClock() }: { store?: Store; clock?: ManualClock } = {}) {
  const database = store ?? (await openTestStore(t));
  const entries: { kind: string; alarm?: string }[] = [];
  const alarms = await openAlarms({
    store: database,
    timeline: { append: (entry) => (entries.push(entry), Promise.resolve(entry as never)) },
    directory: {
      site: { gauges: [GAUGE], devices: DEVICES },
      device: (id) => DEVICES.find((device) => device.id === id),
      gauge: (id) => (id === GAUGE.id ? GAUGE : undefined),
      person: (id) => (id === WANG.id ? WANG : undefined),
      zone: () => undefined,
    },
    clock,
    chance: seededChance(`alarms-${clock.now()}`, () => clock.now()),
    log: silentLog,
  });
  t.after(() => alarms[Symbol.asyncDispose]());
  const raised: AlarmView[] = [];
  alarms.on('raised', (alarm) => raised.push(alarm));
  const raisedNow = () => alarms.open().filter(({ state }) => state === 'raised');
  const press = (device: string, more = {}) => alarms.takeDeviceAlarm(device, { kind: 'one-key', ...more });
  return { alarms, entries, raised, raisedNow, press, clock, store: database };
}

test('a press of the key is a card with the person’s name, and is on the timeline', async (t) => {
  const { press, raised, entries } = await desk(t);
  const alarm = await press('key-1', { batteryPercent: 40 });
  assert.equal(alarm?.title.zh, '王桂兰 · 一键报警');
  assert.equal(alarm?.facts.zh, '一键通 1 · 电量 40%');
  assert.deepEqual([alarm?.state, alarm?.level, alarm?.person, alarm?.count], ['raised', 2, 'wang-guilan', 1]);
  assert.equal(raised.length, 1);
  assert.deepEqual(
    entries.map(({ kind }) => kind),
    ['alarm.raised'],
  );
});

test('pressing again joins the card while it stands, and is a new cry long after somebody took it up', async (t) => {
  const { alarms, press, clock } = await desk(t);
  const first = await press('key-1');
  await press('key-1');
  assert.deepEqual(
    alarms.open().map(({ count }) => count),
    [2],
  );
  alarms.acknowledge(first!.id, 'dispatcher');
  clock.advance(MINUTE);
  assert.equal((await press('key-1'))?.id, first!.id);
  clock.advance(REPEAT_WINDOW_MS + 1);
  assert.notEqual((await press('key-1'))?.id, first!.id);
});

test('a signal that a gateway brings twice is one signal', async (t) => {
  const { alarms, press } = await desk(t);
  const first = await press('key-1', { alarm: 'a-17' });
  assert.equal(await press('key-1', { alarm: 'a-17' }), undefined);
  assert.equal(alarms.open()[0]?.count, 1);
  assert.equal((await alarms.signals(first!.id)).length, 1);
});

test('a test signal is on the timeline of its device but makes no card', async (t) => {
  const { alarms, press } = await desk(t);
  assert.equal(await press('key-1', { kind: 'test' }), undefined);
  assert.equal(alarms.open().length, 0);
  assert.ok(alarms.devices().find(({ id }) => id === 'key-1')?.lastHeardAt);
});

test('a detector at rest again: a fault ends by itself, a smoke alarm says so and waits for somebody, each detector alone', async (t) => {
  const { alarms, press, entries, clock } = await desk(t);
  const fault = await press('key-1', { kind: 'technical', point: '3' });
  const smoke = await press('key-1', { kind: 'smoke', point: '7' });
  await press('key-1', { kind: 'smoke', point: '8' });
  assert.equal(alarms.open().length, 3);
  clock.advance(MINUTE);
  await press('key-1', { kind: 'technical', point: '3', isOver: true });
  await press('key-1', { kind: 'smoke', point: '7', isOver: true });
  assert.equal((await alarms.get(fault!.id))?.clearedAs, 'recovered');
  assert.deepEqual(
    alarms.open().map(({ normalAt }) => normalAt),
    [clock.now(), undefined],
  );
  await press('key-1', { kind: 'smoke', point: '7' });
  assert.deepEqual([alarms.open()[0]?.id, alarms.open()[0]?.normalAt], [smoke!.id, undefined]);
  assert.equal(await press('key-2', { kind: 'gas', isOver: true }), undefined);
  assert.equal(alarms.open().length, 2);
  assert.equal(entries.filter(({ kind }) => kind === 'alarm.returned-to-normal').length, 2);
});

test('a device that nobody has registered is an alarm all the same', async (t) => {
  const { press } = await desk(t);
  const alarm = await press('stranger');
  assert.equal(alarm?.title.zh, 'stranger · 一键报警');
  assert.equal(alarm?.facts.zh, '未登记的设备');
});

test('an alarm is acknowledged once, cleared once, and never from the wrong state', async (t) => {
  const { alarms, press, entries } = await desk(t);
  const { id } = (await press('key-1'))!;
  assert.equal(alarms.acknowledge(id, 'li').acknowledgedBy, 'li');
  assert.throws(() => alarms.acknowledge(id, 'li'), { code: 'ALARM_STATE' });
  assert.equal(alarms.clear(id, 'handled', 'li', '已到场').clearedAs, 'handled');
  assert.deepEqual(alarms.open(), []);
  await alarms.durable();
  assert.throws(() => alarms.acknowledge(id, 'li'), { code: 'ALARM_UNKNOWN' });
  assert.equal((await alarms.get(id))?.note, '已到场');
  assert.deepEqual(
    entries.map(({ kind }) => kind),
    ['alarm.raised', 'alarm.acknowledged', 'alarm.cleared'],
  );
});

test('a flood of ten thousand alarms is at most ten cards, and every signal is kept', async (t) => {
  const { alarms, raisedNow, clock, store, entries } = await desk(t);
  const kinds = ['one-key', 'smoke', 'water', 'technical', 'intrusion', 'fall', 'gas'] as const;
  let mostCards = 0;
  const taken: Promise<unknown>[] = [];
  for (let i = 0; i < 10_000; i++) {
    taken.push(alarms.takeDeviceAlarm(`d-${i}`, { kind: kinds[i % kinds.length]! }));
    mostCards = Math.max(mostCards, raisedNow().length);
    if (i % 100 === 0) await taken.at(-1);
    clock.advance(60);
  }
  await Promise.all(taken);
  await alarms.durable();
  assert.ok(mostCards <= 10, `${mostCards} cards`);
  assert.equal(
    raisedNow().reduce((sum, { count }) => sum + count, 0),
    10_000,
  );
  const [{ count }] = (await store.query<{ count: number }>('SELECT count(*) FROM alarm_signal')) as [
    { count: number },
  ];
  assert.equal(count, 10_000);
  const told = entries.filter(
    ({ kind }) => kind === 'alarm.raised' || kind === 'alarm.grouped' || kind === 'alarm.repeated',
  );
  assert.equal(told.length, 10_000);
  const inGroups = await Promise.all(raisedNow().map(async ({ id }) => (await alarms.signals(id)).length));
  assert.equal(
    inGroups.reduce((sum, length) => sum + length, 0),
    10_000,
  );
});

test('after a flood a single alarm has a card of its own again', async (t) => {
  const { press, clock, alarms } = await desk(t);
  for (let i = 0; i < 15; i++) await press(`key-${i}`);
  assert.equal(alarms.open().length, 1);
  clock.advance(11 * MINUTE);
  assert.equal((await press('key-20'))?.title.zh, '王桂兰 · 一键报警');
});

test('a device that falls silent is an alarm, which recovers when it speaks again', async (t) => {
  const { alarms, raised, clock } = await desk(t);
  clock.advance(5 * MINUTE);
  alarms.takeHeartbeat('key-0', {});
  clock.advance(10 * MINUTE);
  assert.equal(raised.length, 0);
  clock.advance(1000);
  assert.deepEqual(
    raised.map(({ kind, device }) => [kind, device]),
    [['silent', 'key-0']],
  );
  alarms.takeHeartbeat('key-0', {});
  assert.equal(alarms.open().length, 0);
  await alarms.durable();
  assert.equal((await alarms.get(raised[0]!.id))?.clearedAs, 'recovered');
});

test('water over a threshold is one alarm that becomes graver and recovers by itself', async (t) => {
  const { alarms, raised, clock } = await desk(t);
  for (const value of [73, 74.2, 74.6, 75.3, 74.5, 73.5]) {
    clock.advance(MINUTE);
    await alarms.takeReading('upstream', { value });
  }
  assert.deepEqual(
    raised.map(({ level, title }) => [level, title.zh]),
    [
      [2, '坝前水位 74.2 m，超过 74'],
      [1, '坝前水位 75.3 m，超过 75'],
    ],
  );
  assert.equal(raised[0]!.id, raised[1]!.id);
  assert.equal(alarms.open().length, 0);
});

test('a shelved device makes no sound, and its alarm stands as shelved', async (t) => {
  const { alarms, press, raised, clock } = await desk(t);
  alarms.shelve('key-1', clock.now() + 60 * MINUTE, 'li', '检修');
  assert.equal((await press('key-1'))?.state, 'shelved');
  assert.equal(raised.length, 0);
  alarms.unshelve('key-1', 'li');
  assert.equal(alarms.open()[0]?.state, 'raised');
});

test('alarms, silence and the water’s threshold are the same after a restart', async (t) => {
  const first = await desk(t);
  const alarm = await first.press('key-1');
  first.clock.advance(MINUTE);
  await first.alarms.takeReading('upstream', { value: 74.2 });
  first.alarms.acknowledge(alarm!.id, 'li');
  first.alarms.attach(alarm!.id, { incident: 'incident-1' });
  await first.alarms[Symbol.asyncDispose]();
  const second = await desk(t, { store: first.store, clock: first.clock });
  assert.deepEqual(
    second.alarms.open().map(({ state, kind }) => [state, kind]),
    [
      ['acknowledged', 'one-key'],
      ['raised', 'gauge-level'],
    ],
  );
  assert.equal(second.alarms.open()[0]?.incident, 'incident-1');
  second.clock.advance(MINUTE);
  await second.alarms.takeReading('upstream', { value: 74.3 });
  assert.equal(second.raised.length, 0);
  await second.alarms.takeReading('upstream', { value: 73 });
});
