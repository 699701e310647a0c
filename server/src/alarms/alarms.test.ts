import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { AlarmDevice, Gauge, GaugeRule, Person } from '@tocsin/protocol/directory.ts';
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
const DOWNSTREAM: Gauge = { ...GAUGE, id: 'downstream', name: { zh: '石桥水位' }, thresholds: [] };
/** High water above, and either high water or a fast rise below. */
const RULE: GaugeRule = {
  id: 'both',
  name: { zh: '上下游同时超限' },
  level: 1,
  all: [{ gauge: 'upstream', above: 73, hysteresis: 0.5 }],
  any: [
    { gauge: 'downstream', above: 40 },
    { gauge: 'downstream', risePerHour: 2 },
  ],
  plan: 'flood',
  do: 'propose',
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
      site: { gauges: [GAUGE, DOWNSTREAM], gaugeRules: [RULE], devices: DEVICES },
      device: (id) => DEVICES.find((device) => device.id === id),
      gauge: (id) => [GAUGE, DOWNSTREAM].find((gauge) => gauge.id === id),
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

test('several stations together are one alarm, which ends beyond the hysteresis only, also after a restart', async (t) => {
  const first = await desk(t);
  const read = async (house: typeof first, gauge: string, value: number) => {
    house.clock.advance(MINUTE);
    await house.alarms.takeReading(gauge, { value });
  };
  const standing = (house: typeof first) => house.alarms.open().filter(({ rule }) => rule === 'both');
  await read(first, 'upstream', 73.5);
  await read(first, 'downstream', 39);
  assert.deepEqual(standing(first), []);
  await read(first, 'downstream', 40.2);
  assert.deepEqual(
    standing(first).map(({ kind, level, title, facts }) => [kind, level, title.zh, facts.zh]),
    [['gauge-rule', 1, '上下游同时超限', '坝前水位 73.5 m · 石桥水位 40.2 m']],
  );
  await read(first, 'upstream', 72.6);
  assert.equal(standing(first).length, 1);
  await first.alarms[Symbol.asyncDispose]();
  const second = await desk(t, { store: first.store, clock: first.clock });
  assert.equal(standing(second).length, 1);
  await read(second, 'downstream', 40.3);
  assert.deepEqual([standing(second).length, second.raised.length], [1, 0]);
  await read(second, 'upstream', 72.4);
  assert.deepEqual(standing(second), []);
});

test('a fast rise is a condition too', async (t) => {
  const { alarms, clock } = await desk(t);
  await alarms.takeReading('upstream', { value: 73.5 });
  for (const value of [30, 30.1, 30.5]) {
    await alarms.takeReading('downstream', { value });
    clock.advance(5 * MINUTE);
  }
  assert.equal(alarms.open().filter(({ rule }) => rule === 'both').length, 1);
});

test('a recorded flood is played again, faster and as an exercise, while the real gauges are watched on', async (t) => {
  const { alarms, raised, clock, entries } = await desk(t);
  const from = clock.now();
  for (const value of [73, 74.2, 75.3, 72]) {
    clock.advance(10 * MINUTE);
    await alarms.takeReading('upstream', { value });
  }
  const recorded = raised.length;
  assert.deepEqual(
    alarms.open().filter(({ gauge }) => gauge),
    [],
  );
  const state = await alarms.replay({ from, to: clock.now(), speed: 60 }, 'li');
  assert.deepEqual([state.speed, state.to], [60, clock.now()]);
  await assert.rejects(alarms.replay({ speed: 1 }, 'li'), { code: 'REPLAY_RUNNING' });
  clock.advance(11_000);
  const drill = () => alarms.open().filter(({ isDrill }) => isDrill);
  assert.deepEqual(
    drill().map(({ title, level, gauge }) => [title.zh, level, gauge]),
    [['【演练】坝前水位 74.2 m，超过 74', 2, 'upstream']],
  );
  assert.deepEqual(alarms.replaying()?.values, [{ gauge: 'upstream', value: 74.2 }]);
  assert.equal(alarms.gauge('upstream')?.value, 72);
  clock.advance(10_000);
  assert.deepEqual(
    drill().map(({ level }) => level),
    [1],
  );
  assert.equal(raised.length, recorded + 2);
  clock.advance(100_000);
  assert.deepEqual(drill(), []);
  assert.equal(alarms.replaying(), undefined);
  const told = entries.map(({ kind }) => kind).filter((kind) => kind.startsWith('gauge.'));
  assert.deepEqual(told, ['gauge.replay-started', 'gauge.replay-ended']);
});

test('a curve that is given is played as well, and what it raised ends when it is stopped', async (t) => {
  const { alarms, clock } = await desk(t);
  await assert.rejects(alarms.replay({ curve: [{ gauge: 'nowhere', minute: 0, value: 1 }], speed: 1 }, 'li'), {
    code: 'REPLAY_EMPTY',
  });
  const curve = [75, 74, 73].map((value, hour) => ({ gauge: 'upstream', minute: hour * 60, value: value + 0.5 }));
  await alarms.replay({ curve, speed: 3600 }, 'li');
  clock.advance(0);
  assert.equal(alarms.open().filter(({ isDrill }) => isDrill).length, 1);
  alarms.stopReplay();
  assert.deepEqual(
    alarms.open().filter(({ isDrill }) => isDrill),
    [],
  );
});

test('a shelved device makes no sound, and its alarm stands as shelved', async (t) => {
  const { alarms, press, raised, clock } = await desk(t);
  await alarms.shelve('key-1', clock.now() + 60 * MINUTE, 'li', '检修');
  assert.equal((await press('key-1'))?.state, 'shelved');
  assert.equal(raised.length, 0);
  await alarms.unshelve('key-1', 'li');
  assert.equal(alarms.open()[0]?.state, 'raised');
  assert.equal(raised.length, 1);
  await assert.rejects(alarms.unshelve('key-1', 'li'), { code: 'SHELF_UNKNOWN' });
});

test('what is shelved is shelved after a restart too, and comes back by itself: what still stands cries again', async (t) => {
  const first = await desk(t);
  const card = await first.press('key-1');
  await first.alarms.shelve(first.alarms.sourceOf(card!.id), first.clock.now() + 60 * MINUTE, 'li', '检修');
  assert.equal(first.alarms.open()[0]?.state, 'shelved');
  await first.alarms[Symbol.asyncDispose]();
  first.clock.advance(30 * MINUTE);
  const second = await desk(t, { store: first.store, clock: first.clock });
  assert.deepEqual(
    second.alarms.shelves().map(({ id, by, reason, name }) => [id, by, reason, name.zh]),
    [['key-1', 'li', '检修', '一键通 1']],
  );
  assert.equal((await second.press('key-1', { kind: 'fall' }))?.state, 'shelved');
  assert.deepEqual(
    second.raised.filter(({ device }) => device === 'key-1'),
    [],
  );
  first.clock.advance(31 * MINUTE);
  assert.deepEqual(
    second.raised.map(({ kind }) => kind).filter((kind) => kind !== 'silent'),
    ['one-key', 'fall'],
  );
  assert.deepEqual(second.alarms.shelves(), []);
  await second.alarms.durable();
  await second.alarms[Symbol.asyncDispose]();
  const third = await desk(t, { store: first.store, clock: first.clock });
  assert.deepEqual(third.alarms.shelves(), []);
  assert.deepEqual([...new Set(second.entries.map(({ kind }) => kind))].sort(), ['alarm.raised', 'alarm.unshelved']);
});

test('an alarm of the system is shelved by what it is; the card of a flood is not', async (t) => {
  const { alarms, press, clock } = await desk(t);
  const signal = { kind: 'technical', sameness: 'recording-failed', level: 2 as const, title: { zh: '录音写不下去' } };
  const card = await alarms.raise(signal);
  await alarms.shelve(alarms.sourceOf(card!.id), clock.now() + MINUTE, 'li', '换盘');
  assert.equal(alarms.open()[0]?.state, 'shelved');
  for (let i = 0; i < 15; i++) await press(`key-${i}`);
  const flood = alarms.open().find(({ state }) => state === 'raised')!;
  assert.throws(() => alarms.sourceOf(flood.id), { code: 'ALARM_STATE' });
});

test('a warning that is updated is one card in its newest words; it ends by its cancel, or when its time is over', async (t) => {
  const { alarms, clock } = await desk(t);
  const standing = () => alarms.open().filter(({ kind }) => kind === 'warning');
  const warn = (id: string, level: 1 | 2 | 3, zh: string) =>
    alarms.raise({
      ...{ id: `warning/${id}`, kind: 'warning', sameness: 'warning/first', level, title: { zh }, facts: { zh } },
      expiresAt: clock.now() + 60 * MINUTE,
      isDrill: true,
    });
  const card = await warn('a', 2, '暴雨橙色预警');
  assert.equal(await warn('a', 2, '暴雨橙色预警'), undefined);
  await warn('b', 3, '暴雨黄色预警');
  assert.deepEqual(
    standing().map(({ id, level, title, isDrill }) => [id, level, title.zh, isDrill]),
    [[card!.id, 3, '暴雨黄色预警', true]],
  );
  clock.advance(61 * MINUTE);
  assert.deepEqual(standing(), []);
  await warn('c', 2, '暴雨橙色预警');
  alarms.recover('warning/first');
  assert.deepEqual(standing(), []);
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
