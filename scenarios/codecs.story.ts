import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Baresip, type PhoneCodec } from './kit/baresip.ts';
import { Capture } from '../gateways/kit/test-capture.ts';
import { HEARD_ABOVE_DB, listenFor, SILENT_BELOW_DB } from './kit/hearing.ts';
import { toneDb } from './kit/sound.ts';
import { Tocsin } from './kit/tocsin.ts';
import { hears } from './kit/two-phones.ts';
import { until } from './kit/wait.ts';

/** Who has which phone, and what it says: above 4 kHz where a line of 8 kHz could not carry it. */
const PHONES = {
  g722: { user: '1002', toneHz: 5000 },
  otherG722: { user: '1004', toneHz: 700 },
  opus: { user: '1005', toneHz: 6000 },
  aLaw: { user: '1006', toneHz: 1300 },
} as const;
const UDP_AND_RTP_BYTES = 8 + 12;
/** What 5000 and 6000 Hz would become on a line of 8 kHz that did not keep them out. */
const MIRRORED_HZ = [3000, 2000];

test('phones of G.722, Opus and A-law: each hears of the others what its line can carry', async (t) => {
  const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off' });
  const start = (codec: PhoneCodec, phone: { user: string; toneHz: number }) =>
    Baresip.start(t, { ...phone, server: tocsin.sip, codec });
  const [g722, otherG722, opus, aLaw] = await Promise.all([
    start('g722', PHONES.g722),
    start('g722', PHONES.otherG722),
    start('opus', PHONES.opus),
    start('pcma', PHONES.aLaw),
  ]);
  const { toneHz: high } = PHONES.g722;

  await t.test('two of G.722: 5 kHz goes through', async () => {
    await inCall(g722, otherG722, async () => {
      await Promise.all([hears(otherG722, high), hears(g722, PHONES.otherG722.toneHz)]);
    });
  });

  await t.test('from Opus to G.722 and back: 5 and 6 kHz go through', async () => {
    await inCall(opus, g722, async () => {
      await Promise.all([hears(g722, PHONES.opus.toneHz), hears(opus, high)]);
    });
  });

  await t.test('from G.722 to A-law: 5 kHz stays out, and nothing is folded down from it', async (t) => {
    await inCall(g722, aLaw, async () => {
      await hears(g722, PHONES.aLaw.toneHz);
      await isSilent(t, aLaw, [high, ...MIRRORED_HZ]);
    });
  });

  await t.test('all in one conference: the wideband phones hear each other in full, A-law what it can', async (t) => {
    const seen = new Map([g722, opus, aLaw].map((phone) => [phone, phone.events.length]));
    for (const [phone, after] of seen) {
      await phone.dial('8003');
      await phone.until('CALL_ESTABLISHED', 20_000, after);
    }
    await Promise.all([
      hears(g722, PHONES.opus.toneHz),
      hears(g722, PHONES.aLaw.toneHz),
      hears(opus, high),
      hears(opus, PHONES.aLaw.toneHz),
    ]);
    await isSilent(t, aLaw, [high, PHONES.opus.toneHz, ...MIRRORED_HZ]);
    const figures = await until('the quality of each leg is told', async () => {
      const metrics = await (await tocsin.request('GET', '/metrics')).text();
      const scores = [...metrics.matchAll(/^tocsin_leg_mos\{.*codec="(\w+)"\} ([\d.]+)$/gm)];
      return scores.length === 3 && new Map(scores.map(([, codec, score]) => [codec!, Number(score)]));
    });
    for (const codec of ['g722', 'opus', 'pcma']) assert.ok(figures.get(codec)! > 3, `${codec}: ${figures.get(codec)}`);
    const own = await listenFor([g722, opus], 1);
    for (const phone of [g722, opus])
      assert.ok(toneDb(own.get(phone)!, phone.options.toneHz!) < SILENT_BELOW_DB, 'nobody hears himself');
    for (const [phone, after] of seen) {
      await phone.command('hangup');
      await phone.until('CALL_CLOSED', 20_000, after);
    }
  });
});

