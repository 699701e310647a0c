import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { ManualClock, systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { DeviceReading } from '@tocsin/protocol/gateway.ts';
import { gatewayContract } from '../kit/contract.ts';
import { openTestBroker, until } from '../kit/test-broker.ts';
import { GaugeSimulator } from './gauge-simulator.ts';
import { startSensorGateway } from './sensor-gateway.ts';

const gauges = [{ id: 'g-dam', normal: 168.2, wander: 0.2, peak: 176.5 }];

gatewayContract('sensor', async (environment) =>
  startSensorGateway({
    ...environment,
    id: 'under-test',
    gauges: [{ id: 'g-dam', unit: 'm' }],
    driver: new GaugeSimulator({ gauges, clock: systemClock }),
  }),
);

test('the water rises on demand, stays, and falls again', async () => {
  const clock = new ManualClock();
  const simulator = new GaugeSimulator({ gauges, clock });
  const read = async () => (await simulator.read('g-dam'))!;
  assert.ok(Math.abs((await read()) - 168.2) <= 0.2);
  simulator.flood('g-dam', { riseMs: 60_000, stayMs: 60_000 });
  clock.advance(30_000);
  const half = await read();
  assert.ok(half > 171 && half < 174);
  clock.advance(40_000);
  assert.equal(await read(), 176.5);
  clock.advance(600_000);
  assert.ok(Math.abs((await read()) - 168.2) <= 0.2);
});

test('every gauge is read again and again; a silent one is shown as down', async (t) => {
  const broker = await openTestBroker();
  const journalFolder = mkdtempSync(join(tmpdir(), 'tocsin-sensor-'));
  const simulator = new GaugeSimulator({ gauges, clock: systemClock });
  const common = {
    id: 'gauges',
    site: broker.site,
    mqttUrl: broker.url,
    journalFolder,
    clock: systemClock,
    chance: systemChance,
    log: silentLog,
  };
  const gateway = await startSensorGateway({
    ...common,
    gauges: [{ id: 'g-dam', unit: 'm' }],
    driver: simulator,
    everyMs: 50,
  });
  t.after(async () => {
    await gateway[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
    rmSync(journalFolder, { recursive: true, force: true });
  });
  await until(() => broker.heard.devices.length >= 3, 'readings');
  for (const { device, what, body } of broker.heard.devices) {
    assert.deepEqual([device, what], ['g-dam', 'reading']);
    assert.equal(DeviceReading.parse(body).unit, 'm');
  }
  simulator.setSilent('g-dam', true);
  await until(
    () => broker.heard.events.some((event) => event.kind === 'resource' && event.resource.state === 'down'),
    'down',
  );
  simulator.setSilent('g-dam', false);
  await until(
    () =>
      broker.heard.events.at(-1)?.kind === 'resource' &&
      (broker.heard.events.at(-1) as { resource: { state: string } }).resource.state === 'ready',
    'ready again',
  );
});
