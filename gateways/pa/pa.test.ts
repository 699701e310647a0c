import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { readWav, similarity, sine, toneLevelDb } from '@tocsin/server/media';
import { digestSecret, openUserAgent } from '@tocsin/server/sip';
import { framesOf } from '../kit/babble.ts';
import { Faults } from '../kit/faults.ts';
import { gatewayContract } from '../kit/contract.ts';
import { openTestBroker, until } from '../kit/test-broker.ts';
import { openTestCaller } from '../kit/test-caller.ts';
import { openHorn } from './horn-simulator.ts';
import { startPaGateway } from './pa-gateway.ts';
import { readReceiverReports, writeReceiverReport } from './receiver-report.ts';
import { openSipHorn } from './sip-horn-simulator.ts';

const common = { clock: systemClock, chance: systemChance, log: silentLog };
const here = { host: '127.0.0.1', servers: ['127.0.0.1'], multicastInterface: '127.0.0.1' };
/** A port of our own for each test run, so that runs beside each other do not hear each other. */
const port = 40_000 + Math.floor(Math.random() * 10_000) * 2;
const dam = { id: 'dam', group: '239.255.77.1', port, horns: 3 };
const town = { id: 'town', group: '239.255.77.2', port: port + 1, horns: 1 };

async function world(t: TestContext) {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const journalFolder = mkdtempSync(join(tmpdir(), 'tocsin-pa-'));
  stack.defer(() => rmSync(journalFolder, { recursive: true, force: true }));
  const broker = stack.use(await openTestBroker());
  const horns = [];
  for (let n = 0; n < 3; n++) horns.push(stack.use(await openHorn({ ...common, ...dam, id: `dam-${n}` })));
  const townHorn = stack.use(await openHorn({ ...common, ...town, id: 'town-0' }));
  const gateway = stack.use(
    await startPaGateway({
      ...common,
      ...here,
      id: 'pa',
      site: broker.site,
      mqttUrl: broker.url,
      journalFolder,
      zones: [dam, town],
      areFaultsAllowed: true,
    }),
  );
  const caller = stack.use(await openTestCaller());
  await until(() => broker.heard.online.some(({ body }) => body.online), 'online');
  const playouts = () => broker.heard.events.filter((event) => event.kind === 'playout');
  return { broker, horns, townHorn, gateway, caller, playouts, journalFolder };
}

gatewayContract('pa', (environment) => startPaGateway({ ...environment, ...here, id: 'under-test', zones: [dam] }));

test('an announcement reaches every horn of its zone and no other, and the horns prove it', async (t) => {
  const { horns, townHorn, gateway, caller, playouts, journalFolder, broker } = await world(t);
  const call = await caller.call(gateway.sipOf('dam'));
  assert.ok(call.kind === 'answered');
  const said = sine({ hz: 440, durationMs: 1600 });
  call.say(framesOf(said));
  await until(() => playouts().some((event) => event.kind === 'playout' && event.hornsPlaying === 3), 'three horns');
  await call[Symbol.asyncDispose]();
  const last = await until(() => playouts().length > 1 && playouts().at(-1), 'the last word');
  assert.ok(last.kind === 'playout');
  assert.deepEqual([last.zone, last.hornsPlaying, last.hornsTotal], ['dam', 3, 3]);
  assert.ok(last.packets >= 80);
  assert.equal(townHorn.packets, 0);
  for (const horn of horns) assert.ok(toneLevelDb(horn.samples.subarray(0, 12_800), 440) > -16);
  assert.ok(similarity(said, horns[0]!.samples, 4000).similarity > 0.9);
  const file = join(journalFolder, 'heard.wav');
  horns[0]!.writeWav(file);
  assert.equal(readWav(readFileSync(file)).kind, 'sound');
  assert.deepEqual(broker.heard.malformed, []);
});

