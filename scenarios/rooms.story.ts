import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { ConferenceView, ParticipantView } from '@tocsin/protocol/views.ts';
import { Baresip } from './kit/baresip.ts';
import { HEARD_ABOVE_DB, hearingTable, listenFor, SILENT_BELOW_DB } from './kit/hearing.ts';
import { siteFolder } from './kit/own-site.ts';
import { toneDb } from './kit/sound.ts';
import { Tocsin } from './kit/tocsin.ts';
import { hears } from './kit/two-phones.ts';
import { until } from './kit/wait.ts';

const CHAIR_HZ = 523;
const MEMBER_HZ = 784;
const GUEST_HZ = 1175;

const PIN = '4711';
const CHAIR_PIN = '9999';

/** Waits until the door has spoken its words, as somebody who listens first, and presses. */
async function knock(phone: Baresip, number: string, ...tries: string[]): Promise<void> {
  const seen = phone.events.length;
  await phone.dial(number);
  await phone.until('CALL_ESTABLISHED', 20_000, seen);
  for (const keys of tries) await phone.press(`${keys}#`);
}

async function whoHears(t: TestContext, phones: Baresip[], heard: readonly (readonly [Baresip, number])[]) {
  const sounds = await listenFor(phones, 1);
  t.diagnostic(`\n${hearingTable(sounds, phones)}`);
  for (const phone of phones)
    for (const other of phones) {
      const hz = other.options.toneHz!;
      const isHeard = heard.some(([listener, tone]) => listener === phone && tone === hz);
      const level = toneDb(sounds.get(phone)!, hz);
      const words = `${phone.options.user} at ${hz} Hz: ${level.toFixed(1)} dB`;
      assert.ok(isHeard ? level > HEARD_ABOVE_DB : level < SILENT_BELOW_DB, words);
    }
}

test('a conference room with a PIN, a chair and a limit', async (t) => {
  const site = await siteFolder(t, (file) => {
    file.rooms!.push({ number: '8010', name: { zh: '密室' }, pin: PIN, chairPin: CHAIR_PIN, limit: 3, tones: true });
  });
  const tocsin = await Tocsin.start(t, { TOCSIN_SITE: site, TOCSIN_SIMULATORS: 'off' });
  const server = tocsin.sip;
  const [chair, member, guest] = await Promise.all([
    Baresip.start(t, { user: '1006', server, toneHz: CHAIR_HZ }),
    Baresip.start(t, { user: '1005', server, toneHz: MEMBER_HZ }),
    Baresip.start(t, { user: '1007', server, toneHz: GUEST_HZ }),
  ]);
  const room = async () =>
    (await tocsin.get<ConferenceView[]>('/api/conferences')).find(({ number }) => number === '8010');
  const party = async (number: string): Promise<ParticipantView | undefined> =>
    (await room())?.participants.find((each) => each.number === number);

  await t.test('three wrong PINs, and one is out; the right one lets in', async () => {
    await knock(chair, '8010', CHAIR_PIN);
    await until('the chair is in', async () => (await party('1006'))?.isChair);
    const seen = member.events.length;
    await knock(member, '8010', '1', '2', '3');
    await member.until('CALL_CLOSED', 30_000, seen);
    assert.equal((await tocsin.timeline({ kind: 'conference.pin-wrong' })).length, 3);
    assert.equal((await room())?.participants.length, 1, 'nobody has come in');
    await knock(member, '8010', PIN);
    await until('the member is in', async () => (await party('1005'))?.state === 'in');
    assert.equal((await party('1005'))?.isChair, false);
    await Promise.all([hears(chair, MEMBER_HZ), hears(member, CHAIR_HZ)]);
  });

  await t.test('a muted member raises his hand by key and is given the word by the chair’s', async (t) => {
    await knock(guest, '8010', PIN);
    await until('the guest is in', async () => (await party('1007'))?.state === 'in');
    await chair.press('*5');
    await until('all are muted', async () => (await room())?.isMutedAll);
    await whoHears(
      t,
      [chair, member, guest],
      [
        [member, CHAIR_HZ],
        [guest, CHAIR_HZ],
      ],
    );
    await member.press('*6');
    await until('his hand is up', async () => (await party('1005'))?.handUpSince !== undefined);
    assert.equal((await party('1005'))?.isMuted, true, 'he asks for the word and does not take it');
    await chair.press('*4');
    await until('he may speak', async () => (await party('1005'))?.isMuted === false);
    assert.equal((await party('1005'))?.handUpSince, undefined);
    await whoHears(
      t,
      [chair, member, guest],
      [
        [chair, MEMBER_HZ],
        [guest, MEMBER_HZ],
        [member, CHAIR_HZ],
        [guest, CHAIR_HZ],
      ],
    );
    await guest.press('*9');
    await until('the guest’s hand is up', async () => (await party('1007'))?.handUpSince !== undefined);
    await guest.press('*9');
    await until('and down again', async () => (await party('1007'))?.handUpSince === undefined);
  });

  await t.test('a fourth is told that the room is full; a locked room is closed even with the PIN', async (t) => {
    const fourth = await Baresip.start(t, { user: '1008', server });
    let seen = fourth.events.length;
    await knock(fourth, '8010', PIN);
    await fourth.until('CALL_CLOSED', 30_000, seen);
    const conference = (await room())!;
    await tocsin.command({
      do: 'conference.remove',
      conference: conference.id,
      participant: (await party('1007'))!.id,
    });
    await until('the guest is out', async () => !guest.isInCall);
    await chair.press('*7');
    await until('the room is locked', async () => (await room())?.isLocked);
    seen = fourth.events.length;
    await knock(fourth, '8010', PIN);
    await fourth.until('CALL_CLOSED', 30_000, seen);
    const turnedAway = await until('both are on the timeline', async () => {
      const found = await tocsin.timeline({ kind: 'conference.turned-away' });
      return found.length === 2 && found;
    });
    assert.deepEqual(turnedAway.map(({ data }) => data['because']).sort(), ['conference-full', 'conference-locked']);
  });

  await t.test('who is missing is called again by the rule until he is there', async (t) => {
    const { id } = (await room())!;
    await tocsin.command({ do: 'conference.add', conference: id, targets: [{ number: '1009' }] });
    await until('nobody is there', async () => (await party('1009'))?.state === 'unreachable');
    await tocsin.command({ do: 'conference.keep-calling', conference: id, rounds: 3, everyS: 10 });
    const late = await Baresip.start(t, { user: '1009', server, toneHz: GUEST_HZ });
    await until('he is in', async () => (await party('1009'))?.state === 'in', 60_000);
    await hears(late, CHAIR_HZ);
  });
});