test('a phone that wants packets of 10 to 60 ms gets them, and both hear each other without a hole', async (t) => {
  const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off' });
  const phones = await Promise.all(
    [10, 30, 60].map((ptimeMs, index) =>
      Baresip.start(t, {
        ...{ user: ['1002', '1004', '1005'][index]!, toneHz: [700, 1000, 1300][index]! },
        ...{ server: tocsin.sip, codec: 'pcma' as const, ptimeMs },
      }),
    ),
  );
  const [short, middle, long] = phones as [Baresip, Baresip, Baresip];
  for (const [caller, callee] of [
    [short, long],
    [long, middle],
    [middle, short],
  ] as const)
    await t.test(`${caller.options.ptimeMs} ms and ${callee.options.ptimeMs} ms`, async (t) => {
      const trace = await Capture.start(t);
      await inCall(caller, callee, async () => {
        await Promise.all([hears(caller, callee.options.toneHz!), hears(callee, caller.options.toneHz!)]);
        const heard = await listenFor([caller, callee], 1.5);
        for (const [phone, sound] of heard) {
          const hz = (phone === caller ? callee : caller).options.toneHz!;
          // A hole of a tenth would take a decibel: what plays without one has the level of what was said.
          const level = toneDb(sound, hz);
          t.diagnostic(`${phone.options.user} hears ${hz} Hz at ${level.toFixed(1)} dB`);
          assert.ok(level > -13.5, `${phone.options.user} hears ${hz} Hz at ${level.toFixed(1)} dB`);
        }
      });
      // Who calls says how long he wants his packets; all others are of 20 ms, as we want ours, and who answers us agrees.
      const lengths = new Map<string, Set<number>>();
      const ports = await trace.fields(`udp.port == ${tocsin.sipPort} and sdp.media`, ['sdp.media.port']);
      const ours = `rtp and udp.port in {${[...new Set(ports.flatMap((line) => line.split(',')))].join(', ')}}`;
      for (const line of await trace.fields(ours, ['udp.srcport', 'udp.dstport', 'udp.length'])) {
        const [from, to, length] = line.split('\t');
        const way = `${from} → ${to}`;
        lengths.set(way, (lengths.get(way) ?? new Set()).add((Number(length) - UDP_AND_RTP_BYTES) / 8));
      }
      const sent = [...lengths.values()].map((each) => [...each].join('+'));
      assert.deepEqual(sent.sort(), [`${caller.options.ptimeMs}`, '20', '20', '20'].sort());
    });
});

async function inCall(caller: Baresip, callee: Baresip, listen: () => Promise<void>): Promise<void> {
  const [seenByCaller, seenByCallee] = [caller.events.length, callee.events.length];
  await caller.dial(callee.options.user);
  await callee.until('CALL_ESTABLISHED', 20_000, seenByCallee);
  await caller.until('CALL_ESTABLISHED', 20_000, seenByCaller);
  await listen();
  await caller.command('hangup');
  await Promise.all([
    caller.until('CALL_CLOSED', 20_000, seenByCaller),
    callee.until('CALL_CLOSED', 20_000, seenByCallee),
  ]);
}

/** Of the next second, this phone hears none of these tones, while packets come. */
async function isSilent(t: TestContext, phone: Baresip, tones: readonly number[]): Promise<void> {
  const sound = await until('it listens', async () => (await listenFor([phone], 1)).get(phone));
  for (const hz of tones) {
    if (hz >= sound.rateHz / 2) continue; // Its line cannot say what it does not carry.
    const level = toneDb(sound, hz);
    t.diagnostic(`${phone.options.user} at ${hz} Hz: ${level.toFixed(0)} dB`);
    assert.ok(level < HEARD_ABOVE_DB - 10, `${hz} Hz: ${level} dB`);
  }
}
