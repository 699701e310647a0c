import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { DeviceAlarm } from '@tocsin/protocol/gateway.ts';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { gatewayContract } from '../../../kit/contract.ts';
import { openTestBroker, until } from '../../../kit/test-broker.ts';
import { mapMessage, Mapping } from './mapping.ts';
import { startWebhookReceiver, WEBHOOK_LIMITS } from './receiver.ts';
import { SenderSimulator } from './sender-simulator.ts';

const SECRET = 'a secret of both';
const mapping = Mapping.parse({
  device: '/unit/serial',
  id: '/event/id',
  type: '/event/type',
  kinds: { SOS: 'one-key', FALL: 'fall', PING: 'alive', NOISE: 'ignore' },
  over: { at: '/event/state', values: ['restored', false] },
  at: '/event/time',
  text: '/event/note',
  latitude: '/unit/lat',
  longitude: '/unit/lon',
});
const source = {
  id: 'careline',
  secret: SECRET,
  signature: { header: 'X-Signature', prefix: 'sha256=', timeHeader: 'X-Time' },
  mapping,
};
const doors = { host: '127.0.0.1', port: 0, sources: [source], devices: [{ account: 'SN-77', device: 'ek-1' }] };

gatewayContract('alarm-webhook', (environment) => startWebhookReceiver({ ...environment, ...doors, id: 'under-test' }));

async function house(t: TestContext) {
  const broker = await openTestBroker();
  const journalFolder = mkdtempSync(join(tmpdir(), 'tocsin-hook-'));
  const receiver = await startWebhookReceiver({
    ...doors,
    id: 'hook-1',
    site: broker.site,
    mqttUrl: broker.url,
    journalFolder,
    clock: systemClock,
    chance: systemChance,
    log: silentLog,
  });
  t.after(async () => {
    await receiver[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
    rmSync(journalFolder, { recursive: true, force: true });
  });
  await until(() => broker.heard.online.some(({ body }) => body.online), 'online');
  const url = `http://127.0.0.1:${receiver.port}/hook/careline`;
  const alarms = () =>
    broker.heard.devices
      .filter(({ what }) => what === 'alarm')
      .map(({ device, body }) => ({ device, ...DeviceAlarm.parse(body) }));
  return { broker, url, alarms, sender: new SenderSimulator({ url, secret: SECRET, clock: systemClock }) };
}

const SOS = {
  unit: { serial: 'SN-77', lat: 30.2, lon: 119.4 },
  event: { id: 'e/1', type: 'SOS', time: '2026-11-22T08:00:00Z', note: 'kitchen' },
};

test('a signed post becomes an alarm by its mapping, twice sent it has one id, and a ping is a sign of life', async (t) => {
  const { broker, sender, alarms } = await house(t);
  assert.equal(await sender.post(SOS), 200);
  assert.equal(await sender.post(SOS), 200);
  const sent = await until(() => alarms().length === 2 && alarms(), 'both copies');
  assert.deepEqual(sent[0], {
    device: 'ek-1',
    alarm: 'w-e_1',
    kind: 'one-key',
    at: Date.UTC(2026, 10, 22, 8),
    text: 'kitchen',
    location: { latitude: 30.2, longitude: 119.4 },
  });
  assert.equal(sent[1]!.alarm, sent[0]!.alarm);
  assert.equal(await sender.post({ unit: { serial: 'SN-78' }, event: { type: 'PING' } }), 200);
  await until(
    () => broker.heard.devices.some(({ device, what }) => device === 'webhook-SN-78' && what === 'heartbeat'),
    'life',
  );
  assert.equal(await sender.post({ ...SOS, event: { ...SOS.event, id: 'e2', state: 'restored' } }), 200);
  await until(() => alarms().at(-1)?.isOver === true, 'the end');
});

test('wrong signatures, old ones, nonsense and giants are refused by name', async (t) => {
  const { sender, url, alarms } = await house(t);
  assert.equal(await sender.post(SOS, { secret: 'another' }), 401);
  assert.equal(await sender.post(SOS, { ageS: 3600 }), 401);
  assert.equal((await fetch(url, { method: 'POST', body: '{}' })).status, 401);
  assert.equal((await fetch(url)).status, 405);
  assert.equal((await fetch(url.replace('careline', 'other'), { method: 'POST', body: '{}' })).status, 404);
  assert.equal(await sender.post('{"unit":'), 400);
  assert.equal(await sender.post({ event: {} }), 422);
  const giant = await sender.post({ unit: { serial: 'x'.repeat(WEBHOOK_LIMITS.bodyBytes) } });
  assert.ok(giant === 413 || giant === 0);
  assert.deepEqual(alarms(), []);
});

test('whatever JSON is posted, it is mapped or does not fit', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (body) => void mapMessage(body, mapping)),
    { numRuns: 1000 },
  );
  assert.equal(mapMessage(JSON.parse('{"__proto__":{"unit":{"serial":"x"}}}'), mapping).kind, 'unfit');
});
