import assert from 'node:assert/strict';
import type { Baresip } from './baresip.ts';
import { loudestToneDb, toneDb } from './sound.ts';
import { until } from './wait.ts';

/** A tone that is there is about −10 dB; this is far below it and far above silence. */
export const AUDIBLE_DB = -30;

/** Waits until this phone hears that tone. */
export async function hears(phone: Baresip, hz: number, withinMs = 20_000): Promise<void> {
  await until(
    `${phone.options.user} hears ${hz} Hz`,
    async () => loudestToneDb(await phone.heard(), hz) > AUDIBLE_DB,
    withinMs,
  );
}

/** Calls from one phone to the other, listens both ways, and hangs up. Both must have tones of their own. */
export async function callBetween(a: Baresip, b: Baresip): Promise<void> {
  const [seenByA, seenByB] = [a.events.length, b.events.length];
  await a.dial(b.options.user);
  if (b.options.answer === 'manual') {
    await b.until('CALL_INCOMING', 20_000, seenByB);
    await b.command('accept');
  }
  await Promise.all([a.until('CALL_ESTABLISHED', 20_000, seenByA), b.until('CALL_ESTABLISHED', 20_000, seenByB)]);
  await Promise.all([hears(a, b.options.toneHz!), hears(b, a.options.toneHz!)]);
  assert.ok(toneDb(await a.heard(), a.options.toneHz!) < AUDIBLE_DB, 'nobody hears himself');
  await a.command('hangup');
  await Promise.all([a.until('CALL_CLOSED', 20_000, seenByA), b.until('CALL_CLOSED', 20_000, seenByB)]);
}
