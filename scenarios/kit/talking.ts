import assert from 'node:assert/strict';
import type { Baresip } from './baresip.ts';
import { HEARD_ABOVE_DB, listenFor, SILENT_BELOW_DB } from './hearing.ts';
import { loudestToneDb, toneDb } from './sound.ts';
import { until } from './wait.ts';

/** The notes of the music that waiting callers hear. */
const MUSIC_HZ = [330, 392, 440, 523, 587];

/** A quick hand. */
export async function press(phone: Baresip, keys: string): Promise<void> {
  await phone.press(keys, { onMs: 100, offMs: 60 });
}

/** Waits until each of these phones is in a call. */
export async function established(...phones: Baresip[]): Promise<void> {
  for (const phone of phones) await until(`${phone.options.user} is in a call`, () => phone.isInCall);
}

export async function ended(...phones: Baresip[]): Promise<void> {
  for (const phone of phones) await until(`${phone.options.user} is in no call`, () => !phone.isInCall);
}

export async function hangUp(a: Baresip, b: Baresip): Promise<void> {
  await a.command('hangup');
  await ended(a, b);
}

/** These two hear each other, nobody hears himself, and the others hear neither of them. */
export async function talk(a: Baresip, b: Baresip, others: Baresip[] = []): Promise<void> {
  await Promise.all([heardNow(a, b.options.toneHz!), heardNow(b, a.options.toneHz!)]);
  const heard = await listenFor([a, b, ...others], 0.5);
  for (const listener of heard.keys())
    for (const speaker of [a, b]) {
      const isHeard = listener !== speaker && !others.includes(listener);
      const level = toneDb(heard.get(listener)!, speaker.options.toneHz!);
      const words = `${listener.options.user} hears ${speaker.options.user} at ${level.toFixed(0)} dB`;
      assert.ok(isHeard ? level > HEARD_ABOVE_DB : level < SILENT_BELOW_DB, words);
    }
}

/** Waits until this phone hears a tone in what comes now, not in what it has heard before. */
export async function heardNow(phone: Baresip, hz: number): Promise<void> {
  await until(`${phone.options.user} hears ${hz} Hz now`, async () => {
    const { samples, rateHz } = await phone.heard();
    const last = { rateHz, samples: samples.subarray(-Math.round(rateHz / 2)) };
    return last.samples.length > rateHz / 4 && toneDb(last, hz) > HEARD_ABOVE_DB;
  });
}

/** Waits until this phone hears the music of those who wait. */
export async function hearsMusic(phone: Baresip): Promise<void> {
  await until(`${phone.options.user} hears music`, async () => {
    const heard = (await listenFor([phone], 1)).get(phone)!;
    return Math.max(...MUSIC_HZ.map((hz) => loudestToneDb(heard, hz))) > -45;
  });
}
