import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Baresip } from './kit/baresip.ts';
import { Linphone } from './kit/linphone.ts';
import { HEARD_ABOVE_DB } from './kit/hearing.ts';
import { toneDb, type Heard } from './kit/sound.ts';
import { Tocsin } from './kit/tocsin.ts';
import { until } from './kit/wait.ts';

const CALLER_HZ = 700;
const ASKER_HZ = 1000;
const THIRD_HZ = 1240;

test('linphone asks a colleague back and joins him with its caller, who never hears both at once', async (t) => {
  const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off' });
  const server = tocsin.sip;
  const [caller, third, asker] = await Promise.all([
    Baresip.start(t, { user: '1002', server, toneHz: CALLER_HZ }),
    Baresip.start(t, { user: '1005', server, toneHz: THIRD_HZ }),
    Linphone.start(t, { user: '1004', server, toneHz: ASKER_HZ }),
  ]);
  await caller.dial('1004');
  await Promise.all([hearsNow(caller, ASKER_HZ), hearsNow(asker, CALLER_HZ)]);

  await asker.type('pause');
  await hearsMusicNow(caller);
  await asker.call('1005');
  await Promise.all([hearsNow(third, ASKER_HZ), hearsNow(asker, THIRD_HZ)]);
  assert.ok(!(await isHeardNow(caller, ASKER_HZ)), 'the caller waits and does not hear the consultation');
  assert.ok(!(await isHeardNow(caller, THIRD_HZ)), 'nor whom is asked');
  await hearsMusicNow(caller);

  await asker.type('transfer 1 --to-call 2');
  await Promise.all([hearsNow(caller, THIRD_HZ), hearsNow(third, CALLER_HZ)]);
  await until('nobody hears linphone any more', async () => {
    return !(await isHeardNow(third, ASKER_HZ)) && !(await isHeardNow(caller, ASKER_HZ));
  });
  const ended = await until('the consultation is over', async () => (await tocsin.timeline({ kind: 'call.ended' }))[0]);
  assert.equal(ended.data['because'], 'transferred');

  await third.command('hangup');
  await until('the caller is in no call', () => !caller.isInCall);
});

/** The last half second that a phone has heard. */
async function now(phone: { heard(): Promise<Heard> }): Promise<Heard> {
  const { samples, rateHz } = await phone.heard();
  return { rateHz, samples: samples.subarray(-Math.round(rateHz / 2)) };
}

async function isHeardNow(phone: { heard(): Promise<Heard> }, hz: number): Promise<boolean> {
  return toneDb(await now(phone), hz) > HEARD_ABOVE_DB;
}

async function hearsNow(phone: Baresip | Linphone, hz: number): Promise<void> {
  const user = phone instanceof Linphone ? phone.user : phone.options.user;
  await until(`${user} hears ${hz} Hz now`, () => isHeardNow(phone, hz));
}

/** Notes of the music that waiting callers hear. */
async function hearsMusicNow(phone: Baresip): Promise<void> {
  await until('music is heard', async () => {
    const heard = await now(phone);
    return [392, 440, 523, 587, 330].some((hz) => toneDb(heard, hz) > -35);
  });
}
