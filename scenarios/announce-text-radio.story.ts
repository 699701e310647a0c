import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { levelDb, readWav, similarity, toMono } from '@tocsin/server/media';
import { openSipHorn } from '../gateways/pa/sip-horn-simulator.ts';
import { Capture } from '../gateways/kit/test-capture.ts';
import { Baresip } from './kit/baresip.ts';
import { edges, smsGateway, testFolder } from './kit/gateways.ts';
import { HEARD_ABOVE_DB, listenFor, SILENT_BELOW_DB } from './kit/hearing.ts';
import { planFolder, stepOf } from './kit/own-plans.ts';
import { siteFolder } from './kit/own-site.ts';
import { freePortPair } from './kit/ports.ts';
import { loudestToneDb, readSound, toneDb, type Heard } from './kit/sound.ts';
import { Tocsin } from './kit/tocsin.ts';
import { until } from './kit/wait.ts';

/** The dispatcher's desk phone and two of those who are called, with the tone that each says. */
const TONES = { '1003': 861, '1005': 1244, '1006': 2042 } as const;
const AIR_HZ = 2921;
const TEXTS = 20;
/** Horns hear the source over G.711 twice: it is the same sound, hardly changed. */
const SAME_SOUND = 0.95;

/** A site with three zones: two with two multicast horns each, one with a SIP horn; twenty people to be texted. */
async function environmentOf(t: TestContext, gateways: object[]) {
  const site = await siteFolder(
    t,
    ({ people, groups = [], zones = [] }) => {
      for (const person of people) person.numbers = person.numbers?.filter(({ kind }) => kind === 'desk');
      for (const group of groups) {
        if (group.id === 'level-1-response') group.people = ['zhou-ming', 'zhao-guodong', 'zhang-haiyan'];
        if (group.id === 'everyone') group.people = group.people.slice(0, TEXTS);
        if (group.id === 'rescue-teams') group.people = ['wang-jianguo'];
      }
      zones.splice(0, zones.length, ...zones.filter(({ id }) => ['main-dam', 'baxia', 'office'].includes(id)));
      for (const zone of zones) zone.horns = zone.reach.kind === 'sip' ? 1 : 2;
    },
    gateways,
  );
  const plans = await planFolder(t, {
    'flood-level-1': (plan) => {
      stepOf(plan, 'conference')['retries'] = 0;
      stepOf(plan, 'announcement')['times'] = 1;
      plan.steps = plan.steps.filter(({ id }) => id !== 'evacuation-announcement');
    },
  });
  return { TOCSIN_SITE: site, TOCSIN_PLANS: plans };
}

