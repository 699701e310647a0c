import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { G722Encoder } from './codecs/g722.ts';
import { decodeG711, encodeG711 } from './codecs/g711.ts';
import { levelDb, sine, toneLevelDb } from './measure.ts';
import { readRtp, writeRtp } from './rtp.ts';
import type { RtpPort } from './rtp-port.ts';
import { engineFor, until } from './test-engine.ts';
import type { TestPhone } from './test-phone.ts';

const hears = (phone: TestPhone, hz: number, aboveDb = -14) => {
  const heard = phone.lately(400);
  return heard.length >= phone.rateHz * 0.4 && toneLevelDb(heard, hz, phone.rateHz) > aboveDb;
};

/** Sends packets of its own making, 20 ms apart or as told, until the test ends. */
async function sender(t: TestContext, leg: RtpPort, everyMs: number, next: (n: number) => Uint8Array | undefined) {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const heard: { payloadType: number; payload: Uint8Array; timestamp: number; hasMarker: boolean }[] = [];
  socket.on('message', (packet) => {
    const rtp = readRtp(packet);
    if (rtp && rtp.payloadType < 64) heard.push({ ...rtp, payload: Uint8Array.from(rtp.payload) });
  });
  const began = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    for (; sent * everyMs < performance.now() - began; sent += 1) {
      const packet = next(sent);
      if (packet) socket.send(packet, leg.localPort, '127.0.0.1');
    }
  }, 5);
  t.after(() => {
    clearInterval(timer);
    socket.close();
  });
  return { port: socket.address().port, heard };
}

for (const ptimeMs of [10, 30, 40, 60])
  test(`packets of ${ptimeMs} ms are taken, and sent where they are wanted`, async (t) => {
    const { engine, phoneWith } = await engineFor(t);
    const other = await phoneWith(700);
    const leg = await engine.openRtp({ label: 'odd' });
    const samples = ptimeMs * 8;
    const voice = encodeG711('pcma', sine({ hz: 1000, durationMs: 1200 }));
    const odd = await sender(t, leg, ptimeMs, (n) => {
      const at = (n * samples) % (voice.length - samples);
      return writeRtp({
        payloadType: 8,
        sequence: n,
        timestamp: n * samples,
        ssrc: 5,
        payload: voice.subarray(at, at + samples),
      });
    });
    await leg.configure({
      codec: 'pcma',
      payloadType: 8,
      ptimeMs,
      direction: 'sendrecv',
      remote: { host: '127.0.0.1', port: odd.port },
    });
    const bridge = await engine.openBridge();
    await bridge.add(other.leg);
    await bridge.add(leg);
    await until(() => hears(other.phone, 1000), 'the other hears it');
    await until(() => odd.heard.length > 5, 'it gets packets');
    assert.deepEqual(
      [...new Set(odd.heard.map(({ payload }) => payload.length))],
      [samples],
      'each of the length that was asked for',
    );
  });

test('a phone goes from A-law to G.722 and back without a word, as its offer allows', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const other = await phoneWith(undefined, 'g722');
  const leg = await engine.openRtp({ label: 'changing' });
  const wide = sine({ hz: 6000, durationMs: 1000, rateHz: 16_000 });
  const narrow = encodeG711('pcma', sine({ hz: 1000, durationMs: 1000 }));
  const encoder = new G722Encoder();
  let isWide = false;
  const changing = await sender(t, leg, 20, (n) => {
    const payload = new Uint8Array(160);
    encoder.encode(wide.subarray((n % 50) * 320, (n % 50) * 320 + 320), payload);
    const at = (n % 50) * 160;
    return writeRtp({
      payloadType: isWide ? 109 : 8,
      sequence: n,
      timestamp: n * 160,
      ssrc: 5,
      payload: isWide ? payload : narrow.subarray(at, at + 160),
    });
  });
  await leg.configure({
    codec: 'pcma',
    payloadType: 8,
    accepts: [{ payloadType: 109, codec: 'g722' }],
    direction: 'sendrecv',
    remote: { host: '127.0.0.1', port: changing.port },
  });
  const bridge = await engine.openBridge();
  await bridge.add(other.leg);
  await bridge.add(leg);
  await until(() => hears(other.phone, 1000), 'A-law is heard');
  isWide = true;
  await until(() => hears(other.phone, 6000), 'G.722 is heard with all that it carries');
  other.phone.say({ hz: 500 });
  await until(
    () => changing.heard.slice(-20).length === 20 && toneOf(changing.heard.slice(-20)) > -14,
    'what it gets is still A-law, without its own voice',
  );
  isWide = false;
  await until(() => hears(other.phone, 1000) && !hears(other.phone, 6000, -45), 'A-law again');

  function toneOf(packets: { payloadType: number; payload: Uint8Array }[]): number {
    const codes = packets.filter(({ payloadType }) => payloadType === 8).flatMap(({ payload }) => [...payload]);
    return toneLevelDb(decodeG711('pcma', Uint8Array.from(codes)), 500);
  }
});

