import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { answerBurst, orderBurst, type Order } from '@tocsin/protocol/order-burst.ts';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { levelDb, sine, toneLevelDb } from '@tocsin/server/media';
import { framesOf } from '../kit/babble.ts';
import { gatewayContract } from '../kit/contract.ts';
import { openTestBroker, until } from '../kit/test-broker.ts';
import { openTestCaller } from '../kit/test-caller.ts';
import { startSatelliteGateway, type VoiceOptions } from './satellite-gateway.ts';
import { openOperatorSimulator } from './sbd/operator-simulator.ts';
import { openSatellitePhone } from './voice/satellite-phone-simulator.ts';

const parts = { clock: systemClock, chance: systemChance, log: silentLog };
const COMMON = { ...parts, host: '127.0.0.1', servers: ['127.0.0.1'] };
const IMEI = '300034010123450';
const ORDER: Order = {
  id: 77,
  level: 2,
  action: 'patrol',
  where: '岭背村',
  words: '查看溢洪道',
  at: 1_763_000_040_000,
};

async function world(t: TestContext, voice: Partial<VoiceOptions> = {}) {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const journalFolder = mkdtempSync(join(tmpdir(), 'tocsin-satellite-'));
  stack.defer(() => rmSync(journalFolder, { recursive: true, force: true }));
  const broker = stack.use(await openTestBroker());
  const phone = stack.use(await openSatellitePhone({ ...parts, delayMs: 600 }));
  const operator = stack.use(await openOperatorSimulator({ clock: systemClock }));
  const caller = stack.use(await openTestCaller());
  const server = `${caller.agent.address.host}:${caller.agent.address.port}`;
  const gateway = stack.use(
    await startSatelliteGateway({
      ...COMMON,
      id: 'satellite',
      site: broker.site,
      mqttUrl: broker.url,
      journalFolder,
      areFaultsAllowed: true,
      voice: { far: phone.address, server, ...voice },
      bursts: { operator: { host: '127.0.0.1', port: operator.port }, modems: [{ id: 'boat-1', imei: IMEI }] },
    }),
  );
  operator.deliverTo('127.0.0.1', gateway.addresses.burstPort!);
  await until(() => broker.heard.online.some(({ body }) => body.online), 'online');
  const events = (kind: string) => broker.heard.events.filter((event) => event.kind === kind);
  return { broker, phone, operator, caller, gateway, events };
}

gatewayContract('satellite', async (environment) => {
  const phone = await openSatellitePhone({ ...parts, delayMs: 10 });
  const gateway = await startSatelliteGateway({
    ...COMMON,
    ...environment,
    id: 'under-test',
    voice: { far: phone.address },
    bursts: { modems: [{ id: 'boat-1', imei: IMEI }] },
  });
  return {
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await phone[Symbol.asyncDispose]();
    },
  };
});

test('a call goes over 600 ms each way without a message said twice, and both hear one another whole', async (t) => {
  const { phone, caller, gateway } = await world(t);
  const call = await caller.call(`sip:88100@${gateway.addresses.sip}`);
  assert.ok(call.kind === 'answered');
  assert.equal(phone.invites, 1);
  await until(() => phone.isTalking, 'both talk');
  call.say(framesOf(sine({ hz: 700, durationMs: 1000 })));
  phone.say(sine({ hz: 1100, durationMs: 1000 }));
  const loud = (samples: Int16Array) =>
    Array.from({ length: Math.floor(samples.length / 160) }, (_, n) =>
      levelDb(samples.subarray(n * 160, n * 160 + 160)),
    ).filter((level) => level > -30).length;
  await until(() => loud(phone.heard) >= 48, 'the satellite phone hears the whole second');
  await until(() => loud(call.heardSamples()) >= 48, 'and is heard');
  assert.ok(toneLevelDb(phone.heard, 700) > -35 && toneLevelDb(call.heardSamples(), 1100) > -35);
  assert.equal(gateway.snapshot().linesInUse, 1);
  await call.dialog.bye();
  await until(() => !phone.isTalking, 'the far end is hung up');
  await until(() => gateway.snapshot().linesInUse === 0, 'the line is free');
});

test('a satellite phone calls in, and a second call finds the only line taken', async (t) => {
  const { phone, caller, gateway, broker } = await world(t, { lines: 1 });
  caller.agent.on('invite', (invite) => void invite.answer(invite.offer!.replace(/^m=audio \d+/m, 'm=audio 9')));
  assert.ok(await phone.dial('8001', gateway.addresses.far!));
  const refused = await caller.call(`sip:88100@${gateway.addresses.sip}`);
  assert.ok(refused.kind === 'not-answered' && refused.outcome.kind !== 'cancelled');
  const line = () => broker.heard.events.flatMap((event) => (event.kind === 'resource' ? [event.resource] : [])).at(-1);
  await until(() => line()?.state === 'degraded', 'every line is in use');
  assert.equal(line()!.detail, '1 of 1 lines in use');
});

