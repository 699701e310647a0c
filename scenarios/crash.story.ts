import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { readWav, toMono } from '@tocsin/server/media';
import type { RunView, TimelineEntry } from '@tocsin/protocol/views.ts';
import type { DemoEdges } from '../gateways/demo.ts';
import { Baresip } from './kit/baresip.ts';
import { edges, gatewaysProcess, smsGateway, testFolder } from './kit/gateways.ts';
import { givePhone, siteFolder, type SiteFile } from './kit/own-site.ts';
import { freePort } from './kit/ports.ts';
import { processesOf } from './kit/processes.ts';
import { loudestToneDb, toneDb, type Heard } from './kit/sound.ts';
import { listenFor } from './kit/hearing.ts';
import { Tocsin } from './kit/tocsin.ts';
import { AUDIBLE_DB, callBetween } from './kit/two-phones.ts';
import { pause, until } from './kit/wait.ts';

/** Who is called into the conference: two come at once, one answers late, one has no phone that is registered. */
const MEMBERS = {
  'zhao-guodong': { account: '1005', hz: 500 },
  'zhang-haiyan': { account: '1006', hz: 800 },
  'ma-zhiqiang': { account: '1007', hz: 1300 },
  'xu-jing': { account: '1008', hz: 0 },
} as const;

/** The chair's tone: the dispatcher who pressed. */
const CHAIR_HZ = 350;

/** The centre takes so many texts at the same time, and so long for each: some 40 texts take about twenty seconds. */
const SMSC = { window: 8, answerAfterMs: 3000 };

/** What the product promises to keep of a recording is all but the last second; the rest is for this test's own clock. */
const RECORDING_MAY_LOSE_MS = 2000;

test('the server is killed in the middle of a level 1 run: nothing is lost, nothing is sent twice, and it goes on by itself', async (t) => {
  const folder = await testFolder(t, 'edge');
  const smsc = await openCentre(t, folder);
  const mqttPort = await freePort();
  await gatewaysProcess(t, {
    site: 'demo',
    mqtt: { url: `mqtt://127.0.0.1:${mqttPort}` },
    host: '127.0.0.1',
    dataFolder: join(folder, 'gateways'),
    gateways: [smsGateway(smsc.port, SMSC.window)],
  });
  const tocsin = await startTocsin(t, mqttPort);
  await killInMidRun(t, tocsin, smsc, 'hang up meanwhile');
});

test('the same where the gateways are the killed server’s own children, and nobody hangs up: who was in stays in', async (t) => {
  const smsc = await openCentre(t, await testFolder(t, 'edge'));
  const tocsin = await startTocsin(t, await freePort(), [smsGateway(smsc.port, SMSC.window)]);
  await killInMidRun(t, tocsin, smsc, 'hold on');
});

type Centre = NonNullable<DemoEdges['smsc']>;

async function openCentre(t: TestContext, dataFolder: string): Promise<Centre> {
  const { smsc } = await edges(t, {
    site: 'demo',
    mqttUrl: 'mqtt://127.0.0.1:1',
    dataFolder,
    smsc: { behaviour: { answerAfterMs: SMSC.answerAfterMs } },
  });
  return smsc!;
}

/** A server on ports that it finds again after its death, as every real one does. */
async function startTocsin(t: TestContext, mqttPort: number, gateways?: unknown[]): Promise<Tocsin> {
  const site = await siteFolder(t, smallHouse, gateways);
  const [sipPort, httpPort] = [await freePort(), await freePort()];
  return await Tocsin.start(t, {
    TOCSIN_SITE: site,
    TOCSIN_SIMULATORS: 'off',
    TOCSIN_SIP_PORT: String(sipPort),
    TOCSIN_HTTP_PORT: String(httpPort),
    TOCSIN_MQTT_PORT: String(mqttPort),
  });
}

/** The demonstration site with four people to call, nobody to stand in for them, and everybody to be texted. */
function smallHouse(site: SiteFile): void {
  for (const person of site.people) {
    person.numbers = (person.numbers ?? []).filter(({ kind }) => kind === 'desk');
    person.deputies = [];
  }
  for (const [person, { account }] of Object.entries(MEMBERS)) givePhone(site, person, account);
  for (const group of site.groups ?? []) if (group.id === 'level-1-response') group.people = Object.keys(MEMBERS);
}