test('comfort noise: silence is told and not sent, and is heard as noise of that level', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const other = await phoneWith(undefined);
  const leg = await engine.openRtp({ label: 'saving' });
  // Says nothing but the level of its silence.
  const saving = await sender(t, leg, 100, (n) =>
    writeRtp({ payloadType: 13, sequence: n, timestamp: n * 800, ssrc: 5, payload: Uint8Array.of(45) }),
  );
  await leg.configure({
    codec: 'pcma',
    payloadType: 8,
    comfortNoisePayloadType: 13,
    direction: 'sendrecv',
    remote: { host: '127.0.0.1', port: saving.port },
  });
  const bridge = await engine.openBridge();
  await bridge.add(other.leg);
  await bridge.add(leg);
  await until(() => {
    const heard = other.phone.lately(400);
    return heard.length >= 3200 && Math.abs(levelDb(heard) + 45) < 2;
  }, 'noise of −45 dB is heard');
  // While packets come from the other they are passed on as they are, silent or not.
  other.phone.hush();
  const passedOn = saving.heard.length;
  await until(() => saving.heard.filter(({ payloadType }) => payloadType === 13).length >= 3, 'our silence is told');
  const tellings = saving.heard.filter(({ payloadType }) => payloadType === 13);
  // A busy machine may skip ticks in between; it never tells more often.
  assert.ok(tellings[2]!.timestamp - tellings[1]!.timestamp >= 25 * 160, 'twice a second');
  const silent = saving.heard.slice(passedOn).filter(({ payloadType }) => payloadType === 8);
  assert.ok(silent.length <= 20, `and hardly anything else is sent: ${silent.length} packets`);
  const before = saving.heard.length;
  other.phone.say({ hz: 800 });
  other.phone.call({ host: other.leg.localHost, port: other.leg.localPort });
  const sound = () => saving.heard.slice(before).filter(({ payloadType }) => payloadType === 8);
  await until(() => sound().length > 30, 'sound is sent again');
  assert.ok(sound()[0]!.hasMarker, 'a talk spurt begins');
});

test('a digit for a phone without telephone-events is heard as tones, and such a phone’s tones are digits and no sound', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const old = await phoneWith(undefined, 'pcma', { telephoneEventPayloadType: undefined, inbandDigits: true });
  const modern = await phoneWith(undefined);
  const bridge = await engine.openBridge();
  await bridge.add(old.leg);
  await bridge.add(modern.leg);
  await until(async () => (await old.leg.statistics()).packetsReceived > 10, 'media flows');
  old.phone.forget();
  await old.leg.sendDigits('5#', { durationMs: 200 });
  const had = (low: number, high: number) => {
    const { heard } = old.phone;
    for (let at = 0; at + 800 <= heard.length; at += 400) {
      const part = heard.subarray(at, at + 800);
      if (toneLevelDb(part, low) > -18 && toneLevelDb(part, high) > -18) return true;
    }
    return false;
  };
  await until(() => had(770, 1336) && had(941, 1477), 'both digits sound');

  const digits: string[] = [];
  old.leg.on('digit', ({ digit, by }) => digits.push(`${digit} ${by}`));
  modern.phone.forget();
  const before = (await old.leg.statistics()).packetsReceived;
  old.phone.say(sine({ hz: [852, 1209], durationMs: 1000, levelDb: -16 }));
  await until(async () => (await old.leg.statistics()).packetsReceived > before + 40, 'the tone sounds');
  old.phone.say(undefined);
  await until(() => digits.length > 0, 'a digit');
  assert.deepEqual(digits, ['7 inband']);
  const leaked = modern.phone.heard.filter((sample) => Math.abs(sample) > 300).length;
  assert.ok(leaked <= 3 * 160, `${leaked / 8} ms of 800 ms were heard before the digit was known`);
});
