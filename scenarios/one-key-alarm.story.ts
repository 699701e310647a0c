import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { connectAsync, type MqttClient } from 'mqtt';
import type { AlarmView, LedgerRow, RunView } from '@tocsin/protocol/views.ts';
import { Baresip } from './kit/baresip.ts';
import { Console } from './kit/console.ts';
import { givePhone, siteFolder } from './kit/own-site.ts';
import { Tocsin } from './kit/tocsin.ts';
import { hears } from './kit/two-phones.ts';
import { until } from './kit/wait.ts';

/** Seconds after which a device of this site counts as silent: the least that a site may say. */
const SILENT_AFTER_S = 5;
const BURST = 1000;

/** Tones by which the two who talk are told apart. */
const SEAT_HZ = 440;
const PERSON_HZ = 1000;

/** Whose phones are real here, and their accounts. The numbers of the demonstration lead to the carrier's trunk. */
const PHONES = {
  'liu-guifang': '2101',
  'chen-jianping': '2102',
  'chen-xiaoqin': '2103',
  'zhao-liqun': '2104',
  'zhou-xiaolan': '2105',
  'xu-jing': '2106',
} as const;

test('a person presses the one key', async (t) => {
  const site = await siteFolder(t, (demo) => {
    for (const [person, account] of Object.entries(PHONES)) givePhone(demo, person, account);
    for (const device of demo.devices ?? []) {
      if (device.id === 'ek-0417') device.callBack = PHONES['liu-guifang'];
      if (device.id === 'ek-0412') device.silentAfterS = SILENT_AFTER_S;
    }
  });
  const tocsin = await Tocsin.start(t, { TOCSIN_SITE: site, TOCSIN_SIMULATORS: 'off' });
  const devices = await connectAsync(`mqtt://${tocsin.mqtt}`, { reconnectPeriod: 0 });
  t.after(() => devices.endAsync(true));
  const desk = await Console.open(t, tocsin);

  await t.test(
    'the card comes with the person, the place, the level and the plan; the person and the dispatcher talk; family, village and 120 are called at once until one of them confirms',
    (t) => pressAndHelp(t, tocsin, devices, desk),
  );
  await t.test('a device that falls silent is an alarm of its own, and the alarm ends when it speaks again', () =>
    fallSilent(devices, desk),
  );
  await t.test(`${BURST} alarms in a burst become at most 10 cards, and every signal is kept`, (t) =>
    burst(t, tocsin, desk),
  );
});