async function killInMidRun(
  t: TestContext,
  tocsin: Tocsin,
  smsc: Centre,
  those: 'hang up meanwhile' | 'hold on',
): Promise<void> {
  const server = tocsin.sip;
  const [chair, first, second, late] = (await Promise.all([
    Baresip.start(t, { user: '1003', server, toneHz: CHAIR_HZ }),
    ...Object.values(MEMBERS)
      .slice(0, 3)
      .map(({ account, hz }, n) =>
        Baresip.start(t, { user: account, server, toneHz: hz, answer: n === 2 ? 'manual' : 'auto' }),
      ),
  ] as Promise<Baresip>[])) as [Baresip, Baresip, Baresip, Baresip];

  // One press; two are in, one rings, texts are on their way.
  const dispatcher = await tocsin.login('dispatcher');
  const { id } = (await tocsin.post('/api/plans/flood-level-1/runs', {}, dispatcher)) as { id: string };
  await Promise.all([first, second].map((phone) => joinByKey(tocsin, id, phone)));
  await late.until('CALL_INCOMING');
  const before = await until('twenty texts are under way, some with the centre and some not yet', async () => {
    const run = await tocsin.run(id);
    const texts = run.ledger.filter(({ channel }) => channel === 'sms');
    const sent = texts.filter(({ state }) => state === 'sent' || state === 'delivered').length;
    return sent >= 2 && texts.length - sent >= 20 && run;
  });
  // The run's announcement is recorded too, and may come first.
  const recording = await until('the recording of the conference runs', async () =>
    (await tocsin.timeline({ kind: 'recording.started', run: id })).find(({ data }) => 'conference' in data),
  );
  // The chair and the first hear each other: what is recorded from here on has every voice in it.
  // Listened to now, not in all that was heard before: the prompt's speech has such tones in it too.
  await until('the first hears the chair and the second now', async () => {
    const now = (await listenFor([first], 0.5)).get(first)!;
    return toneDb(now, CHAIR_HZ) > AUDIBLE_DB && toneDb(now, MEMBERS['zhang-haiyan'].hz) > AUDIBLE_DB;
  });
  const allHeardAt = Date.now();
  t.diagnostic(`all are heard ${allHeardAt - before.startedAt} ms after the press`);
  // Long enough that there is something to lose, and that the last second has them all.
  await until(
    'the recording has a few seconds',
    () => Date.now() - recording.at > 4000 && Date.now() - allHeardAt > 1500,
  );
  const lastSeq = (await tocsin.timeline()).at(-1)!.seq;

  const killedAt = Date.now();
  await tocsin.kill();
  t.diagnostic(`killed ${killedAt - before.startedAt} ms after the press, ${smsc.submits.length} texts submitted`);

  // The three who talked hear silence. When they hang up, nobody answers their BYE.
  if (those === 'hang up meanwhile') await Promise.all([chair, first, second].map((phone) => phone.command('hangup')));
  const registrations = phonesRegistered([chair, first, second, late]);
  const seen = new Map([chair, first, second, late].map((phone) => [phone, phone.events.length]));

  const restartedAt = Date.now();
  await tocsin.begin();
  t.diagnostic(`ready again ${Date.now() - restartedAt} ms after the start`);

  // The run goes on: who is in stays in, everyone else is called again, also who had not come yet.
  await Promise.all([
    ...(those === 'hold on'
      ? []
      : [
          ...[first, second].map((phone) => joinByKey(tocsin, id, phone, seen.get(phone))),
          chair.until('CALL_ESTABLISHED', 30_000, seen.get(chair)),
        ]),
    pickUpLate(t, tocsin, id, late, seen.get(late)!),
  ]);
  if (those === 'hold on')
    for (const phone of [chair, first, second]) {
      const news = phone.events.slice(seen.get(phone)).map(({ type }) => type);
      assert.ok(!news.some((type) => /CALL_(CLOSED|INCOMING)/.test(type)), `${phone.options.user}: ${news.join(' ')}`);
    }
  t.diagnostic(`everyone is in ${Date.now() - restartedAt} ms after the start`);
  const resumed = await tocsin.run(id);
  assert.equal(resumed.state, 'running');
  assert.equal(resumed.startedAt, before.startedAt);
  await hearsAll(first, [CHAIR_HZ, MEMBERS['zhang-haiyan'].hz, MEMBERS['ma-zhiqiang'].hz]);
  assert.ok(
    (await tocsin.timeline({ kind: 'run.resumed', run: id })).length === 1,
    'the resumption is on the timeline',
  );

  await checkRecording(t, tocsin, recording, killedAt);
  await checkTexts(t, tocsin, smsc, id);

  // The run ends by hand, and every phone with it.
  await tocsin.post(`/api/runs/${id}/stop`, { note: '演练结束' }, dispatcher);
  await Promise.all(
    [chair, first, second, late].map((phone) => until(`${phone.options.user} is free`, () => !phone.isInCall)),
  );

  // Phones work as before, and none had to register anew.
  await callBetween(first, second);
  assert.deepEqual(phonesRegistered([chair, first, second, late]), registrations, 'nobody registered again');

  await checkTimeline(t, tocsin, await tocsin.run(id), lastSeq);
  await checkProcesses(t, tocsin);
}

