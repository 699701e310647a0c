import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { LedgerRow, LedgerState } from '@tocsin/protocol/views.ts';
import { Capture } from '../gateways/kit/test-capture.ts';
import { Baresip } from './kit/baresip.ts';
import { HEARD_ABOVE_DB, hearingTable, listenFor, SILENT_BELOW_DB } from './kit/hearing.ts';
import { planFolder, stepOf } from './kit/own-plans.ts';
import { siteFolder } from './kit/own-site.ts';
import { decliningPhone } from './kit/sipp.ts';
import { loudestToneDb, toneDb, type Heard } from './kit/sound.ts';
import { readWav, toMono } from '@tocsin/server/media';
import { Tocsin } from './kit/tocsin.ts';
import { until } from './kit/wait.ts';

/** Who speaks with which tone: no sum, difference or harmonic of them is another. */
const TONES = {
  '1004': 861,
  '1005': 966,
  '1006': 1244,
  '1007': 1421,
  '1008': 2042,
  '1009': 2260,
  '1017': 2411,
  '1018': 2504,
  '1016': 2760,
  '1014': 2921,
} as const;
type User = keyof typeof TONES;

const SILENT = '1014';
const BUSY = '1016';
const DECLINING = '1019';
const EIGHT = ['1004', '1005', '1006', '1007', '1008', '1009', '1017', '1018'] as const satisfies User[];
const DEPUTY_OF_BUSY = '1017';
const DEPUTY_OF_DECLINING = '1018';

const PERSON: Record<string, string> = {
  '1004': 'shen-guohua',
  '1005': 'zhao-guodong',
  '1006': 'zhang-haiyan',
  '1007': 'ma-zhiqiang',
  '1008': 'xu-jing',
  '1009': 'wang-jianguo',
  '1014': 'yang-fan',
  '1016': 'feng-tao',
  '1017': 'wu-xiaomei',
  '1018': 'zheng-kai',
  [DECLINING]: 'sun-liping',
};

/** The demo site with nine people in the response, each with the phone on his desk only; one round of calls. */
async function environmentOf(t: TestContext) {
  const deputies: Record<string, string[]> = {
    'feng-tao': ['wu-xiaomei'],
    'sun-liping': ['zheng-kai'],
    'yang-fan': [],
  };
  const called = ['1004', '1005', '1006', '1007', '1008', '1009', SILENT, BUSY, DECLINING].map((user) => PERSON[user]!);
  const site = await siteFolder(t, ({ people, groups = [] }) => {
    for (const person of people) {
      person.numbers = person.numbers?.filter(({ kind }) => kind === 'desk');
      person.deputies = deputies[person.id] ?? person.deputies;
    }
    for (const group of groups) group.people = called;
  });
  const plans = await planFolder(t, {
    'flood-level-1': (plan) => (stepOf(plan, 'conference')['retries'] = 0),
  });
  return { TOCSIN_SITE: site, TOCSIN_PLANS: plans };
}