test('an order goes out as a burst, and its answer comes back with a place', async (t) => {
  const { broker, operator, events } = await world(t);
  const modem = operator.addModem(IMEI, { fetchesAfterMs: 50, answers: 'received' });
  const burst = orderBurst(ORDER);
  assert.ok(burst.kind === 'fits');
  const payload = Buffer.from(burst.form).toString('base64');
  await broker.command('satellite', { kind: 'send-burst', command: 'b-1', to: 'boat-1', payload });
  const answer = await until(() => events('burst-received')[0], 'the answer');
  assert.deepEqual(modem.orders, [ORDER]);
  assert.ok(answer.kind === 'burst-received' && answer.from === 'boat-1');
  assert.equal(Buffer.from(answer.payload!, 'base64').length, answerBurst(77, 'received', 0).length);
  const result = broker.heard.results.find(({ command }) => command === 'b-1');
  assert.equal(result?.outcome, 'done');

  assert.ok(await operator.originate(IMEI, { location: { latitude: 30.2, longitude: 119.4, radiusKm: 3 } }, 4711));
  assert.ok(await operator.originate(IMEI, { location: { latitude: 30.2, longitude: 119.4, radiusKm: 3 } }, 4711));
  await until(() => events('burst-received').length === 2, 'the place');
  const place = events('burst-received')[1]!;
  assert.ok(place.kind === 'burst-received');
  assert.deepEqual([place.location?.latitude, place.location?.accuracyMetres], [30.2, 3000]);
  assert.equal(events('burst-received').length, 2, 'the second copy is confirmed and not told again');
});

test('what the operator refuses is refused with its reason; garbage and unknown modems are confirmed or left', async (t) => {
  const { broker, operator, events, gateway } = await world(t);
  await broker.command('satellite', { kind: 'send-burst', command: 'b-1', to: 'boat-1', payload: 'AAAA' });
  const refused = await until(() => broker.heard.results.find(({ command }) => command === 'b-1'), 'a result');
  assert.deepEqual([refused.outcome, refused.because], ['refused', 'unknown IMEI: not provisioned on the gateway']);
  assert.equal(await operator.deliver(Uint8Array.from([1, 0, 2, 9, 9])), false);
  assert.equal(await operator.deliver(Uint8Array.from(Buffer.from('GET / HTTP/1.1\r\n\r\n'))), false);
  operator.addModem('300034010999999');
  assert.ok(await operator.originate('300034010999999', { payload: Uint8Array.of(1) }), 'or it would be sent for ever');
  assert.equal(events('burst-received').length, 0);
  assert.equal(gateway.snapshot().malformed, 2);
  await operator[Symbol.asyncDispose]();
  await broker.command('satellite', { kind: 'send-burst', command: 'b-2', to: 'boat-1', payload: 'AAAA' });
  const gone = await until(() => broker.heard.results.find(({ command }) => command === 'b-2'), 'a result');
  assert.equal(gone.because, 'the operator’s gateway cannot be reached');
});

test('faults are played on the line and at a modem, and mended', async (t) => {
  const { broker, phone, operator, caller, gateway, events } = await world(t);
  let commands = 0;
  const inject = async (resource: string, fault: 'cut' | 'none') => {
    const command = `fault-${(commands += 1)}`;
    await broker.command('satellite', { kind: 'inject-fault', command, resource, fault });
    await until(() => broker.heard.results.some((result) => result.command === command), fault);
  };
  const modem = operator.addModem(IMEI, { fetchesAfterMs: 10 });
  await inject('boat-1', 'cut');
  await broker.command('satellite', { kind: 'send-burst', command: 'b-1', to: 'boat-1', payload: 'AAAA' });
  const lost = await until(() => broker.heard.results.find(({ command }) => command === 'b-1'), 'a result');
  assert.match(lost.because ?? '', /fault/);
  assert.equal(await operator.originate(IMEI, { payload: Uint8Array.of(1) }, 5), false, 'so that it comes again');
  await inject('boat-1', 'none');
  assert.ok(await operator.originate(IMEI, { payload: Uint8Array.of(1) }, 5));
  await until(() => events('burst-received').length === 1, 'it came after all');
  await broker.command('satellite', { kind: 'send-burst', command: 'b-2', to: 'boat-1', payload: 'AAAA' });
  await until(() => modem.received.length === 1, 'the burst');

  const call = await caller.call(`sip:88100@${gateway.addresses.sip}`);
  assert.ok(call.kind === 'answered');
  await until(() => phone.isTalking, 'both talk');
  await inject('satellite-line', 'cut');
  call.say(framesOf(sine({ hz: 700, durationMs: 400 })));
  const { packetsSent } = call.leg;
  await until(() => call.leg.packetsSent > packetsSent + 40, 'all of it is said');
  await inject('satellite-line', 'none');
  call.say(framesOf(sine({ hz: 1100, durationMs: 400 })));
  await until(() => toneLevelDb(phone.heard, 1100) > -45, 'what is said after the cut');
  assert.ok(toneLevelDb(phone.heard, 700) < -60, 'and nothing of what was said in it');
});