/** He picks up at last: first the call that rang before the crash, which lets him go at once, then the new one. */
async function pickUpLate(t: TestContext, tocsin: Tocsin, run: string, phone: Baresip, seen: number): Promise<void> {
  await phone.until('CALL_INCOMING', 30_000, seen);
  await until(
    'he is put through',
    async () => {
      if (phone.isInCall) return true;
      await phone.command('accept');
      await pause(500);
      return phone.isInCall;
    },
    60_000,
  );
  const released = (await readFile(join(tocsin.data, 'log/tocsin.log'), 'utf8')).split('is released').length - 1;
  t.diagnostic(`who picked up late was let go by ${released} call of before the crash`);
  await joinByKey(tocsin, run, phone, seen);
}

async function joinByKey(tocsin: Tocsin, run: string, phone: Baresip, after = 0): Promise<void> {
  await phone.until('CALL_ESTABLISHED', 30_000, after);
  const account = phone.options.user;
  const person = Object.entries(MEMBERS).find(([, member]) => member.account === account)![0];
  const is = (...states: string[]) =>
    until(`${person} is ${states.join(' or ')}`, async () => {
      const { conference } = await tocsin.run(run);
      const row = (await tocsin.run(run)).ledger.find((one) => one.person === person && one.channel === 'voice');
      return conference && row && states.includes(row.state);
    });
  await is('answered');
  await phone.press('1');
  await is('joined');
}

function phonesRegistered(phones: Baresip[]): number[] {
  return phones.map(({ events }) => events.filter(({ type }) => type === 'REGISTER_OK').length);
}

async function hearsAll(phone: Baresip, tones: number[]): Promise<void> {
  for (const hz of tones)
    await until(
      `${phone.options.user} hears ${hz} Hz`,
      async () => loudestToneDb(await phone.heard(), hz) > AUDIBLE_DB,
    );
}

/** The file that was open when the server died opens, and holds what was said up to the last second. */
async function checkRecording(t: TestContext, tocsin: Tocsin, started: TimelineEntry, killedAt: number): Promise<void> {
  const { recording } = started.data as { recording: string };
  const closed = await until('the recording is closed', async () =>
    (await tocsin.timeline({ kind: 'recording.' })).find(
      ({ kind, data }) => kind !== 'recording.started' && data['recording'] === recording,
    ),
  );
  assert.equal(closed.kind, 'recording.closed');
  assert.equal(closed.data['because'], 'server-restarted');
  const response = await tocsin.request('GET', closed.blobs[0]!.url);
  assert.equal(response.status, 200);
  const read = readWav(Buffer.from(await response.arrayBuffer()));
  assert.equal(read.kind, 'sound', 'the file opens');
  const sound = (read as Extract<typeof read, { kind: 'sound' }>).sound;
  const heard: Heard = { rateHz: sound.rateHz, samples: toMono(sound) };
  const ms = (heard.samples.length / heard.rateHz) * 1000;
  const lost = killedAt - started.at - ms;
  t.diagnostic(`recording: ${Math.round(ms)} ms kept, ${Math.round(lost)} ms of its end lost`);
  assert.ok(lost < RECORDING_MAY_LOSE_MS, `${lost} ms lost`);
  const voices = [CHAIR_HZ, MEMBERS['zhao-guodong'].hz, MEMBERS['zhang-haiyan'].hz];
  const levels = voices.map((hz) => [hz, quartersDb(heard, hz)] as const);
  for (const [hz, quarters] of levels)
    assert.ok(
      quarters.slice(-4).every((level) => level > AUDIBLE_DB),
      `${hz} Hz is not in every quarter of the last second; by quarters: ${JSON.stringify(Object.fromEntries(levels))}`,
    );
}