async function pressAndHelp(t: TestContext, tocsin: Tocsin, devices: MqttClient, desk: Console): Promise<void> {
  const server = tocsin.sip;
  const manual = { server, answer: 'manual' as const };
  const [seat, person, son, daughter, village, neighbour, ambulance] = await Promise.all([
    Baresip.start(t, { user: '1003', server, toneHz: SEAT_HZ }),
    Baresip.start(t, { ...manual, user: PHONES['liu-guifang'], toneHz: PERSON_HZ }),
    Baresip.start(t, { ...manual, user: PHONES['chen-jianping'] }),
    Baresip.start(t, { ...manual, user: PHONES['chen-xiaoqin'] }),
    Baresip.start(t, { ...manual, user: PHONES['zhao-liqun'] }),
    Baresip.start(t, { ...manual, user: PHONES['zhou-xiaolan'] }),
    Baresip.start(t, { ...manual, user: PHONES['xu-jing'] }),
  ]);

  // The key.
  const pressedAt = performance.now();
  const body = { alarm: 'press-1', kind: 'one-key', batteryPercent: 62, text: '胸口疼' };
  await devices.publishAsync('tocsin/demo/device/ek-0417/alarm', JSON.stringify(body), { qos: 1 });
  const card = await until('the card is on the desk', () =>
    desk.all('alarms').find(({ device }) => device === 'ek-0417'),
  );
  t.diagnostic(`alarm published → card on the desk: ${Math.round(performance.now() - pressedAt)} ms`);
  assert.equal(card.person, 'liu-guifang');
  assert.equal(card.level, 2);
  assert.equal(card.state, 'raised');
  assert.equal(card.batteryPercent, 62);
  assert.match(card.title.zh, /刘桂芳/);
  assert.match(card.title.en ?? '', /Liu Guifang/);
  assert.deepEqual(card.location, { latitude: 30.21233, longitude: 119.42089 });
  await until('the plan is proposed', () => desk.get('alarms', card.id)?.proposedPlan === 'one-key-alarm');

  // The same press once more, as a device does that missed the acknowledgement: no second card.
  await devices.publishAsync('tocsin/demo/device/ek-0417/alarm', JSON.stringify(body), { qos: 1 });
  assert.equal(desk.all('alarms').filter(({ device }) => device === 'ek-0417').length, 1);

  // One button of the card: call back, and run the plan.
  const taken = await desk.command({ do: 'alarm.acknowledge', alarm: card.id, callBack: true, runPlan: true });
  assert.ok(taken.ok, JSON.stringify(taken));
  const { run } = taken.value as { run: string };

  // Family (two of them), village (two of them) and 120 ring at the same time, before anyone has answered.
  await Promise.all(
    [person, son, daughter, village, neighbour, ambulance].map((phone) => phone.until('CALL_INCOMING')),
  );
  for (const phone of [son, daughter, village, neighbour, ambulance])
    assert.ok(
      !phone.events.some(({ type }) => type === 'CALL_ESTABLISHED'),
      `${phone.options.user} has not answered yet`,
    );

  // The person answers: the two talk.
  await person.command('accept');
  await Promise.all([seat.until('CALL_ESTABLISHED'), person.until('CALL_ESTABLISHED')]);
  await Promise.all([hears(seat, PERSON_HZ), hears(person, SEAT_HZ)]);

  // The son refuses: that is tracked, and the others ring on.
  await son.command('hangup');
  await ledger(desk, run, 'chen-jianping', (row) => row.state === 'busy' || row.state === 'refused');
  assert.ok(!ambulance.events.some(({ type }) => type === 'CALL_CLOSED'), 'the others ring on');

  // The village says yes by key: everybody else's phone stops ringing.
  await village.command('accept');
  await village.until('CALL_ESTABLISHED');
  await ledger(desk, run, 'zhao-liqun', (row) => row.state === 'answered');
  await village.press('1');
  await ledger(desk, run, 'zhao-liqun', (row) => row.state === 'confirmed');
  for (const phone of [daughter, neighbour, ambulance]) {
    await phone.until('CALL_CLOSED');
    assert.ok(
      !phone.events.some(({ type }) => type === 'CALL_ESTABLISHED'),
      `${phone.options.user} was never put through`,
    );
  }
  for (const id of ['chen-xiaoqin', 'zhou-xiaolan', 'xu-jing'])
    await ledger(desk, run, id, (row) => row.state === 'skipped');
  // Thanked, and hung up on.
  await village.until('CALL_CLOSED');
  assert.ok(seat.isInCall && person.isInCall, 'the two talk on meanwhile');

  await person.command('hangup');
  await seat.until('CALL_CLOSED');

  // Somebody is there: the dispatcher says so, and closes the alarm.
  const open = await until('the plan asks whether somebody is there', () =>
    desk.get('runs', run)?.steps.find(({ id, state }) => id === 'arrived' && state === 'running'),
  );
  assert.equal(open.kind, 'ask-dispatcher');
  assert.ok((await desk.command({ do: 'run.answer', run, step: 'arrived', choice: 'yes' })).ok);
  assert.ok((await desk.command({ do: 'alarm.clear', alarm: card.id, as: 'handled', note: '女儿已到' })).ok);
  // No short-message gateway in this house: the step of the texts is passed over by hand, and the texts wait.
  await desk.command({ do: 'run.skip-step', run, step: 'texts', reason: '无短信网关' });
  const ended = await until('the run has ended', async () => {
    const view = await tocsin.run(run);
    return view.state !== 'running' && view;
  });
  assert.equal(ended.state, 'done', ended.because);
  t.diagnostic(`first INVITE ${ended.figures.firstInviteMs} ms after the press`);

  await checkTimeline(tocsin, card, ended);
}

async function ledger(
  desk: Console,
  run: string,
  person: string,
  when: (row: LedgerRow) => boolean,
): Promise<LedgerRow> {
  const rows = () =>
    desk.get('runs', run)?.ledger.filter((row) => row.person === person && row.channel === 'voice') ?? [];
  return await until(`the ledger of ${person} moves on`, () => rows().find(when)).catch((error: unknown) => {
    throw new Error(`the ledger of ${person}: ${JSON.stringify(rows())}`, { cause: error });
  });
}

