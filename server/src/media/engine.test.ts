import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemChance } from '#kernel/chance.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { openMediaEngine, type MediaEngineOptions } from './engine.ts';
import { toneLevelDb } from './measure.ts';
import type { RtpPort } from './rtp-port.ts';
import { openTestPhone, type TestPhone } from './test-phone.ts';
import { readWav } from './wav.ts';

async function engineFor(t: TestContext, options: Partial<MediaEngineOptions> = {}) {
  const recordingsFolder = await mkdtemp(join(tmpdir(), 'tocsin-media-'));
  const engine = await openMediaEngine({
    host: '127.0.0.1',
    rtpPorts: [0, 0],
    clock: systemClock,
    chance: systemChance,
    log: silentLog,
    recordingsFolder,
    ...options,
  });
  t.after(async () => {
    await engine[Symbol.asyncDispose]();
    await rm(recordingsFolder, { recursive: true });
  });
  const phones: TestPhone[] = [];
  t.after(async () => {
    for (const phone of phones) await phone[Symbol.asyncDispose]();
  });
  async function phoneWith(
    hz: number | undefined,
    law: 'pcma' | 'pcmu' = 'pcma',
  ): Promise<{ phone: TestPhone; leg: RtpPort }> {
    const phone = await openTestPhone({ law });
    phones.push(phone);
    const leg = await engine.openRtp({ label: `tone ${hz}` });
    await leg.configure({
      codec: law,
      payloadType: law === 'pcma' ? 8 : 0,
      telephoneEventPayloadType: 101,
      remote: { host: phone.host, port: phone.port },
      direction: 'sendrecv',
    });
    phone.say(hz === undefined ? undefined : { hz });
    phone.call({ host: leg.localHost, port: leg.localPort });
    return { phone, leg };
  }
  return { engine, phoneWith, recordingsFolder };
}

for (const io of ['dgram', 'batched'] as const) {
  test(`three phones on a bridge hear each other but not themselves (${io})`, async (t) => {
    const { engine, phoneWith } = await engineFor(t, { io });
    const tones = [400, 1000, 1700];
    const phones = [await phoneWith(400), await phoneWith(1000, 'pcmu'), await phoneWith(1700)];
    const bridge = await engine.openBridge();
    for (const { leg } of phones) await bridge.add(leg);
    await sleep(1200);
    for (const [index, { phone }] of phones.entries()) {
      const heard = phone.lately(500);
      for (const [other, hz] of tones.entries()) {
        const level = toneLevelDb(heard, hz);
        if (other === index) assert.ok(level < -45, `phone ${index} hears itself at ${level} dB`);
        else assert.ok(Math.abs(level + 10) < 1, `phone ${index} hears ${hz} Hz at ${level} dB`);
      }
    }
  });
}

test('a recorder keeps what was said on the bridge', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const [a, b] = [await phoneWith(500), await phoneWith(1500)];
  const bridge = await engine.openBridge();
  await bridge.add(a!.leg);
  await bridge.add(b!.leg);
  await sleep(300);
  const recorder = await engine.openRecorder({ file: 'today/one.wav' });
  await bridge.add(recorder);
  await sleep(1000);
  const { file, durationMs, sha256 } = await recorder.close();
  assert.ok(durationMs > 800 && durationMs < 1500, `${durationMs} ms`);
  assert.match(sha256, /^[0-9a-f]{64}$/);
  const reading = readWav(await readFile(file));
  assert.equal(reading.kind, 'sound');
  if (reading.kind !== 'sound') return;
  const samples = reading.sound.channels[0]!.subarray(1600, 1600 + 4000);
  assert.ok(Math.abs(toneLevelDb(samples, 500) + 10) < 1);
  assert.ok(Math.abs(toneLevelDb(samples, 1500) + 10) < 1);
});

test('a playback is heard by everyone and encoded once', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const phones = [];
  for (let i = 0; i < 8; i += 1) phones.push(await phoneWith(undefined));
  const bridge = await engine.openBridge();
  for (const { leg } of phones) await bridge.add(leg);
  const playback = await engine.openPlayback({ source: { kind: 'tone', hz: [800], onMs: 1000 } });
  await bridge.add(playback);
  assert.equal(await playback.ended, 'finished');
  for (const { phone } of phones) assert.ok(toneLevelDb(phone.lately(800), 800) > -16);
  const [room] = (await engine.snapshot()).bridges;
  assert.ok(room!.encodings >= 45 && room!.encodings <= 65, `${room!.encodings} encodings for 50 frames`);
});