test('one press calls eight phones into one conference, where each hears the seven others', async (t) => {
  const tocsin = await Tocsin.start(t, await environmentOf(t));
  const phones = new Map<string, Baresip>();
  await Promise.all(
    (Object.keys(TONES) as User[]).map(async (user) =>
      phones.set(
        user,
        await Baresip.start(t, {
          user,
          server: tocsin.sip,
          toneHz: TONES[user],
          answer: user === BUSY ? 'manual' : 'auto',
        }),
      ),
    ),
  );
  const phone = (user: User) => phones.get(user)!;
  const declining = await decliningPhone(t, { user: DECLINING, password: 'tocsin-demo', server: tocsin.sip });
  const eight = EIGHT.map(phone);
  const capture = await Capture.start(t);

  const lead = await tocsin.login('lead');
  const { id: run } = await tocsin.post<{ id: string }>('/api/plans/flood-level-1/runs', {}, lead);
  const people = EIGHT.slice(1);
  await Promise.all([
    ...people.map(async (user) => {
      await phone(user).until('CALL_ESTABLISHED', 60_000);
      await phone(user).press('1');
    }),
    phone(BUSY)
      .until('CALL_INCOMING', 60_000)
      .then(() => phone(BUSY).command('hangup')),
  ]);

  /** Newest place of a person in the conference, as the timeline tells it. */
  const place = async (user: string) => {
    const entries = await tocsin.timeline({ run, kind: 'conference.' });
    const entry = entries.findLast((each) => each.person === PERSON[user] && each.data['participant'] !== undefined);
    return entry && { id: entry.data['participant'] as string, is: entry.kind.replace('conference.participant-', '') };
  };
  const untilIs = (user: string, state: string) =>
    until(`${user} is ${state}`, async () => (await place(user))?.is === state, 60_000).catch(
      async (error: unknown) => {
        console.log(user, await place(user), await tocsin.timeline({ run, kind: 'conference.' }));
        throw error;
      },
    );
  await Promise.all(EIGHT.map((user) => untilIs(user, 'in')));
  const [opened] = await tocsin.timeline({ run, kind: 'conference.opened' });
  const conference = opened!.data['conference'] as string;
  const participant = async (user: string) => (await place(user))!.id;
  const chair = (command: Parameters<Tocsin['command']>[0]) => tocsin.command(command, lead);

  await t.test('each of the eight hears the seven others and not himself', async () => {
    const heard = await listenFor(eight, 4);
    console.log(hearingTable(heard, eight));
    for (const [listener, sound] of heard)
      for (const speaker of eight) expectTone(sound, speaker, speaker !== listener, listener);
  });

  await t.test('SIP, RTP and RTCP of the run dissect without a complaint', async () => {
    const { sip, rtp, rtcp, complaints } = await capture.dissect(tocsin.sipPort);
    console.log(`tshark: ${sip} SIP, ${rtp} RTP and ${rtcp} RTCP packets, ${complaints.length} complaints`);
    assert.ok(rtcp > 0, 'the legs report');
    // INVITE, final answer and ACK of eleven calls; eight phones that hear and are heard for four seconds.
    assert.ok(sip >= 33 && rtp >= 8 * 2 * 4 * 50, `${sip} SIP, ${rtp} RTP`);
    assert.deepEqual(complaints.slice(0, 10), []);
  });

  await t.test('who is muted by the chair hears, and is not heard until he is unmuted', async () => {
    const muted = phone('1006');
    await chair({ do: 'conference.mute', conference, participant: await participant('1006'), isMuted: true });
    const quiet = await listenFor([phone('1005'), muted], 2);
    expectTone(quiet.get(phone('1005'))!, muted, false, phone('1005'));
    expectTone(quiet.get(muted)!, phone('1005'), true, muted);
    await chair({ do: 'conference.mute', conference, participant: await participant('1006'), isMuted: false });
    const again = await listenFor([phone('1005')], 2);
    expectTone(again.get(phone('1005'))!, muted, true, phone('1005'));
  });

  await t.test('who is removed is hung up on and is no longer heard', async () => {
    const removed = phone('1007');
    const before = removed.events.length;
    await chair({ do: 'conference.remove', conference, participant: await participant('1007') });
    await removed.until('CALL_CLOSED', 20_000, before);
    const heard = await listenFor([phone('1005')], 2);
    expectTone(heard.get(phone('1005'))!, removed, false, phone('1005'));
    assert.equal((await place('1007'))?.is, 'removed');
  });

  await t.test('who hung up is called again by redial, presses 1 and is heard again', async () => {
    const gone = phone('1008');
    const before = gone.events.length;
    await gone.command('hangup');
    await untilIs('1008', 'left');
    const { calling } = (await chair({
      do: 'conference.redial',
      conference,
      participant: await participant('1008'),
    })) as { calling: number };
    assert.equal(calling, 1);
    await gone.until('CALL_ESTABLISHED', 30_000, before);
    await gone.press('1');
    await untilIs('1008', 'in');
    const heard = await listenFor([phone('1005'), gone], 2);
    expectTone(heard.get(phone('1005'))!, gone, true, phone('1005'));
    expectTone(heard.get(gone)!, phone('1005'), true, gone);
  });

  await t.test('who is added by the chair comes in as he answers', async () => {
    const added = phone(BUSY);
    const before = added.events.length;
    await chair({ do: 'conference.add', conference, targets: [{ person: PERSON[BUSY]! }] });
    await added.until('CALL_INCOMING', 30_000, before);
    await added.command('accept');
    await untilIs(BUSY, 'in');
    const heard = await listenFor([phone('1005'), added], 2);
    expectTone(heard.get(phone('1005'))!, added, true, phone('1005'));
    expectTone(heard.get(added)!, phone('1005'), true, added);
  });

  await t.test('a phone on which nobody presses 1 never enters', async () => {
    await untilIs(SILENT, 'voicemail');
    await phone(SILENT).until('CALL_CLOSED', 20_000);
    const entries = await tocsin.timeline({ run, kind: 'conference.participant-in' });
    assert.deepEqual(
      entries.filter((entry) => entry.person === PERSON[SILENT]),
      [],
    );
    const sound = await phone(SILENT).heard();
    const others = eight.map((speaker) => loudestToneDb(sound, speaker.options.toneHz!));
    const seconds = sound.samples.length / sound.rateHz;
    console.log(
      `the silent phone heard ${seconds.toFixed(1)} s, of the others' tones at most ${Math.max(...others).toFixed(0)} dB`,
    );
    // Its steady tone is a machine's, which gets half of the time that a person has.
    assert.ok(seconds > 12 && seconds < 28, `${seconds} s`);
    const left = await tocsin.timeline({ run, kind: 'conference.participant-voicemail' });
    assert.equal(left.find((entry) => entry.person === PERSON[SILENT])?.data['because'], 'answering-machine');
    for (const speaker of eight) assert.ok(toneDb(sound, speaker.options.toneHz!) < SILENT_BELOW_DB);
    const heard = await listenFor([phone('1005')], 1);
    expectTone(heard.get(phone('1005'))!, phone(SILENT), false, phone('1005'));
  });

  await t.test('the ledger tells every state of everyone, with its time', async () => {
    const { ledger, figures } = await tocsin.run(run);
    console.log(`first INVITE after ${figures.firstInviteMs} ms, all dialled after ${figures.allDialledMs} ms`);
    const voice = ledger.filter((row) => row.channel === 'voice' && row.step === 'conference');
    const row = (user: string) => {
      const rows = voice.filter((each) => each.person === PERSON[user]);
      assert.equal(rows.length, 1, `rows of ${PERSON[user]}`);
      return rows[0]!;
    };
    for (const each of voice) console.log(`${each.person}: ${each.history.map(({ state }) => state).join(' → ')}`);
    for (const user of ['1005', '1006', '1009']) expectHistory(row(user), ['sent', 'answered', 'confirmed', 'joined']);
    expectHistory(row('1007'), ['sent', 'answered', 'confirmed', 'joined', 'left']);
    expectHistory(row('1008'), ['sent', 'answered', 'confirmed', 'joined', 'left', 'sent', 'answered', 'joined']);
    expectHistory(row(SILENT), ['sent', 'answered', 'voicemail']);
    expectHistory(row(BUSY), ['sent', 'rung', 'busy', 'replaced']);
    expectHistory(row(DECLINING), ['sent', 'rung', 'refused', 'replaced']);
    for (const [deputy, of] of [
      [DEPUTY_OF_BUSY, BUSY],
      [DEPUTY_OF_DECLINING, DECLINING],
    ] as const) {
      assert.equal(row(deputy).standsInFor, PERSON[of]);
      expectHistory(row(deputy), ['sent', 'answered', 'confirmed', 'joined']);
    }
    assert.equal(await declining.refused, 0, 'SIPp saw its 603 acknowledged');
  });

  await t.test('the recording of the conference is on the timeline and holds the tones', async () => {
    await chair({ do: 'conference.end', conference });
    const closed = await until(
      'the recording is closed',
      async () =>
        (await tocsin.timeline({ run, kind: 'recording.closed' })).find((entry) =>
          (entry.data['title'] as string).includes(opened!.data['number'] as string),
        ),
      30_000,
    );
    const [blob] = closed.blobs;
    assert.ok(blob);
    const head = await fetch(`${tocsin.http}${blob.url}`, {
      headers: { authorization: `Bearer ${tocsin.token}`, range: 'bytes=0-43' },
    });
    assert.equal(head.status, 206);
    assert.match(head.headers.get('content-range') ?? '', /^bytes 0-43\/\d+$/);
    const header = Buffer.from(await head.arrayBuffer());
    assert.equal(header.length, 44);
    assert.equal(header.subarray(0, 4).toString(), 'RIFF');
    const whole = await tocsin.request('GET', blob.url);
    const reading = readWav(new Uint8Array(await whole.arrayBuffer()));
    assert.ok(reading.kind === 'sound');
    const sound = { rateHz: reading.sound.rateHz, samples: toMono(reading.sound) };
    console.log(
      `recording: ${(sound.samples.length / sound.rateHz).toFixed(1)} s, ${eight.map((each) => `${each.options.toneHz}:${loudestToneDb(sound, each.options.toneHz!).toFixed(0)}`).join(' ')}`,
    );
    for (const speaker of eight) assert.ok(loudestToneDb(sound, speaker.options.toneHz!) > HEARD_ABOVE_DB);
    await Promise.all(eight.map((each) => until('the phones are hung up on', () => !each.isInCall)));
  });
});

function expectTone(sound: Heard, speaker: Baresip, isHeard: boolean, listener: Baresip): void {
  const level = toneDb(sound, speaker.options.toneHz!);
  const what = `${listener.options.user} hears ${speaker.options.user} at ${level.toFixed(0)} dB`;
  assert.ok(isHeard ? level > HEARD_ABOVE_DB : level < SILENT_BELOW_DB, what);
}

/** The states have come in this order, others between them allowed; the times do not go back. */
function expectHistory({ person, history }: LedgerRow, expected: LedgerState[]): void {
  const states = history.map(({ state }) => state);
  let at = -1;
  for (const state of expected) {
    at = states.indexOf(state, at + 1);
    assert.notEqual(at, -1, `${person}: ${states.join(' → ')} lacks ${expected.join(' → ')}`);
  }
  for (const [index, each] of history.entries())
    assert.ok(index === 0 || each.at >= history[index - 1]!.at, `${person}: ${each.state} is before its predecessor`);
}