test('a horn that hears nothing is missing in the proof and in the silent self-test', async (t) => {
  const { horns, broker } = await world(t);
  await broker.command('pa', { kind: 'self-test', command: 't-1', resource: 'dam' });
  const first = await until(() => broker.heard.results.find(({ command }) => command === 't-1'), 'the first test');
  assert.equal(first.outcome, 'done');
  horns[1]!.isBroken = true;
  await broker.command('pa', { kind: 'self-test', command: 't-2', resource: 'dam' });
  const second = await until(() => broker.heard.results.find(({ command }) => command === 't-2'), 'the second test');
  assert.deepEqual([second.outcome, second.because], ['refused', '2 of 3 horns answered, silent: dam-1']);
  const told = (id: string) =>
    broker.heard.events.findLast((event) => event.kind === 'resource' && event.resource.id === id);
  const state = await until(() => told('dam'), 'the zone’s state');
  assert.ok(state.kind === 'resource' && state.resource.state === 'degraded');
  const dead = await until(() => told('dam.dam-1'), 'the horn’s state');
  assert.ok(dead.kind === 'resource' && dead.resource.state === 'down');
  const alive = told('dam.dam-2');
  assert.ok(alive?.kind === 'resource' && alive.resource.state === 'ready');
});

test('the newest call to a zone is heard; when it ends the earlier one is heard again', async (t) => {
  const { horns, gateway, caller } = await world(t);
  const first = await caller.call(gateway.sipOf('dam'));
  const second = await caller.call(gateway.sipOf('dam'));
  assert.ok(first.kind === 'answered' && second.kind === 'answered');
  first.say(framesOf(sine({ hz: 400, durationMs: 3000 })));
  second.say(framesOf(sine({ hz: 900, durationMs: 3000 })));
  const level = (hz: number) => toneLevelDb(horns[0]!.samples.slice(-3200), hz);
  await until(() => horns[0]!.samples.length > 4800 && level(900) > -20, 'the newer');
  assert.ok(level(400) < -40);
  await second[Symbol.asyncDispose]();
  await until(() => horns[0]!.samples.length > 3200 && level(400) > -20, 'the earlier again');
});

test('an injected cut silences a zone until it is mended; a real site refuses', async (t) => {
  const { horns, gateway, caller, broker } = await world(t);
  const inject = (command: string, fault: 'cut' | 'none') =>
    broker.command('pa', { kind: 'inject-fault', command, resource: 'dam', fault });
  await inject('f-1', 'cut');
  await until(
    () => broker.heard.results.some(({ command, outcome }) => command === 'f-1' && outcome === 'done'),
    'the cut',
  );
  const call = await caller.call(gateway.sipOf('dam'));
  assert.ok(call.kind === 'answered');
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(horns[0]!.packets, 0);
  await inject('f-2', 'none');
  await until(() => horns[0]!.packets > 5, 'speech again');
  const refusing = new Faults({ ...common, isAllowed: false });
  assert.equal(refusing.inject({ resource: 'dam', fault: 'cut' }).outcome, 'refused');
});

test('unknown zones and strangers are refused', async (t) => {
  const { gateway, caller } = await world(t);
  const unknown = await caller.call(gateway.sipOf('moon'));
  assert.ok(unknown.kind === 'not-answered' && unknown.outcome.kind === 'refused' && unknown.outcome.status === 404);
});

test('a SIP horn registers, answers by itself, and hears', async (t) => {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const secret = digestSecret('1031', 'tocsin', 'horn-password');
  const server = stack.use(
    await openUserAgent({
      ...common,
      host: '127.0.0.1',
      port: 0,
      domain: 'tocsin',
      credentials: async (user) => (user === '1031' ? secret : undefined),
    }),
  );
  const registrar = `sip:127.0.0.1:${server.address.port}`;
  const horn = stack.use(await openSipHorn({ ...common, registrar, account: '1031', password: 'horn-password' }));
  await until(() => horn.isRegistered && server.registrar.lookup('1031').length === 1, 'registered');
  const caller = stack.use(await openTestCaller());
  const binding = server.registrar.lookup('1031')[0]!;
  const call = await caller.call(binding.contact);
  assert.ok(call.kind === 'answered');
  call.say(framesOf(sine({ hz: 600, durationMs: 1000 })));
  await until(() => horn.packets > 60, 'audio');
  assert.ok(toneLevelDb(horn.samples.subarray(800, 4000), 600) > -20);
});

test('receiver reports are read back, and any bytes are read or left', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 60 }),
      fc.nat(0xffff_ffff),
      fc.integer({ min: -1000, max: 1000 }),
      fc.nat(0xffff_ffff),
      (cname, ssrc, lost, extendedSequence) => {
        fc.pre(cname.isWellFormed());
        assert.deepEqual(
          readReceiverReports(writeReceiverReport({ ownSsrc: 1, cname, ssrc, lost, extendedSequence })),
          [{ cname, ssrc, lost, extendedSequence }],
        );
      },
    ),
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readReceiverReports(Buffer.from(bytes))));
});
