import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { sine, toneLevelDb } from './measure.ts';
import { writeRtp } from './rtp.ts';
import { engineFor, until } from './test-engine.ts';
import type { TestPhone } from './test-phone.ts';
import { writeWav } from './wav.ts';

const hears = (phone: TestPhone, hz: number) => {
  const heard = phone.lately(400);
  return heard.length >= 3200 && toneLevelDb(heard, hz) > -14;
};
const hearsNot = (phone: TestPhone, hz: number) => {
  const heard = phone.lately(400);
  return heard.length >= 3200 && toneLevelDb(heard, hz) < -45;
};

for (const io of ['dgram', 'batched'] as const) {
  test(`three phones on a bridge hear each other but not themselves (${io} sockets)`, async (t) => {
    const { engine, phoneWith } = await engineFor(t, { io });
    const tones = [400, 1000, 1700];
    const phones = [await phoneWith(400), await phoneWith(1000, 'pcmu'), await phoneWith(1700)];
    const bridge = await engine.openBridge();
    for (const { leg } of phones) await bridge.add(leg);
    for (const [index, { phone }] of phones.entries()) {
      const others = tones.filter((_, other) => other !== index);
      await until(
        () => others.every((hz) => hears(phone, hz)) && hearsNot(phone, tones[index]!),
        `phone ${index} hears the others only`,
      );
    }
    const statistics = await phones[0]!.leg.statistics();
    assert.ok(statistics.packetsReceived > 5 && statistics.packetsSent > 5);
    assert.deepEqual(statistics.remote, { host: phones[0]!.phone.host, port: phones[0]!.phone.port });
  });

  test(`digits go both ways, each told once, also when its ends are lost (${io} sockets)`, async (t) => {
    const { phoneWith } = await engineFor(t, { io });
    const { phone, leg } = await phoneWith(440);
    const digits: string[] = [];
    leg.on('digit', ({ digit, by }) => digits.push(`${digit} ${by}`));
    await until(async () => (await leg.statistics()).packetsReceived > 5, 'media flows');
    await phone.press(5);
    await phone.press(11);
    await phone.press(0, { endPackets: 0 });
    await until(() => digits.length >= 3, 'three digits');
    assert.deepEqual(digits, ['5 telephone-event', '# telephone-event', '0 telephone-event']);
    assert.equal((await leg.statistics()).packetsLost, 0);

    await leg.sendDigits('7*', { durationMs: 100 });
    await until(() => phone.events.filter(({ isEnd }) => isEnd).length >= 6, 'six end packets');
    assert.deepEqual([...new Set(phone.events.map(({ event }) => event))], [7, 10]);
    assert.equal(new Set(phone.events.map(({ timestamp }) => timestamp)).size, 2);
    await assert.rejects(leg.sendDigits('x'), { code: 'REQUEST_MALFORMED' });
  });
}

test('digits in the sound are told where they are asked for, also between two legs that would be relayed', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const [a, b] = [await phoneWith(undefined, 'pcma', { inbandDigits: true }), await phoneWith(undefined)];
  const bridge = await engine.openBridge();
  await bridge.add(a.leg);
  await bridge.add(b.leg);
  const digits: string[] = [];
  a.leg.on('digit', ({ digit, by }) => digits.push(`${digit} ${by}`));
  await until(async () => (await a.leg.statistics()).packetsReceived > 20, 'media flows');
  a.phone.say(sine({ hz: [770, 1336], durationMs: 1000, levelDb: -16 }));
  await until(async () => (await a.leg.statistics()).packetsReceived > 60, 'the tone sounds');
  a.phone.say(undefined);
  await until(() => digits.length > 0, 'a digit');
  assert.deepEqual(digits, ['5 inband']);
});

test('mute, hears and gain change what is heard in mid-call', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const [a, b] = [await phoneWith(500), await phoneWith(1300)];
  const bridge = await engine.openBridge();
  await bridge.add(a.leg);
  await bridge.add(b.leg);
  await until(() => hears(a.phone, 1300) && hears(b.phone, 500), 'both hear');
  await bridge.setMuted(a.leg, true);
  await until(() => hearsNot(b.phone, 500) && hears(a.phone, 1300), 'a is muted and hears on');
  await bridge.setMuted(a.leg, false);
  await bridge.setHears(a.leg, [b.leg.id]);
  await bridge.setHeardBy(b.leg, 'nobody');
  await until(() => hearsNot(a.phone, 1300) && hears(b.phone, 500), 'nobody may hear b');
  await bridge.setHeardBy(b.leg, [a.leg.id]);
  await until(() => hears(a.phone, 1300), 'a may hear b');
  await bridge.setGain(b.leg, -20);
  await until(() => Math.abs(toneLevelDb(a.phone.lately(400), 1300) + 30) < 1, 'b is 20 dB quieter');
  await bridge.remove(b.leg);
  await until(() => hearsNot(a.phone, 1300), 'b has left');
});