/** Everything that happened is on the timeline, hangs on the alarm or on the run, and the chain is whole. */
async function checkTimeline(tocsin: Tocsin, card: AlarmView, run: RunView): Promise<void> {
  const entries = [...(await tocsin.timeline({ alarm: card.id })), ...(await tocsin.timeline({ run: run.id }))];
  const kinds = new Set(entries.map(({ kind }) => kind));
  for (const kind of [
    'alarm.raised',
    'alarm.acknowledged',
    'alarm.cleared',
    'call.started',
    'call.answered',
    'call.ended',
    'run.started',
    'run.step-started',
    'run.ledger-changed',
    'run.question-answered',
    'run.ended',
    'call.party-ringing',
    'call.party-confirming',
    'call.party-in',
  ])
    assert.ok(kinds.has(kind), `${kind} is on the timeline: ${[...kinds].join(' ')}`);
  const confirmed = entries.filter(({ kind, data }) => kind === 'run.ledger-changed' && data['state'] === 'confirmed');
  assert.deepEqual([...new Set(confirmed.map(({ person }) => person))].sort(), ['zhao-liqun'], 'who confirmed');
  const recordings = (await tocsin.timeline({ kind: 'recording.closed' })).filter(({ blobs }) => blobs.length > 0);
  assert.ok(recordings.length >= 1, 'the call with the person was recorded');
  const { kind } = await tocsin.get<{ kind: string }>('/api/timeline/verification');
  assert.equal(kind, 'whole');
}

async function fallSilent(devices: MqttClient, desk: Console): Promise<void> {
  const topic = 'tocsin/demo/device/ek-0412/heartbeat';
  // It may have been found silent already, as it has said nothing since the server began: then this ends it.
  await devices.publishAsync(topic, JSON.stringify({ batteryPercent: 80 }), { qos: 1 });
  const silent = () =>
    desk
      .all('alarms')
      .find(({ device, kind, state }) => device === 'ek-0412' && kind === 'silent' && state === 'raised');
  await until('the device is heard', () => desk.get('devices', 'ek-0412')?.isSilent === false && !silent());
  const card = await until('the silence is an alarm', silent);
  assert.equal(card.level, 4);
  assert.equal(card.person, 'wang-xiulan');
  assert.equal(desk.get('devices', 'ek-0412')?.isSilent, true);
  await devices.publishAsync(topic, JSON.stringify({ batteryPercent: 80 }), { qos: 1 });
  await until('the alarm of the silence is over', () => !silent());
}

async function burst(t: TestContext, tocsin: Tocsin, desk: Console): Promise<void> {
  const before = desk.all('alarms').filter(({ state }) => state !== 'cleared');
  const kinds = ['one-key', 'fall', 'smoke', 'gas', 'water', 'intrusion', 'technical', 'inactivity'];
  const clients = await Promise.all(
    Array.from({ length: 10 }, () => connectAsync(`mqtt://${tocsin.mqtt}`, { reconnectPeriod: 0 })),
  );
  t.after(() => Promise.all(clients.map((client) => client.endAsync(true))));
  const startedAt = performance.now();
  let mostCards = 0;
  const watching = setInterval(() => (mostCards = Math.max(mostCards, raised().length)), 20);
  const raised = () => desk.all('alarms').filter(({ state }) => state === 'raised');
  // Half of them from devices that nobody has entered in the directory: they count as much as the others.
  await Promise.all(
    Array.from({ length: BURST }, (_, n) =>
      clients[n % clients.length]!.publishAsync(
        `tocsin/demo/device/burst-${n % 500}/alarm`,
        JSON.stringify({ alarm: `b-${n}`, kind: kinds[n % kinds.length] }),
        { qos: 1 },
      ),
    ),
  );
  t.diagnostic(`${BURST} alarms acknowledged to their devices after ${Math.round(performance.now() - startedAt)} ms`);

  const counted = () =>
    raised()
      .filter(({ id }) => !before.some((card) => card.id === id))
      .reduce((sum, { count }) => sum + count, 0);
  // A card that stood before may have been taken into a group's: its signals count there.
  const stood = () =>
    before
      .filter(({ id, state }) => state === 'raised' && !desk.get('alarms', id))
      .reduce((sum, { count }) => sum + count, 0);
  await until(`the cards count ${BURST} signals`, () => counted() - stood() >= BURST);
  clearInterval(watching);
  assert.equal(counted() - stood(), BURST, 'every signal is counted on a card, none twice');
  t.diagnostic(`cards: ${raised().length} at the end, at most ${mostCards} at any time`);
  assert.ok(mostCards <= 10 && raised().length <= 10, `${mostCards} cards`);

  const signals = new Set(
    (await tocsin.timeline({ kind: 'alarm.', limit: 10_000 }))
      .filter(({ kind }) => ['alarm.raised', 'alarm.repeated', 'alarm.grouped'].includes(kind))
      .map(({ data }) => String(data['signal']))
      .filter((signal) => /burst-\d+\/b-\d+$/.test(signal)),
  );
  assert.equal(signals.size, BURST, 'every signal is on the timeline');
}
