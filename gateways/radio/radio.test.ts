import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { levelDb, sine, toneLevelDb } from '@tocsin/server/media';
import { framesOf } from '../kit/babble.ts';
import { gatewayContract } from '../kit/contract.ts';
import { until } from '../kit/test-broker.ts';
import { startRadioGateway, type RadioGatewayOptions } from './radio-gateway.ts';
import { openTestChannel, TEST_CHANNEL } from './test-channel.ts';
import { openUsrpRadioSimulator } from './usrp/usrp-radio-simulator.ts';
import { Transmitter, TRANSMIT_LIMITS } from './transmitter.ts';
import {
  readTalker,
  readUsrp,
  readUsrpSamples,
  USRP_TYPE,
  writeTalker,
  writeUsrp,
  writeUsrpSamples,
} from './usrp/usrp.ts';

async function world(t: TestContext, options: Partial<RadioGatewayOptions> = {}, isLinked = true) {
  const air = await openUsrpRadioSimulator({ clock: systemClock });
  t.after(() => air[Symbol.asyncDispose]());
  const peer = { protocol: 'usrp', remoteHost: air.host, remotePort: air.port } as const;
  const channel = await openTestChannel(t, { air: peer, ...options });
  await until(() => air.isLinked || !isLinked, 'linked');
  return { air, ...channel };
}

gatewayContract('radio', async (environment) => {
  const air = await openUsrpRadioSimulator({ clock: systemClock });
  const gateway = await startRadioGateway({
    ...TEST_CHANNEL,
    ...environment,
    id: 'under-test',
    air: { protocol: 'usrp', remoteHost: air.host, remotePort: air.port },
  });
  return {
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await air[Symbol.asyncDispose]();
    },
  };
});

test('what a radio says reaches the server, with squelch and talker', async (t) => {
  const { air, gateway, caller, events, broker } = await world(t);
  const call = await caller.call(gateway.addresses.sip);
  assert.ok(call.kind === 'answered');
  await until(() => call.heardPackets() > 10, 'silence first');
  await air.transmit({ ms: 800, hz: 1000, talker: 'BH4-12', radioId: 46012 });
  await until(() => events('squelch').length === 2, 'squelch open and closed');
  assert.deepEqual(
    events('squelch').map((event) => event.kind === 'squelch' && [event.isOpen, event.talker]),
    [
      [true, 'BH4-12'],
      [false, 'BH4-12'],
    ],
  );
  const samples = call.heardSamples();
  const loud = Array.from(
    { length: Math.floor(samples.length / 160) },
    (_, n) => levelDb(samples.subarray(n * 160, n * 160 + 160)) > -30,
  ).filter(Boolean).length;
  assert.ok(loud >= 38 && loud <= 41, `${loud} frames of 40`);
  assert.ok(toneLevelDb(samples, 1000) > -30);
  assert.deepEqual(broker.heard.malformed, []);
});

test('keyed speech goes on air whole: its first frames came before the key, its last after the release', async (t) => {
  const { air, gateway, caller, key, events } = await world(t);
  const call = await caller.call(gateway.addresses.sip);
  assert.ok(call.kind === 'answered');
  await until(() => call.heardPackets() > 5);
  call.say(framesOf(sine({ hz: 700, durationMs: 1000 })));
  await new Promise((resolve) => setTimeout(resolve, 100));
  await key(true);
  await until(() => events('keyed').length === 1, 'keyed');
  await new Promise((resolve) => setTimeout(resolve, 800));
  await key(false);
  await until(() => events('keyed').length === 2, 'unkeyed');
  await until(() => air.heard[0]?.endedAtMs !== undefined, 'carrier off');
  const { samples } = air.heard[0]!;
  const loud = Array.from(
    { length: Math.floor(samples.length / 160) },
    (_, n) => levelDb(samples.subarray(n * 160, n * 160 + 160)) > -30,
  ).filter(Boolean).length;
  assert.ok(loud >= 48, `${loud} of 50 frames of speech were on air`);
  assert.equal(air.heard.length, 1);
});

test('nothing goes on air without a key, and a stuck key is released by itself', async (t) => {
  const { air, gateway, caller, key, events } = await world(t, { keyedAtMostMs: 1000 });
  const call = await caller.call(gateway.addresses.sip);
  assert.ok(call.kind === 'answered');
  call.say(framesOf(sine({ hz: 700, durationMs: 400 })));
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(air.heard.length, 0);
  await key(true);
  await until(() => events('keyed').length === 2, 'released');
  await until(() => air.heard[0]?.endedAtMs !== undefined, 'carrier off');
  assert.ok(air.heard[0]!.packets <= 51);
});

test('a bridge that is not there is shown as down, and the key is refused', async (t) => {
  const { broker, key } = await world(t, { air: { protocol: 'usrp', remoteHost: '127.0.0.1', remotePort: 9 } }, false);
  await until(
    () => broker.heard.events.some((event) => event.kind === 'resource' && event.resource.state === 'down'),
    'down',
  );
  await key(true);
  const result = await until(() => broker.heard.results[0], 'a result');
  assert.equal(result.outcome, 'refused');
});