test('speaking and levels are told', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const { phone, leg } = await phoneWith(undefined);
  const bridge = await engine.openBridge();
  const told: string[] = [];
  bridge.on('speaking', ({ nodeId, isSpeaking }) => told.push(`${nodeId === leg.id} ${isSpeaking}`));
  const levels: number[] = [];
  leg.on('level', ({ levelDb }) => levels.push(levelDb));
  await bridge.add(leg);
  phone.say({ hz: 600 });
  await until(() => told.includes('true true'), 'speaking began');
  await until(() => levels.some((level) => level > -18 && level < -12), 'a level near −13 dB');
  phone.say(undefined);
  await until(() => told.includes('true false'), 'speaking ended');
});

test('a source behind NAT is latched on to, and a stranger is dropped and counted', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const other = await phoneWith(undefined);
  const { phone, leg } = await phoneWith(900, 'pcma', { remote: { host: '127.0.0.1', port: 9 } });
  const bridge = await engine.openBridge();
  await bridge.add(leg);
  await bridge.add(other.leg);
  await until(() => hears(other.phone, 900), 'the phone is heard although its address differs');
  await until(() => phone.packetsHeard > 0, 'and gets our packets');

  const stranger = createSocket('udp4');
  stranger.bind(0, '127.0.0.1');
  await once(stranger, 'listening');
  for (let i = 0; i < 25; i += 1)
    stranger.send(
      writeRtp({ payloadType: 8, sequence: i, timestamp: i * 160, ssrc: 666, payload: new Uint8Array(160).fill(0x2a) }),
      leg.localPort,
      '127.0.0.1',
    );
  await until(async () => (await leg.statistics()).packetsInjected === 25, 'injected packets are counted');
  stranger.close();
  const statistics = await leg.statistics();
  assert.equal(statistics.remote?.port, phone.port);
  assert.notEqual(statistics.remoteSsrc, 666);
});

test('lost media is told only where media may come, and found again', async (t) => {
  const { phoneWith } = await engineFor(t);
  const { phone, leg, agreed } = await phoneWith(400, 'pcma', { mediaLostAfterMs: 300 });
  const told: string[] = [];
  leg.on('media-lost', () => told.push('lost'));
  leg.on('media-found', () => told.push('found'));
  await until(async () => (await leg.statistics()).packetsReceived > 5, 'media flows');
  phone.hush();
  await until(() => told.includes('lost'), 'media is lost');
  phone.call({ host: leg.localHost, port: leg.localPort });
  await until(() => told.at(-1) === 'found', 'media is found');
  // On hold the far end sends nothing, and nothing is missed.
  await leg.configure({ ...agreed, direction: 'sendonly' });
  phone.hush();
  const count = told.length;
  await new Promise((resolve) => setTimeout(resolve, 700));
  assert.equal(told.length, count);
});

test('hold stops what it must, and SSRC and sequence go on afterwards', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const [a, b] = [await phoneWith(500), await phoneWith(1300)];
  const bridge = await engine.openBridge();
  await bridge.add(a.leg);
  await bridge.add(b.leg);
  await until(() => hears(a.phone, 1300), 'a hears b');
  await a.leg.configure({ ...a.agreed, direction: 'sendonly' });
  await until(() => hearsNot(b.phone, 500) && hears(a.phone, 1300), 'a still sends, but is not let in');
  await a.leg.configure({ ...a.agreed, direction: 'inactive' });
  await new Promise((resolve) => setTimeout(resolve, 100));
  a.phone.forget();
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(a.phone.packetsHeard, 0);
  await a.leg.configure(a.agreed);
  await until(() => hears(b.phone, 500) && hears(a.phone, 1300), 'all as before');
  assert.equal(a.phone.ssrcs.size, 1);
});

