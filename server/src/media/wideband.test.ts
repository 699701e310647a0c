import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sine, toneLevelDb } from './measure.ts';
import { engineFor, until } from './test-engine.ts';
import type { TestPhone } from './test-phone.ts';

const level = (phone: TestPhone, hz: number) => {
  const heard = phone.lately(400);
  return heard.length < phone.rateHz * 0.4 ? -Infinity : toneLevelDb(heard, hz, phone.rateHz);
};

for (const io of ['dgram', 'batched'] as const) {
  test(`two G.722 phones and one of A-law: each hears what its line can carry (${io} sockets)`, async (t) => {
    const { engine, phoneWith } = await engineFor(t, { io });
    const wide = await phoneWith(undefined, 'g722');
    const other = await phoneWith(700, 'g722');
    const narrow = await phoneWith(1500);
    wide.phone.say(sine({ hz: [1000, 6000], durationMs: 1000, rateHz: 16_000, levelDb: -16 }));
    const bridge = await engine.openBridge();
    for (const { leg } of [wide, other, narrow]) await bridge.add(leg);
    const isHeard = (phone: TestPhone, hz: number, db: number) => Math.abs(level(phone, hz) - db) < 1.5;
    await until(
      () => isHeard(other.phone, 1000, -16) && isHeard(other.phone, 6000, -16) && isHeard(other.phone, 1500, -10),
      'G.722 hears G.722 up to 7 kHz, and A-law',
    );
    await until(
      () => isHeard(narrow.phone, 1000, -16) && isHeard(narrow.phone, 700, -10) && level(narrow.phone, 2000) < -45,
      'A-law hears what lies below 4 kHz, and nothing of 6 kHz folded down to 2',
    );
    await until(
      () => isHeard(wide.phone, 700, -10) && isHeard(wide.phone, 1500, -10) && level(wide.phone, 6000) < -45,
      'nobody hears himself',
    );
    // What cannot come from 8 kHz is not there: the picture of 1500 Hz in the mirror of 4 kHz.
    assert.ok(level(wide.phone, 6500) < -45);
  });
}

test('two G.722 phones pass their packets on to each other, and are mixed when a third joins', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const [a, b] = [await phoneWith(6000, 'g722'), await phoneWith(1000, 'g722')];
  const bridge = await engine.openBridge();
  await bridge.add(a.leg);
  await bridge.add(b.leg);
  await until(async () => (await engine.snapshot()).bridges[0]!.isRelaying, 'they are relayed');
  await until(() => Math.abs(level(b.phone, 6000) + 10) < 1.5, 'b hears a');
  const c = await phoneWith(2000);
  await bridge.add(c.leg);
  await until(() => Math.abs(level(b.phone, 2000) + 10) < 1.5, 'b hears c');
  await until(() => Math.abs(level(b.phone, 6000) + 10) < 1.5, 'b still hears a');
  assert.equal(b.phone.breaks.timestamp, 0);
});

test('phones of Opus, G.722 and A-law hear each other, and digits count in the clock of Opus', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const opus = await phoneWith(1000, 'opus');
  const g722 = await phoneWith(700, 'g722');
  const narrow = await phoneWith(1500);
  const bridge = await engine.openBridge();
  for (const { leg } of [opus, g722, narrow]) await bridge.add(leg);
  const hears = (phone: TestPhone, hz: number) => Math.abs(level(phone, hz) + 10) < 2.5;
  await until(() => hears(g722.phone, 1000) && hears(narrow.phone, 1000), 'Opus is heard');
  await until(() => hears(opus.phone, 700) && hears(opus.phone, 1500), 'Opus hears');
  assert.equal(opus.phone.breaks.timestamp, 0);
  const digits: { digit: string; durationMs: number }[] = [];
  opus.leg.on('digit', ({ digit, durationMs }) => digits.push({ digit, durationMs }));
  await opus.phone.press(5, { durationMs: 100 });
  await opus.leg.sendDigits('7', { durationMs: 100 });
  await until(() => digits.length === 1 && opus.phone.events.some(({ isEnd }) => isEnd), 'both digits');
  assert.deepEqual(digits, [{ digit: '5', durationMs: 100 }]);
  assert.equal(opus.phone.events.at(-1)!.duration, 4800);
  assert.ok((await opus.leg.statistics()).jitterMs < 100);
});

test('two Opus phones pass their packets on, and are mixed when a third joins', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const [a, b] = [await phoneWith(1000, 'opus'), await phoneWith(700, 'opus')];
  const bridge = await engine.openBridge();
  await bridge.add(a.leg);
  await bridge.add(b.leg);
  await until(() => Math.abs(level(b.phone, 1000) + 10) < 2.5, 'b hears a');
  const c = await phoneWith(2000);
  await bridge.add(c.leg);
  await until(() => Math.abs(level(b.phone, 2000) + 10) < 2.5, 'b hears c');
  assert.equal(b.phone.breaks.timestamp, 0);
  assert.equal(b.phone.breaks.sequence, 0);
});

test('listeners of G.722 share one encoding', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const talker = await phoneWith(1000, 'g722');
  const bridge = await engine.openBridge();
  await bridge.add(talker.leg);
  const listeners: Awaited<ReturnType<typeof phoneWith>>[] = [];
  for (let i = 0; i < 5; i += 1) {
    const listener = await phoneWith(undefined, 'g722');
    await bridge.add(listener.leg);
    listeners.push(listener);
  }
  await until(() => listeners.every(({ phone }) => Math.abs(level(phone, 1000) + 10) < 1), 'all hear');
  const before = await engine.snapshot();
  await until(async () => (await engine.snapshot()).ticks > before.ticks + 25, 'half a second');
  const after = await engine.snapshot();
  const encodings = after.bridges[0]!.encodings - before.bridges[0]!.encodings;
  assert.ok(
    encodings <= (after.ticks - before.ticks) * 2,
    `${encodings} encodings in ${after.ticks - before.ticks} ticks`,
  );
});

test('a leg goes over to G.722 in mid-call, and a phone that sends A-law all the same is heard', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const [a, b] = [await phoneWith(1000), await phoneWith(700, 'g722')];
  const bridge = await engine.openBridge();
  await bridge.add(a.leg);
  await bridge.add(b.leg);
  await until(() => Math.abs(level(b.phone, 1000) + 10) < 1.5, 'b hears a');
  await a.leg.configure({ ...a.agreed, codec: 'g722', payloadType: 9 });
  await until(async () => (await a.leg.statistics()).packetsReceived > 60, 'a sends on');
  b.phone.forget();
  await until(() => Math.abs(level(b.phone, 1000) + 10) < 1.5, 'b hears a as before');
});

test('digits go both ways beside G.722', async (t) => {
  const { phoneWith } = await engineFor(t);
  const { phone, leg } = await phoneWith(440, 'g722');
  const digits: string[] = [];
  leg.on('digit', ({ digit }) => digits.push(digit));
  await until(async () => (await leg.statistics()).packetsReceived > 5, 'media flows');
  await phone.press(5);
  await leg.sendDigits('7');
  await until(() => digits.length === 1 && phone.events.some(({ isEnd }) => isEnd), 'both digits');
  assert.deepEqual([digits, phone.events[0]!.event], [['5'], 7]);
});
