import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Baresip } from './kit/baresip.ts';
import { Linphone } from './kit/linphone.ts';
import { HEARD_ABOVE_DB } from './kit/hearing.ts';
import { OwnPhone } from './kit/own-phone.ts';
import { toneDb, type Heard } from './kit/sound.ts';
import { siteFolder } from './kit/own-site.ts';
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

test('a second phone takes the place of a talking one by INVITE with Replaces; who has not proved himself may not', async (t) => {
  const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off' });
  const partner = await Baresip.start(t, { user: '1002', server: tocsin.sip, toneHz: CALLER_HZ });
  const bare = { user: '1006', server: tocsin.sip, registers: false };
  const desk = await OwnPhone.start(t, { ...bare, toneHz: ASKER_HZ });
  const mobile = await OwnPhone.start(t, { ...bare, toneHz: THIRD_HZ });
  const first = await desk.call('1002');
  assert.ok(first.kind === 'answered');
  await Promise.all([hearsNow(partner, ASKER_HZ), until('he is heard', () => desk.hears(CALLER_HZ))]);
  const isOver = Promise.withResolvers<void>();
  first.dialog.on('ended', () => isOver.resolve());

  const { callId, localTag, remoteTag } = first.dialog;
  const dialog = `${callId};to-tag=${remoteTag};from-tag=${localTag}`;
  const stranger = await mobile.call('1002', { replaces: dialog, password: 'wrong' });
  assert.ok(stranger.kind === 'refused' && stranger.status === 401, JSON.stringify(stranger));
  const wrong = await mobile.call('1002', { replaces: `${callId};to-tag=none;from-tag=${localTag}` });
  assert.ok(wrong.kind === 'refused' && wrong.status === 481, JSON.stringify(wrong));
  assert.ok(desk.hears(CALLER_HZ), 'the talk goes on');

  const second = await mobile.call('1002', { replaces: dialog });
  assert.ok(second.kind === 'answered', JSON.stringify(second));
  await isOver.promise;
  await Promise.all([hearsNow(partner, THIRD_HZ), until('he is heard', () => mobile.hears(CALLER_HZ))]);
  await until('the first phone is heard no more', async () => !(await isHeardNow(partner, ASKER_HZ)));
  assert.ok(partner.isInCall);
  await second.dialog.bye();
  await until('the partner is in no call', () => !partner.isInCall);
});

test('a call that rings is taken by INVITE with Replaces, by whoever may pick it up', async (t) => {
  const site = await siteFolder(t, (file) => {
    file.features = { pickUpGroups: [{ id: 'desk', name: { zh: '前台' }, accounts: ['1005', '1006'] }] };
  });
  const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off', TOCSIN_SITE: site });
  const server = tocsin.sip;
  const [caller, rings, colleague, stranger] = await Promise.all([
    Baresip.start(t, { user: '1002', server, toneHz: CALLER_HZ }),
    OwnPhone.start(t, { user: '1006', server, toneHz: ASKER_HZ, onlyRings: true }),
    OwnPhone.start(t, { user: '1005', server, toneHz: THIRD_HZ }),
    OwnPhone.start(t, { user: '1004', server, toneHz: ASKER_HZ }),
  ]);
  await caller.dial('1006');
  const wanted = await until('the phone rings', () => rings.ringing);
  const [callId] = wanted.split(';');
  const refused = await stranger.call('1006', { replaces: wanted });
  assert.ok(refused.kind === 'refused' && refused.status === 403, JSON.stringify(refused));
  const unknown = await colleague.call('1006', { replaces: `${callId};to-tag=none;from-tag=none` });
  assert.ok(unknown.kind === 'refused' && unknown.status === 481, JSON.stringify(unknown));
  assert.equal(rings.ringing, wanted, 'it rings on');

  const taken = await colleague.call('1006', { replaces: `${wanted};early-only` });
  assert.ok(taken.kind === 'answered', JSON.stringify(taken));
  await Promise.all([hearsNow(caller, THIRD_HZ), until('he is heard', () => colleague.hears(CALLER_HZ))]);
  await until('the phone that rang is still', () => rings.ringing === undefined);
  const [entry] = await tocsin.timeline({ kind: 'call.picked-up' });
  assert.deepEqual(entry?.data, { by: '1005', from: '1006' });
  await taken.dialog.bye();
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