test('a playback reaches every listener and is encoded once a frame', async (t) => {
  const { engine, phoneWith, recordingsFolder } = await engineFor(t);
  const path = join(recordingsFolder, 'chime.wav');
  await writeFile(path, writeWav({ rateHz: 44_100, channels: [sine({ hz: 800, durationMs: 1000, rateHz: 44_100 })] }));
  const phones: TestPhone[] = [];
  const bridge = await engine.openBridge();
  for (let i = 0; i < 10; i += 1) {
    const { phone, leg } = await phoneWith(undefined);
    phones.push(phone);
    await bridge.add(leg);
  }
  const playback = await engine.openPlayback({ source: { kind: 'file', path } });
  await bridge.add(playback);
  assert.equal(await playback.ended, 'finished');
  await until(() => phones.every((phone) => toneLevelDb(phone.lately(600), 800) > -14), 'all hear it');
  const room = (await engine.snapshot()).bridges[0]!;
  // One second is 50 frames, and some more for the tail that the floor holds on to.
  assert.ok(room.encodings >= 48 && room.encodings <= 65, `${room.encodings} encodings`);
  assert.ok(room.framesHeard > 10 * 50);
  assert.equal(room.members.length, 10, 'a finished playback leaves');
});

test('a cadence repeats until it is closed, can be paused, and a loop counts', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const { phone, leg } = await phoneWith(undefined);
  const bridge = await engine.openBridge();
  await bridge.add(leg);
  const ringback = await engine.openPlayback({
    source: { kind: 'tone', hz: [425], onMs: 200, offMs: 100, levelDb: -10 },
  });
  await bridge.add(ringback);
  await until(() => toneLevelDb(phone.lately(900), 425) > -16, 'it goes on and on');
  await ringback.pause();
  await until(() => hearsNot(phone, 425), 'it pauses');
  await ringback.resume();
  await until(() => toneLevelDb(phone.lately(600), 425) > -16, 'it goes on');
  await ringback.close();
  assert.equal(await ringback.ended, 'stopped');
  const beeps = await engine.openPlayback({ source: { kind: 'tone', hz: [900], onMs: 100 }, loop: 3, gapMs: 60 });
  await bridge.add(beeps);
  assert.equal(await beeps.ended, 'finished');
  await assert.rejects(engine.openPlayback({ source: { kind: 'file', path: '/nowhere.wav' } }), { code: 'NOT_FOUND' });
});

test('packets of 30 ms go out as agreed', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const a = await phoneWith(700);
  const b = await phoneWith(undefined, 'pcma', { ptimeMs: 30 });
  const bridge = await engine.openBridge();
  await bridge.add(a.leg);
  await bridge.add(b.leg);
  await until(() => hears(b.phone, 700), 'b hears a');
  assert.equal(b.phone.heard.length, b.phone.packetsHeard * 240);
});

test('reports come by RTCP, on the next port or muxed', async (t) => {
  const { phoneWith } = await engineFor(t);
  const { phone } = await phoneWith(700, 'pcma', { rtcp: 'muxed' });
  await until(() => phone.rtcp.length > 0, 'a report', 20_000);
  assert.equal(phone.rtcp[0]![1], 200);
});

