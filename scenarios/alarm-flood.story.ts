import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { connectAsync } from 'mqtt';
import { topics, type DeviceAlarm } from '@tocsin/protocol/gateway.ts';
import { Console } from './kit/console.ts';
import { databaseOf } from './kit/database.ts';
import { siteFolder } from './kit/own-site.ts';
import { freePort } from './kit/ports.ts';
import { Tocsin } from './kit/tocsin.ts';
import { until } from './kit/wait.ts';

/** Ten minutes of a flood, as fast as the machine takes it: what is compressed is the time, not the number. */
const ALARMS = 10_000;
const DEVICES = 250;
const FLOOD_MS = 10 * 60_000;
/** Every so many-th alarm is sent a second time, as a device does that has missed the acknowledgement. */
const TWICE_EVERY = 10;
/** The server is killed when so many have been acknowledged. */
const KILLED_AFTER = 3000;
const CARDS_AT_MOST = 10;
const KINDS = ['one-key', 'fall', 'smoke', 'gas', 'water', 'intrusion', 'technical', 'inactivity'] as const;

test('10,000 alarms of 250 devices, a tenth of them sent twice, and the server killed meanwhile: ten cards, none lost, none counted twice', async (t) => {
  const mqttPort = await freePort();
  const tocsin = await Tocsin.start(t, {
    TOCSIN_SITE: await siteFolder(t, (site) => {
      // Half of those who cry are known here.
      const { organisation, person } = site.devices![0]!;
      for (let n = 0; n < DEVICES / 2; n += 1)
        site.devices!.push({ id: deviceOf(n), name: { zh: `报警器 ${n}` }, organisation, person, silentAfterS: 3600 });
    }),
    TOCSIN_SIMULATORS: 'off',
    TOCSIN_MQTT_PORT: String(mqttPort),
    TOCSIN_HTTP_PORT: String(await freePort()),
    TOCSIN_SIP_PORT: String(await freePort()),
  });
  const desk = await Console.open(t, tocsin);
  let most = 0;
  const raised = () => desk.all('alarms').filter(({ state }) => state === 'raised');
  const watch = setInterval(() => (most = Math.max(most, raised().length)), 20);
  t.after(() => clearInterval(watch));

  const flood = await startFlood(t, mqttPort);
  await until('part of it is acknowledged', () => flood.acknowledged() >= KILLED_AFTER, 120_000);
  await tocsin.kill();
  const killedMs = performance.now();
  const before = flood.acknowledged();
  await tocsin.begin();
  const downMs = performance.now() - killedMs;
  await until('every device has every acknowledgement', () => flood.isOver(), 180_000);
  t.diagnostic(
    `${ALARMS} alarms and ${ALARMS / TWICE_EVERY} second copies acknowledged after ${Math.round(flood.tookMs())} ms, ` +
      `${Math.round(downMs)} ms of them without a server; ${before} before it was killed`,
  );

  const database = await databaseOf(t, tocsin);
  const one = async (sql: string) => (await database.query<{ n: number }>(sql))[0]!.n;
  assert.equal(await one('SELECT count(*) AS n FROM alarm_signal'), ALARMS, 'rows of signals');
  const missing = new Set(flood.ids);
  for (const { id } of await database.query<{ id: string }>('SELECT id FROM alarm_signal')) missing.delete(id);
  assert.equal(missing.size, 0, 'every signal that was sent is there');
  const told = `FROM timeline_entry WHERE kind IN ('alarm.raised', 'alarm.repeated', 'alarm.grouped')`;
  assert.equal(
    await one(`SELECT count(DISTINCT body::jsonb->'data'->>'signal') AS n ${told}`),
    ALARMS,
    'each on the timeline',
  );

  const again = await Console.open(t, tocsin);
  const cards = again.all('alarms').filter(({ state }) => state !== 'cleared');
  t.diagnostic(`${cards.length} cards, at most ${most} at a time: ${cards.map(({ count }) => count).join(' ')}`);
  assert.ok(most > 0 && most <= CARDS_AT_MOST, `${most} cards on the desk`);
  assert.ok(cards.length <= CARDS_AT_MOST, `${cards.length} cards at the end`);
  const counted = cards.reduce((sum, { count }) => sum + count, 0);
  assert.equal(counted, ALARMS, 'the cards count each once');
  assert.equal((await tocsin.get<{ kind: string }>('/api/timeline/verification')).kind, 'whole');
});

function deviceOf(n: number): string {
  return `flood-${n}`;
}

/** Every device on a connection of its own; each sends its next alarm when the last is acknowledged. */
async function startFlood(t: TestContext, port: number) {
  const ids: string[] = [];
  let acknowledged = 0;
  let over = 0;
  const startMs = performance.now();
  let endMs = 0;
  const begunAt = Date.now();
  const devices = await Promise.all(
    Array.from({ length: DEVICES }, (_, n) =>
      connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: deviceOf(n), reconnectPeriod: 300, connectTimeout: 20_000 }),
    ),
  );
  t.after(() => Promise.all(devices.map((device) => device.endAsync(true))));
  const cry = async (n: number) => {
    const client = devices[n]!;
    for (let index = n; index < ALARMS; index += DEVICES) {
      const alarm = `a${index}`;
      ids.push(`${deviceOf(n)}/${alarm}`);
      const body: DeviceAlarm = {
        alarm,
        kind: KINDS[index % KINDS.length]!,
        // Its own time, over ten minutes.
        at: begunAt + Math.round((index / ALARMS) * FLOOD_MS),
        point: String(index % 3),
      };
      const copies = index % TWICE_EVERY === 0 ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1)
        await client.publishAsync(topics.device('demo', deviceOf(n), 'alarm'), JSON.stringify(body), { qos: 1 });
      acknowledged += 1;
    }
    over += 1;
    endMs = performance.now();
  };
  const crying = Promise.all(devices.map((_, n) => cry(n)));
  crying.catch(() => {});
  return {
    ids,
    acknowledged: () => acknowledged,
    isOver: () => over === DEVICES,
    tookMs: () => endMs - startMs,
  };
}