test('the transmitter: look-back, tail, time-limit, starvation', () => {
  const loud = framesOf(sine({ hz: 500, durationMs: 20 }))[0]!;
  const silent = new Uint8Array(160).fill(0xd5);
  const transmitter = new Transmitter({ keyedAtMostMs: 10_000 });
  for (let n = 0; n < 50; n++) transmitter.hear(silent);
  for (let n = 0; n < 3; n++) transmitter.hear(loud);
  transmitter.key();
  const sent: boolean[] = [];
  const step = () => {
    const result = transmitter.step();
    if (result.kind === 'on-air') sent.push(result.frame?.[80] === loud[80]);
    return result.kind;
  };
  for (let n = 0; n < 5; n++) {
    transmitter.hear(loud);
    assert.equal(step(), 'on-air');
  }
  assert.deepEqual(sent, [true, true, true, true, true]);
  transmitter.unkey();
  let steps = 0;
  while (step() !== 'ended') steps += 1;
  assert.ok(steps * 20 <= TRANSMIT_LIMITS.tailMs + 80);
  assert.equal(sent.filter(Boolean).length, 8);

  transmitter.key();
  let ms = 0;
  for (let kind = 'on-air'; kind !== 'ended'; ms += 20) kind = transmitter.step().kind;
  assert.ok(ms <= TRANSMIT_LIMITS.starvedMs + 40, 'starved');
});

test('the transmitter: while the carrier rises nothing is lost, and the delay goes in the first pause', () => {
  const loud = framesOf(sine({ hz: 500, durationMs: 20 }))[0]!;
  const silent = new Uint8Array(160).fill(0xd5);
  const transmitter = new Transmitter({ keyedAtMostMs: 10_000 });
  transmitter.key({ keyUpMs: 400, tailMs: 100 });
  const said = [
    ...Array<Uint8Array>(30).fill(loud),
    ...Array<Uint8Array>(60).fill(silent),
    ...Array<Uint8Array>(10).fill(loud),
  ];
  const sent: (Uint8Array | undefined)[] = [];
  for (const frame of said) {
    transmitter.hear(frame);
    const step = transmitter.step();
    if (step.kind === 'on-air') sent.push(step.frame);
  }
  transmitter.unkey();
  let afterwards = 0;
  for (let step = transmitter.step(); step.kind === 'on-air'; step = transmitter.step(), afterwards++)
    sent.push(step.frame);
  const isLoud = (frame: Uint8Array | undefined) => frame?.[4] === loud[4];
  assert.equal(sent.filter(isLoud).length, 40, 'every frame with sound was sent');
  assert.equal(sent.findIndex(isLoud), 20, 'after the rise');
  assert.equal(transmitter.dropped, 0);
  assert.ok(afterwards <= 8, `${afterwards} frames after the release: the rise has been caught up`);
});

test('a channel is on one talkgroup: it speaks there, hears only that, and is put on another', async (t) => {
  const { broker, air, gateway, caller, key, events } = await world(t);
  const call = await caller.call(gateway.addresses.sip);
  assert.ok(call.kind === 'answered');
  const select = async (talkgroup: number) => {
    const command = `tg-${talkgroup}`;
    await broker.command('radio', { kind: 'select-talkgroup', command, channel: 'vhf-1', talkgroup });
    return until(() => broker.heard.results.find((result) => result.command === command), 'a result');
  };
  assert.equal((await select(801)).outcome, 'done');
  air.talkgroup = 802;
  await air.transmit({ ms: 100, hz: 1000 });
  air.talkgroup = 801;
  await air.transmit({ ms: 100, hz: 1000, talker: '2101' });
  await until(() => events('squelch').length === 2, 'one speech is heard');
  await key(true);
  await until(() => (air.heard[0]?.packets ?? 0) > 3, 'on air');
  assert.equal((await select(802)).outcome, 'refused', 'not while someone speaks');
  assert.equal(air.heard[0]!.talkgroup, 801);
});

test('USRP packets are read back, and any bytes are read or left', () => {
  const samples = Int16Array.from({ length: 160 }, (_, n) => n * 200 - 16_000);
  const packet = readUsrp(writeUsrp({ sequence: 7, isKeyed: true, talkgroup: 9, body: writeUsrpSamples(samples) }))!;
  assert.deepEqual([packet.sequence, packet.isKeyed, packet.talkgroup, packet.type], [7, true, 9, 0]);
  assert.deepEqual(readUsrpSamples(packet.body), samples);
  const text = writeUsrp({ sequence: 1, isKeyed: true, type: USRP_TYPE.text, body: writeTalker(46012, 'BH4-12') });
  text.writeUInt32LE(USRP_TYPE.text, 20);
  assert.equal(readUsrp(text)!.type, USRP_TYPE.text, 'a type in the other byte order');
  assert.equal(readTalker(readUsrp(text)!.body), 'BH4-12');
  assert.equal(readTalker(writeTalker(46012, '')), '46012');
  assert.equal(readTalker(Buffer.from('{"x":1}')), undefined);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const read = readUsrp(Buffer.concat([Buffer.from('USRP'), Buffer.from(bytes)]));
      if (!read) return;
      readUsrpSamples(read.body);
      const talker = readTalker(read.body);
      assert.ok(talker === undefined || (talker.length > 0 && talker.length <= 80));
    }),
  );
});