test('two ports that talk to each other know their round trip from reports on the next port', async (t) => {
  const { engine } = await engineFor(t);
  const [a, b] = [await engine.openRtp({ label: 'a' }), await engine.openRtp({ label: 'b' })];
  for (const [port, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const remote = { host: '127.0.0.1', port: other.localPort };
    await port.configure({ codec: 'pcma', payloadType: 8, remote, direction: 'sendrecv' });
  }
  const roundTrip = async () => (await a.statistics()).roundTripMs;
  await until(async () => (await roundTrip()) !== undefined, 'a round trip is known', 30_000);
  assert.ok((await roundTrip())! < 400, `${await roundTrip()} ms`);
});

test('ports are even, of the range, and run out by name', async (t) => {
  const { engine } = await engineFor(t, { rtpPorts: [28_700, 28_705] });
  const ports = [
    await engine.openRtp({ label: 'a' }),
    await engine.openRtp({ label: 'b' }),
    await engine.openRtp({ label: 'c' }),
  ];
  assert.deepEqual(
    ports.map(({ localPort }) => localPort),
    [28_700, 28_702, 28_704],
  );
  await assert.rejects(engine.openRtp({ label: 'd' }), { code: 'MEDIA_PORTS_EXHAUSTED' });
  await ports[1]!.close();
  assert.equal((await engine.openRtp({ label: 'e' })).localPort, 28_702);
});

test('when the thread dies it is told, its ports are free again, and a new thread serves', async (t) => {
  const { engine } = await engineFor(t, { rtpPorts: [28_720, 28_723] });
  const deaths: string[] = [];
  engine.on('worker-died', (reason) => deaths.push(reason));
  await engine.openRtp({ label: 'a' });
  await engine.openRtp({ label: 'b' });
  await engine.killThread();
  await until(() => deaths.length === 1, 'the death is told');
  const ports = [(await engine.openRtp({ label: 'c' })).localPort, (await engine.openRtp({ label: 'd' })).localPort];
  assert.deepEqual(ports, [28_720, 28_722]);
});

for (const io of ['dgram', 'batched'] as const) {
  test(`two phones are passed through, and mixed while a third is there, without a break (${io} sockets)`, async (t) => {
    const { engine, phoneWith } = await engineFor(t, { io });
    const [a, b, c] = [await phoneWith(500), await phoneWith(1300), await phoneWith(2100)];
    const bridge = await engine.openBridge();
    const speaking = new Set<string>();
    bridge.on('speaking', ({ nodeId, isSpeaking }) => isSpeaking && speaking.add(nodeId));
    const isRelaying = async () => (await engine.snapshot()).bridges[0]!.isRelaying;
    await bridge.add(a.leg);
    await bridge.add(b.leg);
    await until(() => hears(a.phone, 1300) && hears(b.phone, 500) && hearsNot(a.phone, 500), 'the two hear each other');
    assert.equal(await isRelaying(), true);
    // What was in the jitter buffer before the two were joined may still have been mixed.
    const { encodings } = (await engine.snapshot()).bridges[0]!;
    assert.ok(encodings < 10, `${encodings} encodings`);
    await until(() => speaking.size === 2, 'speaking is told');

    await bridge.add(c.leg);
    await until(() => hears(a.phone, 2100) && hears(a.phone, 1300) && hears(c.phone, 500), 'the three hear each other');
    assert.equal(await isRelaying(), false);
    await bridge.remove(c.leg);
    await until(() => hearsNot(a.phone, 2100) && hears(a.phone, 1300), 'two again');
    await bridge.setMuted(b.leg, true);
    await until(() => hearsNot(a.phone, 1300) && hears(b.phone, 500), 'b is muted');
    await bridge.setMuted(b.leg, false);
    await until(() => hears(a.phone, 1300), 'b is heard again');
    b.phone.hush();
    await until(() => hearsNot(a.phone, 1300), 'b has fallen silent, and silence is sent in its place');
    for (const { phone } of [a, b, c]) {
      assert.equal(phone.ssrcs.size, 1);
      assert.deepEqual(phone.breaks, { sequence: 0, timestamp: 0 });
    }
  });
}

test('who has left can still be muted: a leg may end while somebody holds it', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const [a, b] = [await phoneWith(500), await phoneWith(1300)];
  const bridge = await engine.openBridge();
  await bridge.add(a.leg);
  await bridge.add(b.leg);
  await a.leg.close();
  await bridge.setMuted(a.leg, true);
  await bridge.close();
  await bridge.setMuted(b.leg, true);
});

test('who answers is told: one word and silence is a person, also between two that would be relayed', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const [a, b] = [await phoneWith(undefined), await phoneWith(undefined)];
  const bridge = await engine.openBridge();
  await bridge.add(a.leg);
  await bridge.add(b.leg);
  await until(async () => (await a.leg.statistics()).packetsReceived > 5, 'media flows');
  const answerer = a.leg.whoAnswers();
  a.phone.say(sine({ hz: [300, 500, 900], durationMs: 1000, levelDb: -20 }));
  await until(() => toneLevelDb(b.phone.lately(400), 500) > -26, 'it is heard');
  a.phone.say(undefined);
  assert.equal(await answerer, 'person');
  const last = b.leg.whoAnswers();
  await b.leg.close();
  assert.equal(await last, 'unknown');
});

test('a quiet voice is brought to the level of the others where that is wanted', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const [quiet, other] = [await phoneWith(undefined), await phoneWith(undefined)];
  quiet.phone.say({ hz: 600, levelDb: -29 });
  const bridge = await engine.openBridge();
  await bridge.add(quiet.leg, { automaticLevel: true });
  await bridge.add(other.leg);
  const level = () => toneLevelDb(other.phone.lately(400), 600);
  await until(() => level() > -24, 'it has become louder');
  await bridge.setAutomaticLevel(quiet.leg, false);
  await until(() => level() < -28 && level() > -30, 'and is as it was');
});