test('one press: horns speak, texts arrive, and the radio is part of the conference', async (t) => {
  // The edge, in this process, so that what it hears can be measured.
  const [a = 0, b = 0] = systemChance.bytes(2);
  const zones = [];
  for (const [index, id] of ['main-dam', 'baxia'].entries())
    zones.push({ id, group: `239.${a}.${b}.${index + 1}`, port: await freePortPair(), horns: 2 });
  const edge = await edges(t, {
    site: 'demo',
    mqttUrl: 'mqtt://127.0.0.1:1',
    dataFolder: await testFolder(t, 'edge'),
    zones,
    radio: {},
    smsc: {},
  });
  const { smsc, radio } = edge;
  assert.ok(smsc && radio);
  const air = { protocol: 'usrp', listenPort: 0, remoteHost: '127.0.0.1', remotePort: radio.port };
  const tocsin = await Tocsin.start(
    t,
    await environmentOf(t, [
      { kind: 'pa', id: 'pa-1', bearer: 'ip', sipPort: 0, multicastInterface: '127.0.0.1', ttl: 1, zones },
      { kind: 'radio', id: 'radio-1', bearer: 'vhf-uhf', sipPort: 0, channel: 'vhf-1', air },
      smsGateway(smsc.port, 20),
    ]),
  );
  // Closed before the server, at which it un-registers.
  await using sipHorn = await openSipHorn({
    registrar: `sip:${tocsin.sip}`,
    account: '7001',
    password: 'tocsin-demo',
    clock: systemClock,
    chance: systemChance,
    log: silentLog,
  });
  const start = (user: keyof typeof TONES) => Baresip.start(t, { user, server: tocsin.sip, toneHz: TONES[user] });
  const [seat, ...called] = await Promise.all([start('1003'), start('1005'), start('1006')]);
  const phones = [seat, ...called];
  await until('the SIP horn is registered', () => sipHorn.isRegistered);
  await until(
    'three gateways are online',
    async () => (await tocsin.timeline({ kind: 'gateway.came-online' })).length === 3,
  );
  await until('the radio gateway has shown itself', () => radio.isLinked);
  const capture = await Capture.start(t);

  const dispatcher = await tocsin.login('dispatcher');
  const { id: run } = await tocsin.post<{ id: string }>('/api/plans/flood-level-1/runs', {}, dispatcher);
  await Promise.all(
    called.map(async (phone) => {
      await phone.until('CALL_ESTABLISHED', 60_000);
      await phone.press('1');
    }),
  );
  await until('all three are in', async () => {
    const entries = await tocsin.timeline({ run, kind: 'conference.participant-in' });
    return entries.length === 3;
  });
  await until(
    'the radio is patched in',
    async () => (await tocsin.timeline({ run, kind: 'conference.channel-patched' })).length === 1,
  );
  const floor = (what: 'request' | 'release') =>
    tocsin.request('POST', '/api/commands', { do: `floor.${what}`, channel: 'vhf-1' }, dispatcher);

  await t.test('the radio hears the conference while the dispatcher has the floor, and not otherwise', async () => {
    await listenFor(phones, 2);
    assert.equal(radio.heard.length, 0, 'nothing goes on the air without the floor');

    assert.equal((await floor('request')).status, 200);
    await until('the radio hears a second', () => (radio.heard[0]?.packets ?? 0) >= 75);
    assert.equal((await floor('release')).status, 200);
    await until('the transmitter is off', () => radio.heard[0]?.endedAtMs !== undefined);
    await listenFor(phones, 2);
    assert.equal(radio.heard.length, 1, 'nothing goes on the air after the floor');

    const { samples, packets } = radio.heard[0]!;
    const sound: Heard = { rateHz: 8000, samples };
    const levels = phones.map((phone) => toneDb(sound, phone.options.toneHz!, 0.4));
    console.log(
      `on the air: ${packets} packets, the phones' tones at ${levels.map((db) => db.toFixed(0)).join(' ')} dB`,
    );
    for (const level of levels) assert.ok(level > HEARD_ABOVE_DB);
  });

  await t.test('SIP and RTP of the run dissect without a complaint', async () => {
    const { sip, rtp, complaints } = await capture.dissect(tocsin.sipPort);
    console.log(`tshark: ${sip} SIP and ${rtp} RTP packets, ${complaints.length} complaints`);
    assert.ok(sip > 0 && rtp > 1000);
    assert.deepEqual(complaints.slice(0, 10), []);
  });

  await t.test('the conference hears the radio while somebody in the field speaks', async () => {
    const before = await listenFor([seat], 1);
    assert.ok(toneDb(before.get(seat)!, AIR_HZ) < SILENT_BELOW_DB);
    const listening = listenFor(phones, 5);
    const speech = radio.transmit({ ms: 5000, hz: AIR_HZ, talker: '巡查艇 2107' });
    await until('the server knows who speaks', async () =>
      (await tocsin.timeline({ kind: 'channel.speech-began' })).some(({ data }) => data['talker'] === '巡查艇 2107'),
    );
    const denied = await floor('request');
    assert.equal(denied.status, 409, 'the floor is the field’s while it speaks');
    for (const [phone, sound] of await listening) {
      const level = loudestToneDb(sound, AIR_HZ);
      console.log(`${phone.options.user} hears the radio at ${level.toFixed(0)} dB`);
      assert.ok(level > HEARD_ABOVE_DB);
    }
    await speech;
    await until(
      'the squelch is closed',
      async () => (await tocsin.timeline({ kind: 'channel.speech-ended' })).length > 0,
    );
    const after = await listenFor([seat], 1);
    assert.ok(toneDb(after.get(seat)!, AIR_HZ) < SILENT_BELOW_DB);
    assert.equal(radio.heard.length, 1, 'the radio does not hear itself');
  });

  await t.test('twenty texts are submitted, receipted and shown as delivered', async () => {
    const sent = () => smsc.submits.filter(({ text }) => text.includes('请立即到岗'));
    const rows = await until('all texts are delivered', async () => {
      const { ledger } = await tocsin.run(run);
      const texts = ledger.filter((row) => row.channel === 'sms' && row.step === 'texts');
      return texts.length === TEXTS && texts.every((row) => row.state === 'delivered') && texts;
    });
    console.log(`texts: ${rows[0]!.history.map(({ state }) => state).join(' → ')}; ${JSON.stringify(smsc.counts())}`);
    assert.equal(sent().length, TEXTS);
    assert.equal(new Set(sent().map(({ to }) => to)).size, TEXTS, 'each number once');
    const { receiptsAcknowledged, receiptsSent, submits } = smsc.counts();
    assert.equal(receiptsSent, submits);
    assert.equal(receiptsAcknowledged, submits);
  });

  await t.test('every horn of three zones plays the siren and the words', async () => {
    const step = await until(
      'the announcement is over',
      async () => {
        const found = (await tocsin.run(run)).steps.find(({ id }) => id === 'announcement');
        return found && found.state !== 'running' && found.state !== 'waiting' && found;
      },
      90_000,
    );
    assert.equal(step.state, 'done', JSON.stringify(step));
    const closed = await until('the announcement’s recording is closed', async () =>
      (await tocsin.timeline({ run, kind: 'recording.closed' })).find(({ data }) =>
        (data['title'] as string).startsWith('广播'),
      ),
    );
    const recording = readWav(new Uint8Array(await (await tocsin.request('GET', closed.blobs[0]!.url)).arrayBuffer()));
    assert.ok(recording.kind === 'sound');
    const source = toMono(recording.sound);
    const horns = new Map([...edge.horns, ['7001', sipHorn] as const]);
    assert.equal(horns.size, 5);
    for (const [id, { packets, samples }] of horns) {
      if (process.env['KEEP_SCENARIO_DATA']) horns.get(id)!.writeWav(join(tocsin.data, `horn-${id}.wav`));
      const alike = likeness(source, samples);
      console.log(
        `${id}: ${packets} packets of ${source.length / 160}, ${share(alike)} of the recording’s half seconds alike, median ${median(alike).toFixed(4)}`,
      );
    }

    // A machine that is too busy leaves moments out of what it sends, but not of the words: these are compared with the
    // files that they were spoken to, and the siren with what the plan says.
    const spoken = await wordsWithin(horns.get('7001')!.samples, join(tocsin.data, 'speech'));
    assert.equal(spoken.length, 2, 'the Chinese and the English words');
    const wordPackets = spoken.reduce((sum, { samples }) => sum + samples.length / 160, 0);
    for (const [id, { samples, packets }] of horns) {
      assert.ok(packets >= 3 * 50 + Math.floor(wordPackets), `${id}: ${packets} packets`);
      const heard: Heard = { rateHz: 8000, samples };
      const sirenAt = beginningOfSound(heard);
      const siren = [0, 1, 2].map((second) =>
        [440, 560].map((hz) => Math.round(toneDb(heard, hz, sirenAt + second + 0.2, sirenAt + second + 0.8))),
      );
      const words = spoken.map((each) => likeness(each.samples, samples.subarray(each.lag), 4000));
      console.log(
        `${id}: siren at 440/560 Hz by the second ${siren.map((levels) => levels.join('/')).join('  ')} dB; words ${words.map((each) => `${share(each)} alike, median ${median(each).toFixed(4)}`).join('; ')}`,
      );
      for (const [second, [low = 0, high = 0]] of siren.entries())
        assert.ok(second % 2 === 0 ? low > -20 && high < -40 : high > -20 && low < -40, `second ${second}`);
      for (const each of words) assert.ok(median(each) > 0.99, each.map((value) => value.toFixed(2)).join(' '));
    }
  });

  await t.test('the ledger proves playout, and the radio', async () => {
    const { ledger, figures } = await tocsin.run(run);
    console.log(`first announcement after ${figures.firstAnnouncementMs} ms`);
    const rows = ledger.filter(({ channel }) => channel === 'pa' || channel === 'radio');
    for (const row of rows)
      console.log(
        `${row.person}: ${row.history.map(({ state, detail }) => `${state}${detail ? ` (${detail})` : ''}`).join(' → ')}`,
      );
    const state = (id: string) => rows.find(({ person }) => person === id)?.state;
    assert.equal(state('main-dam'), 'confirmed');
    assert.equal(state('baxia'), 'confirmed');
    assert.equal(state('office'), 'delivered');
    assert.equal(state('vhf-1'), 'joined');
  });
});

