import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { Baresip } from './kit/baresip.ts';
import { listenFor, SILENT_BELOW_DB } from './kit/hearing.ts';
import { siteFolder } from './kit/own-site.ts';
import { toneDb, writeTone } from './kit/sound.ts';
import { watchesLamp } from './kit/sipp.ts';
import { ended, established, hangUp, heardNow, hearsMusic, press, talk } from './kit/talking.ts';
import { Tocsin } from './kit/tocsin.ts';
import { hears } from './kit/two-phones.ts';
import { until } from './kit/wait.ts';

/** None of them is a note of the music or a tone of the exchange. */
const TONE_HZ: Record<string, number> = { '1002': 700, '1004': 1000, '1005': 1240, '1006': 1750 };
const ANSWER_HZ = 2000;

test('a phone with nothing but keys hands on, asks back, parks and picks up', async (t) => {
  const folder = await siteFolder(t, (site) => {
    site.features = {
      parking: { ringBackS: 6 },
      answers: [{ id: 'opening-hours', name: { zh: '营业时间' }, file: 'opening-hours.wav' }],
      pickUpGroups: [{ id: 'desk', name: { zh: '前台' }, accounts: ['1005', '1006'] }],
    };
  });
  await writeTone(join(folder, 'opening-hours.wav'), ANSWER_HZ, 20);
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
    await press(first, '*1');
    await hears(first, 450);
    await press(first, '1005#');
    await ended(first);
    await talk(caller, second);
    assert.ok(!caller.events.some(({ type }) => type.startsWith('CALL_DTMF')), 'no digit reached the caller');
    await hangUp(caller, second);
  });

  await t.test('handed on by *1 to somebody who is not there: the two talk on', async () => {
    await callFirst();
    await press(first, '*1');
    await hears(first, 450);
    await press(first, '1009#');
    await talk(caller, first);
    await hangUp(caller, first);
  });

  await t.test('asked back by *2: the caller hears music and nobody, then talks with the third', async () => {
    await callFirst();
    await press(first, '*2');
    await hears(first, 450);
    await press(first, '1005#');
    await established(second);
    await talk(first, second, [caller]);
    await hearsMusic(caller);
    await first.command('hangup');
    await talk(caller, second);
    await hangUp(caller, second);
  });

  await t.test('asked back by *2 and back again: the third is gone', async () => {
    await callFirst();
    await press(first, '*2');
    await hears(first, 450);
    await press(first, '1005#');
    await established(second);
    await press(first, '*2');
    await ended(second);
    await talk(caller, first);
    await hangUp(caller, first);
  });

  await t.test('a third is called in by *3, and leaves; the two never notice a gap', async () => {
    await callFirst();
    const before = [caller.events.length, first.events.length];
    await press(first, '*3');
    await hears(first, 450);
    await press(first, '1005#');
    await established(second);
    await allTalk([caller, first, second]);
    await second.command('hangup');
    await entry(tocsin, 'call.two-again');
    await talk(caller, first);
    assert.deepEqual(
      [caller.events.slice(before[0]), first.events.slice(before[1])].flat().filter(({ type }) => /CLOSED/.test(type)),
      [],
    );
    await hangUp(caller, first);
  });

  await t.test('the desk calls a third in, and whoever was called first leaves: the other two talk', async () => {
    await callFirst();
    await tocsin.command({ do: 'call.add', call: await runningCall(tocsin), targets: [{ number: '1005' }] });
    await established(second);
    await allTalk([caller, first, second]);
    await first.command('hangup');
    await talk(caller, second);
    await hangUp(caller, second);
  });

  await t.test('an answer is played to the caller alone, an older recording to both', async () => {
    await callFirst();
    const call = await runningCall(tocsin);
    await tocsin.command({ do: 'call.play', call, sound: { answer: 'opening-hours' }, to: '1002' });
    await heardNow(caller, ANSWER_HZ);
    const heard = await listenFor([caller, first], 0.5);
    assert.ok(toneDb(heard.get(caller)!, TONE_HZ['1004']!) < SILENT_BELOW_DB, 'the caller hears the answer only');
    assert.ok(toneDb(heard.get(first)!, ANSWER_HZ) < SILENT_BELOW_DB, 'who plays it does not hear it');
    assert.ok(toneDb(heard.get(first)!, TONE_HZ['1002']!) < SILENT_BELOW_DB, 'nor the caller meanwhile');
    await tocsin.command({ do: 'call.stop-playing', call });
    await talk(caller, first);
    const recording = await until('an older recording with the third', async () =>
      (await tocsin.timeline({ kind: 'recording.closed' })).find(({ data }) => data['title'] === '1004 → 1005'),
    );
    await tocsin.command({ do: 'call.play', call, sound: { recording: recording.blobs[0]!.sha256 } });
    await Promise.all([heardNow(caller, TONE_HZ['1005']!), heardNow(first, TONE_HZ['1005']!)]);
    await hangUp(caller, first);
  });

  await t.test('a limited call warns both, and is cut', async () => {
    await callFirst();
    await tocsin.command({ do: 'call.limit', call: await runningCall(tocsin), seconds: 5 });
    await Promise.all([heardNow(caller, 1400), heardNow(first, 1400)]);
    await ended(caller, first);
    const end = await until('the reason is on the timeline', async () =>
      (await tocsin.timeline({ kind: 'call.ended' })).find(({ data }) => data['because'] === 'time-limit'),
    );
    assert.deepEqual(end.data['ending'], { zh: '通话时限已到', en: 'The time limit was reached' });
  });

  await t.test('parked by *70 and taken back by the slot’s number', async () => {
    await callFirst();
    await press(first, '*70');
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
    await press(first, '*70');
    await first.until('CALL_CLOSED', 20_000, before);
    await first.until('CALL_ESTABLISHED', 30_000, before);
    await talk(caller, first);
    await hangUp(caller, first);
  });

  await t.test('camped on a busy phone by *37: both are called when it is free', async () => {
    await caller.dial('1005');
    await established(caller, second);
    const before = first.events.length;
    await first.dial('*371005');
    await first.until('CALL_ESTABLISHED', 20_000, before);
    await first.until('CALL_CLOSED', 20_000, before);
    await entry(tocsin, 'call.camped-on');
    const told = [first.events.length, second.events.length];
    await caller.command('hangup');
    await first.until('CALL_ESTABLISHED', 20_000, told[0]);
    await second.until('CALL_ESTABLISHED', 20_000, told[1]);
    await talk(first, second);
    await hangUp(first, second);
  });

  await t.test('a lamp shows a phone free, ringing, talking and free again', async () => {
    const lamp = await watchesLamp(t, { user: '1016', password: 'tocsin-demo', server: tocsin.sip, watched: '1006' });
    const before = third.events.length;
    await caller.dial('1006');
    await third.until('CALL_INCOMING', 20_000, before);
    const { state, other } = (
      await tocsin.get<{ account: string; state: string; other?: string }[]>('/api/phones')
    ).find(({ account }) => account === '1006')!;
    assert.deepEqual([state, other], ['ringing', '1002']);
    await third.command('accept');
    await established(caller, third);
    await talk(caller, third);
    await hangUp(caller, third);
    assert.equal(await lamp.seenAll, 0, lamp.said());
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

  await t.test('one phone’s call is picked up by *8 and its number', async () => {
    const before = third.events.length;
    await caller.dial('1006');
    await third.until('CALL_INCOMING', 20_000, before);
    await second.dial('*81006');
    await established(caller, second);
    await third.until('CALL_CLOSED', 20_000, before);
    await talk(caller, second);
    await hangUp(caller, second);
  });

  await t.test('the desk parks, takes back, picks up and camps on by its own phone', async () => {
    const lead = await tocsin.login('lead');
    await callFirst();
    const call = await runningCall(tocsin);
    await tocsin.command({ do: 'call.park', call }, lead);
    await ended(first);
    await hearsMusic(caller);
    await tocsin.command({ do: 'call.retrieve', call }, lead);
    await established(first);
    await talk(caller, first);
    await hangUp(caller, first);

    const before = third.events.length;
    await caller.dial('1006');
    await third.until('CALL_INCOMING', 20_000, before);
    const ringing = (await tocsin.timeline({ kind: 'call.started' })).at(-1)!;
    await tocsin.command({ do: 'call.pick-up', call: ringing.call! }, lead);
    await third.until('CALL_CLOSED', 20_000, before);
    await talk(caller, first);
    await hangUp(caller, first);

    await caller.dial('1005');
    await established(caller, second);
    await tocsin.command({ do: 'call.camp-on', to: '1005' }, lead);
    await caller.command('hangup');
    await ended(caller);
    await established(first);
    await talk(first, second);
    await hangUp(first, second);
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

  await t.test('a booked call is placed at its time, though the server was killed meanwhile', async () => {
    const { booking } = (await tocsin.command({
      do: 'call.book',
      from: '1002',
      to: '1004',
      at: Date.now() + 4_000,
    })) as { booking: string };
    const waiting = await tocsin.get<{ id: string }[]>('/api/booked-calls');
    assert.deepEqual(
      waiting.map(({ id }) => id),
      [booking],
    );
    await tocsin.kill();
    await tocsin.begin();
    await established(caller, first);
    await talk(caller, first);
    await hangUp(caller, first);
    assert.deepEqual(await tocsin.get('/api/booked-calls'), []);
  });
});

/** Everybody hears the two others. */
async function allTalk(phones: Baresip[]): Promise<void> {
  for (const listener of phones)
    for (const speaker of phones) if (speaker !== listener) await heardNow(listener, speaker.options.toneHz!);
}

async function runningCall(tocsin: Tocsin): Promise<string> {
  const kinds = await tocsin.timeline({ kind: 'call.' });
  const over = new Set(kinds.filter(({ kind }) => kind === 'call.ended').map(({ call }) => call));
  return kinds.findLast(({ kind, call }) => kind === 'call.answered' && !over.has(call))!.call!;
}

async function entry(tocsin: Tocsin, kind: string) {
  return await until(`${kind} is on the timeline`, async () => (await tocsin.timeline({ kind })).at(-1));
}
