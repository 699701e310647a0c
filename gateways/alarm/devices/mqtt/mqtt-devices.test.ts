import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { DeviceAlarm, DeviceHeartbeat } from '@tocsin/protocol/gateway.ts';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { gatewayContract } from '../../../kit/contract.ts';
import { openTestBroker, until } from '../../../kit/test-broker.ts';
import { DeviceSimulator } from './device-simulator.ts';
import { translate } from './translate.ts';
import { startAlarmTranslator } from './translator.ts';

const common = { clock: systemClock, chance: systemChance, log: silentLog };
const devices = [{ topic: 'zigbee2mqtt/kitchen', device: 'ek-7' }];

async function brokerOf(t: TestContext) {
  const broker = await openTestBroker();
  t.after(() => broker[Symbol.asyncDispose]());
  return broker;
}

gatewayContract('alarm-mqtt', (environment) => startAlarmTranslator({ ...environment, id: 'under-test', devices }));

test('a one-key device beats, and its key arrives as an alarm with its place', async (t) => {
  const broker = await brokerOf(t);
  const location = { latitude: 30.1, longitude: 119.9 };
  const device = new DeviceSimulator({
    ...common,
    site: broker.site,
    mqttUrl: broker.url,
    id: 'ek-0417',
    location,
    heartbeatEveryMs: 50,
  });
  t.after(() => device[Symbol.asyncDispose]());
  const beats = () => broker.heard.devices.filter(({ what }) => what === 'heartbeat');
  await until(() => beats().length > 2, 'heartbeats');
  DeviceHeartbeat.parse(beats()[0]!.body);
  const id = await device.press({ kind: 'fall', text: 'help' });
  const alarm = await until(() => broker.heard.devices.find(({ what }) => what === 'alarm'), 'the alarm');
  assert.equal(alarm.device, 'ek-0417');
  const body = DeviceAlarm.parse(alarm.body);
  assert.deepEqual([body.alarm, body.kind, body.location], [id, 'fall', location]);
  device.fallSilent();
  const count = beats().length;
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(beats().length <= count + 1);
});

test('another maker’s button and detector become alarms; a standing flag is one alarm', async (t) => {
  const broker = await brokerOf(t);
  const journalFolder = mkdtempSync(join(tmpdir(), 'tocsin-translate-'));
  const translator = await startAlarmTranslator({
    ...common,
    id: 'zigbee',
    site: broker.site,
    mqttUrl: broker.url,
    journalFolder,
    devices,
  });
  t.after(async () => {
    await translator[Symbol.asyncDispose]();
    rmSync(journalFolder, { recursive: true, force: true });
  });
  await until(() => translator.snapshot().isSourceConnected && broker.heard.online.length > 0, 'connected');
  const alarms = () =>
    broker.heard.devices.filter(({ what }) => what === 'alarm').map(({ body }) => (body as { kind: string }).kind);
  // The subscription follows the connection; the button is pressed until it is heard.
  while (alarms().length === 0) {
    await broker.publish('zigbee2mqtt/kitchen', { action: 'single', battery: 81, linkquality: 120 });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const presses = alarms().length;
  await broker.publish('zigbee2mqtt/kitchen', { smoke: true });
  await broker.publish('zigbee2mqtt/kitchen', { smoke: true, battery: 80 });
  await broker.publish('zigbee2mqtt/kitchen', { smoke: false });
  await broker.publish('zigbee2mqtt/kitchen', { smoke: true });
  await broker.publish('zigbee2mqtt/kitchen', 'nonsense');
  await until(() => alarms().length >= presses + 2, 'both smoke alarms');
  await until(() => translator.snapshot().malformed === 1, 'the nonsense counted');
  assert.deepEqual(alarms().slice(presses), ['smoke', 'smoke']);
});

test('whatever JSON a foreign device sends, it is read or left', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (body) => {
      for (const alarm of translate(body)?.alarms ?? []) DeviceAlarm.parse(alarm);
    }),
  );
});