/** Levels of a tone in each quarter of a second, the last four of which end with the sound. */
function quartersDb({ samples, rateHz }: Heard, hz: number): number[] {
  const quarter = rateHz / 4;
  return Array.from({ length: Math.floor(samples.length / quarter) }, (_, back) => {
    const end = samples.length - back * quarter;
    return Math.round(toneDb({ rateHz, samples: samples.subarray(end - quarter, end) }, hz));
  }).reverse();
}

/** Every text of the run has reached its end, and the centre has had each exactly once. */
async function checkTexts(t: TestContext, tocsin: Tocsin, smsc: Centre, id: string): Promise<void> {
  const run = await until(
    'every text has its end',
    async () => {
      const view = await tocsin.run(id);
      const texts = view.ledger.filter(({ channel }) => channel === 'sms');
      return texts.every(({ state }) => state === 'delivered' || state === 'failed') && view;
    },
    90_000,
  );
  const copies = Map.groupBy(smsc.submits, ({ to, text, part }) => `${to}/${part?.index ?? 1}/${text}`);
  const twice = [...copies].filter(([, submits]) => submits.length > 1);
  assert.deepEqual(twice, [], 'nothing was submitted twice');

  const queued = await tocsin.timeline({ kind: 'text.queued', run: id });
  const plain = queued.filter(({ data }) => !String(data['body']).includes('http'));
  const numbers = plain.map(({ data }) => String(data['number']));
  assert.equal(new Set(numbers).size, numbers.length, 'each person is on the ledger once');
  const failed = run.ledger.filter(({ channel, state }) => channel === 'sms' && state === 'failed');
  for (const number of numbers) {
    const submits = smsc.submits.filter(
      ({ to, text }) => to === number && !text.includes('http') && text.startsWith('【岚溪防指】一级'),
    );
    assert.equal(submits.length, 1, `${number} was sent its text once`);
  }
  t.diagnostic(`${queued.length} texts, ${smsc.submits.length} submits, ${failed.length} of unknown outcome`);
}

/** The chain is whole, nothing of it from before the crash is gone, and the export passes the checker that a court would use. */
async function checkTimeline(t: TestContext, tocsin: Tocsin, run: RunView, lastSeq: number): Promise<void> {
  const verification = await tocsin.get<{ kind: string; entries: number }>('/api/timeline/verification');
  assert.equal(verification.kind, 'whole', JSON.stringify(verification));
  const entries = await tocsin.timeline();
  assert.ok(entries.at(-1)!.seq > lastSeq);
  assert.deepEqual(
    entries.map(({ seq }) => seq),
    entries.map((_, n) => entries[0]!.seq + n),
    'no number is missing',
  );
  const response = await tocsin.request('POST', `/api/incidents/${run.incident}/export`, {});
  assert.equal(response.status, 200);
  const file = join(tocsin.data, 'evidence.zip');
  await writeFile(file, Buffer.from(await response.arrayBuffer()));
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(import.meta.dirname, '../scripts/tocsin-verify.mjs'),
    file,
  ]);
  t.diagnostic(`${verification.entries} entries whole; tocsin-verify: ${stdout.trim().split('\n')[0]}`);
}

/** One of each while it runs, and none when it has stopped. */
async function checkProcesses(t: TestContext, tocsin: Tocsin): Promise<void> {
  const running = processesOf(tocsin.data);
  const strays = running.filter(({ pid, parent }) => pid !== tocsin.pid && !running.some((one) => one.pid === parent));
  assert.deepEqual(strays, [], 'nothing of the killed server is left');
  const code = await tocsin.stop();
  assert.equal(code, 0);
  await until('no process is left', () => processesOf(tocsin.data).length === 0, 15_000).catch((error: unknown) => {
    throw new Error(`left: ${JSON.stringify(processesOf(tocsin.data))}`, { cause: error });
  });
  t.diagnostic(`${running.length} processes before the stop, none after`);
}
