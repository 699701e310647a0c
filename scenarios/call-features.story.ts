import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Baresip } from './kit/baresip.ts';
import { HEARD_ABOVE_DB, listenFor, SILENT_BELOW_DB } from './kit/hearing.ts';
import { siteFolder } from './kit/own-site.ts';
import { loudestToneDb, toneDb } from './kit/sound.ts';
import { Tocsin } from './kit/tocsin.ts';
import { hears } from './kit/two-phones.ts';
import { until } from './kit/wait.ts';

/** None of them is a note of the music or a tone of the exchange. */
const TONE_HZ: Record<string, number> = { '1002': 700, '1004': 1000, '1005': 1240, '1006': 1750 };
/** Two notes of the music that waiting callers hear. */
const MUSIC_HZ = [392, 440];

test('a phone with nothing but keys hands on, asks back, parks and picks up', async (t) => {
  const folder = await siteFolder(t, (site) => {
    site.features = {
      parking: { ringBackS: 6 },
      pickUpGroups: [{ id: 'desk', name: { zh: '前台' }, accounts: ['1005', '1006'] }],
    };
  });
  const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off', TOCSIN_SITE: folder });
  const phone = (user: string, answer: 'auto' | 'manual' = 'auto') =>
    Baresip.start(t, { user, server: tocsin.sip, toneHz: TONE_HZ[user]!, answer });
  const [caller, first, second, third] = await Promise.all([
    phone('1002'),
    phone('1004'),
    phone('1005'),
    phone('1006', 'manual'),
  ]);
  const callFirst = async () => {
    await caller.dial('1004');
    await established(caller, first);
    await talk(caller, first);
  };

  await t.test('handed on by *1: the caller talks with the third, and has heard no digits', async () => {
    await callFirst();
    await first.press('*1');
    await hears(first, 450);
    await first.press('1005#');
    await ended(first);
    await talk(caller, second);
    assert.ok(!caller.events.some(({ type }) => type.startsWith('CALL_DTMF')), 'no digit reached the caller');
    await hangUp(caller, second);
  });

  await t.test('handed on by *1 to somebody who is not there: the two talk on', async () => {
    await callFirst();
    await first.press('*1');
    await hears(first, 450);
    await first.press('1009#');
    await talk(caller, first);
    await hangUp(caller, first);
  });

  await t.test('asked back by *2: the caller hears music and nobody, then talks with the third', async () => {
    await callFirst();
    await first.press('*2');
    await hears(first, 450);
    await first.press('1005#');
    await established(second);
    await talk(first, second, [caller]);
    const heard = (await listenFor([caller], 2)).get(caller)!;
    const music = Math.max(...MUSIC_HZ.map((hz) => loudestToneDb(heard, hz)));
    assert.ok(music > -45, `the caller hears music: ${music.toFixed(0)} dB`);
    await first.command('hangup');
    await talk(caller, second);
    await hangUp(caller, second);
  });

  await t.test('asked back by *2 and back again: the third is gone', async () => {
    await callFirst();
    await first.press('*2');
    await hears(first, 450);
    await first.press('1005#');
    await established(second);
    await first.press('*2');
    await ended(second);
    await talk(caller, first);
    await hangUp(caller, first);
  });

  await t.test('parked by *70 and taken back by the slot’s number', async () => {
    await callFirst();
    await first.press('*70');
    await ended(first);
    const parked = await entry(tocsin, 'call.parked');
    assert.equal(parked.data['slot'], '701');
    await second.dial('701');
    await established(second);
    await talk(caller, second);
    await hangUp(caller, second);
  });

  await t.test('parked too long: it comes back to the parker', async () => {
    await callFirst();
    const before = first.events.length;
    await first.press('*70');
    await first.until('CALL_CLOSED', 20_000, before);
    await first.until('CALL_ESTABLISHED', 30_000, before);
    await talk(caller, first);
    await hangUp(caller, first);
  });

  await t.test('a ringing call is picked up by *8; the phone that rang is still', async () => {
    await caller.dial('1006');
    await third.until('CALL_INCOMING');
    await second.dial('*8');
    await established(caller, second);
    await third.until('CALL_CLOSED');
    await talk(caller, second);
    await hangUp(caller, second);
  });

  await t.test('who is in no pick-up group takes nobody’s call', async () => {
    const before = third.events.length;
    await caller.dial('1006');
    await third.until('CALL_INCOMING', 20_000, before);
    await first.dial('*81006');
    await entry(tocsin, 'call.pick-up-refused');
    assert.ok(!caller.isInCall);
    await caller.command('hangup');
    await third.until('CALL_CLOSED', 20_000, before);
  });
});

/** Waits until each of these phones is in a call. */
async function established(...phones: Baresip[]): Promise<void> {
  for (const phone of phones) await until(`${phone.options.user} is in a call`, () => phone.isInCall);
}

async function ended(...phones: Baresip[]): Promise<void> {
  for (const phone of phones) await until(`${phone.options.user} is in no call`, () => !phone.isInCall);
}

async function hangUp(a: Baresip, b: Baresip): Promise<void> {
  await a.command('hangup');
  await ended(a, b);
}

/** These two hear each other, nobody hears himself, and the others hear neither of them. */
async function talk(a: Baresip, b: Baresip, others: Baresip[] = []): Promise<void> {
  await Promise.all([heardNow(a, b.options.toneHz!), heardNow(b, a.options.toneHz!)]);
  const heard = await listenFor([a, b, ...others], 1);
  for (const listener of heard.keys())
    for (const speaker of [a, b]) {
      const isHeard = listener !== speaker && !others.includes(listener);
      const level = toneDb(heard.get(listener)!, speaker.options.toneHz!);
      const words = `${listener.options.user} hears ${speaker.options.user} at ${level.toFixed(0)} dB`;
      assert.ok(isHeard ? level > HEARD_ABOVE_DB : level < SILENT_BELOW_DB, words);
    }
}

/** Waits until this phone hears a tone in what comes now, not in what it has heard before. */
async function heardNow(phone: Baresip, hz: number): Promise<void> {
  await until(`${phone.options.user} hears ${hz} Hz now`, async () => {
    const { samples, rateHz } = await phone.heard();
    const last = { rateHz, samples: samples.subarray(-Math.round(rateHz / 2)) };
    return last.samples.length > rateHz / 4 && toneDb(last, hz) > HEARD_ABOVE_DB;
  });
}

async function entry(tocsin: Tocsin, kind: string) {
  return await until(`${kind} is on the timeline`, async () => (await tocsin.timeline({ kind })).at(-1));
}