/** Second at which something is heard for the first time. */
function beginningOfSound({ samples, rateHz }: Heard): number {
  return (
    Math.max(
      0,
      samples.findIndex((sample) => Math.abs(sample) > 1000),
    ) / rateHz
  );
}

/**
 * How alike each half second with sound in it is to what a horn heard at about that time. By pieces, as a machine that
 * is too busy skips moments: the recording keeps their place empty, a horn does not.
 */
function likeness(source: Int16Array, heard: Int16Array, slack = 8000): number[] {
  const half = 4000;
  const values = [];
  for (let at = 0; at + half <= source.length; at += half) {
    const piece = source.subarray(at, at + half);
    if (levelDb(piece) < -35) continue;
    values.push(similarity(piece, heard.subarray(Math.max(0, at - slack), at + half + slack), 2 * slack).similarity);
  }
  return values;
}

/** The spoken texts of a folder that are found in a sound, and the sample at which each begins. */
async function wordsWithin(sound: Int16Array, folder: string): Promise<{ samples: Int16Array; lag: number }[]> {
  const found = [];
  for (const name of (await readdir(folder)).filter((each) => /^[0-9a-f]{64}\.wav$/.test(each))) {
    const { samples } = await readSound(join(folder, name));
    const beginning = samples.subarray(0, 16_000);
    const { similarity: alike, lag } = similarity(beginning, sound, sound.length);
    if (alike > SAME_SOUND && lag >= 0) found.push({ samples, lag });
  }
  return found;
}

function share(values: number[]): string {
  return `${values.filter((each) => each > SAME_SOUND).length}/${values.length}`;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
