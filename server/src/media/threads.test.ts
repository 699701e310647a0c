import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { toneLevelDb } from './measure.ts';
import type { RtpPort } from './rtp-port.ts';
import { engineFor, until } from './test-engine.ts';
import type { TestPhone } from './test-phone.ts';
import { FRAME_RING_BYTES, FrameRing } from './worker/frame-ring.ts';
import { readWav } from './wav.ts';

const hears = (phone: TestPhone, hz: number, aboveDb = -27) => {
  const heard = phone.lately(400);
  return heard.length >= phone.rateHz * 0.4 && toneLevelDb(heard, hz, phone.rateHz) > aboveDb;
};

test('frames go from thread to thread in order; a reader that is late skips, one that is early waits', () => {
  const memory = new SharedArrayBuffer(FRAME_RING_BYTES);
  const [writer, reader] = [new FrameRing(memory), new FrameRing(memory)];
  const write = (value: number) => {
    writer.next.fill(value);
    writer.push(value);
  };
  const frame = new Int16Array(320);
  const read = () => (reader.pull(frame) === 0 ? 0 : frame[319]!);
  assert.equal(read(), 0);
  write(1);
  assert.equal(read(), 0, 'it begins with two');
  write(2);
  assert.deepEqual([read(), read(), read()], [1, 2, 0]);
  write(3);
  assert.equal(read(), 0, 'and again after it ran dry');
  for (let value = 4; value < 10; value += 1) write(value);
  assert.deepEqual([read(), read(), read()], [8, 9, 0], 'too many: only the newest two');
});

for (const io of ['dgram', 'batched'] as const)
  test(`a conference larger than a thread's share spans threads: all hear all but themselves, mutes and records (${io})`, async (t) => {
    const { engine, phoneWith } = await engineFor(t, { io, threads: 3, legsPerThread: 2 });
    const tones = [400, 700, 1000, 1300, 1700];
    const phones: { phone: TestPhone; leg: RtpPort }[] = [];
    for (const [n, hz] of tones.entries()) phones.push(await phoneWith(hz, n === 3 ? 'g722' : 'pcma'));
    // So quiet that all together are not yet bent.
    for (const [n, { phone }] of phones.entries()) phone.say({ hz: tones[n]!, levelDb: -24 });
    const bridge = await engine.openBridge({ label: 'large' });
    const recorder = await engine.openRecorder({ file: 'large.wav' });
    await bridge.add(recorder, { heardBy: 'nobody' });
    for (const { leg } of phones) await bridge.add(leg);
    assert.equal((await engine.snapshot()).threads, 3);
    for (const [index, { phone }] of phones.entries())
      await until(
        () => tones.every((hz, other) => (other === index ? !hears(phone, hz, -50) : hears(phone, hz))),
        `phone ${index} hears the others only`,
      );
    await bridge.setMuted(phones[4]!.leg, true);
    await until(() => !hears(phones[0]!.phone, tones[4]!, -50), 'who is muted in another thread is not heard');
    await bridge.setMuted(phones[4]!.leg, false);

    const page = await engine.openPlayback({ source: { kind: 'tone', hz: [2100], levelDb: -24 } });
    await bridge.add(page, { hears: 'nobody' });
    await until(() => phones.every(({ phone }) => hears(phone, 2100)), 'an announcement reaches every thread');
    const room = (await engine.snapshot()).bridges[0]!;
    assert.equal(room.members.filter(({ id }) => id.startsWith('rtp')).length, 5);
    await page.close();
    const prompt = await engine.openPlayback({ source: { kind: 'tone', hz: [2500], levelDb: -24 } });
    await bridge.add(prompt, { hears: 'nobody', heardBy: [phones[4]!.leg.id] });
    await until(() => hears(phones[4]!.phone, 2500), 'a prompt for one of another thread reaches him');
    assert.ok(!hears(phones[0]!.phone, 2500, -50), 'and nobody else');

    const { file } = await recorder.close();
    const read = readWav(await readFile(file));
    assert(read.kind === 'sound');
    const all = read.sound.channels[0]!;
    const heard = all.subarray(Math.max(0, all.length - 8000));
    for (const hz of tones) assert.ok(toneLevelDb(heard, hz) > -30, `${hz} Hz is in the recording`);
  });

test('threads are started when they are needed, and filled again when legs have gone', async (t) => {
  const { engine, phoneWith } = await engineFor(t, { threads: 2, legsPerThread: 2 });
  const [a] = [await phoneWith(undefined), await phoneWith(undefined)];
  assert.equal((await engine.snapshot()).threads, 1);
  await phoneWith(undefined);
  assert.equal((await engine.snapshot()).threads, 2);
  await a.leg.close();
  const [x, y] = [await phoneWith(500), await phoneWith(900)];
  await Promise.all([x.leg.close(), y.leg.close()]);
});

test('a thread that dies takes its own calls and the conferences that span it, and no others', async (t) => {
  const { engine, phoneWith } = await engineFor(t, { threads: 2, legsPerThread: 3 });
  const legs: { phone: TestPhone; leg: RtpPort }[] = [];
  for (let n = 0; n < 5; n += 1) legs.push(await phoneWith(400 + n * 300));
  const closed = new Set<number>();
  for (const [n, { leg }] of legs.entries()) leg.on('closed', () => closed.add(n));
  const call = await engine.openBridge();
  await call.add(legs[0]!.leg);
  await call.add(legs[1]!.leg);
  const conference = await engine.openBridge();
  await conference.add(legs[2]!.leg);
  await conference.add(legs[3]!.leg);
  await until(() => hears(legs[1]!.phone, 400) && hears(legs[2]!.phone, 1300), 'both talk');
  await engine.killThread(1);
  await until(() => closed.size === 3, 'its legs and those of the conference end');
  assert.deepEqual([...closed].sort(), [2, 3, 4]);
  legs[1]!.phone.forget();
  await until(() => hears(legs[1]!.phone, 400), 'the call goes on');
  const next = await phoneWith(600);
  await call.add(next.leg);
  await until(() => hears(legs[1]!.phone, 600), 'and there is a thread again');
});
