import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { AlarmView } from '@tocsin/protocol/views.ts';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { decodeG711, toneLevelDb } from '@tocsin/server/media';
import { startDialler } from '../gateways/alarm/devices/contact-id/dialler-simulator.ts';
import { PanelSimulator } from '../gateways/alarm/devices/dc09/panel-simulator.ts';
import { startScaipUnit, type ScaipUnit } from '../gateways/alarm/devices/scaip/unit-simulator.ts';
import { SenderSimulator } from '../gateways/alarm/devices/webhook/sender-simulator.ts';
import { level, StationSimulator } from '../gateways/sensor/sl651/station-simulator.ts';
import { Baresip } from './kit/baresip.ts';
import { Console } from './kit/console.ts';
import { testFolder } from './kit/gateways.ts';
import { siteFolder } from './kit/own-site.ts';
import { freePort } from './kit/ports.ts';
import { Tocsin } from './kit/tocsin.ts';
import { hears } from './kit/two-phones.ts';
import { until } from './kit/wait.ts';

const kit = { host: '127.0.0.1', clock: systemClock, chance: systemChance, log: silentLog };
const KEY = '0102030405060708090A0B0C0D0E0F10';
const SECRET = 'a secret of both sides';
/** The least that a site may say: a device that is silent for so long is an alarm. */
const SILENT_AFTER_S = 5;
const SEAT_HZ = 440;
const HOME_HZ = 1000;

test('alarm devices of other makers speak to a running house', async (t) => {
  const [scaip, dc09, hook, cid, telemetry, cap] = await Promise.all(Array.from({ length: 6 }, () => freePort()));
  const dialler = await startDialler(kit);
  t.after(() => dialler[Symbol.asyncDispose]());
  const capFolder = await testFolder(t, 'cap-in');
  const mapping = { device: '/unit', type: '/type', kinds: { SOS: 'one-key', PING: 'alive' }, id: '/id' };
  const site = await siteFolder(
    t,
    (demo) => {
      demo.accounts = [
        ...(demo.accounts ?? []),
        { user: '2417', password: 'tocsin-demo', kind: 'phone', name: { zh: '刘桂芳 家' } },
      ];
      for (const device of demo.devices ?? []) {
        if (device.id === 'ek-0417') device.callBack = '2417';
        if (device.id === 'ek-0412') device.silentAfterS = SILENT_AFTER_S;
      }
      const name = { zh: '报警线路', en: 'Alarm lines' };
      // The diallers' line comes in by its port, and a rule leads the receiver's number to its gateway.
      demo.trunks = [
        ...(demo.trunks ?? []),
        { id: 'dialler-line', name, take: { host: '127.0.0.1', ports: [dialler.port, dialler.port] } },
        { id: 'contact-id', name, send: { prefix: '919', host: '127.0.0.1', port: cid!, stripPrefix: false } },
      ];
      demo.routes = [
        ...(demo.routes ?? []),
        { id: 'alarm-receiver', name, when: { called: ['9198'] }, then: { number: '9198' } },
      ];
    },
    [
      {
        kind: 'alarm-scaip',
        id: 'scaip-1',
        port: scaip,
        devices: [{ account: '26317', device: 'ek-0417', password: 'p' }],
      },
      { kind: 'alarm-dc09', id: 'dc09-1', port: dc09, devices: [{ account: '1234', device: 'ek-0412', key: KEY }] },
      {
        kind: 'alarm-contact-id',
        id: 'cid-1',
        sipPort: cid,
        numbers: ['9198'],
        devices: [{ account: '77B1', device: 'ek-0417' }],
      },
      {
        ...{ kind: 'alarm-webhook', id: 'hook-1', port: hook },
        sources: [
          {
            id: 'care',
            secret: SECRET,
            signature: { header: 'x-signature', prefix: 'sha256=', timeHeader: 'x-time' },
            mapping,
          },
        ],
      },
      {
        ...{ kind: 'telemetry-sl651', id: 'telemetry-1', port: telemetry },
        stations: [{ address: '0012345678', gauges: [{ element: '39', gauge: 'dam-level', unit: 'm' }] }],
      },
      {
        kind: 'cap',
        id: 'cap-1',
        port: cap,
        sender: 'lanxi@tocsin.example',
        senderName: '兰溪',
        inFolder: capFolder,
        token: 'a token of ours',
      },
    ],
  );
  const tocsin = await Tocsin.start(t, { TOCSIN_SITE: site, TOCSIN_SIMULATORS: 'off' });
  const desk = await Console.open(t, tocsin);
  const home = await startScaipUnit({
    ...{ ...kit, receiver: `127.0.0.1:${scaip}`, controller: '26317', password: 'p', speechHz: HOME_HZ },
    voice: { server: tocsin.sip, user: '2417', password: 'tocsin-demo' },
  });
  t.after(() => home[Symbol.asyncDispose]());
  const panel = new PanelSimulator({ ...kit, port: dc09!, transport: 'tcp', account: '1234', key: KEY });

  await t.test(
    'SCAIP: the card comes with the person’s file, and the dispatcher and the home unit hear each other',
    (t) => pressAndTalk(t, tocsin, desk, home),
  );
  await t.test('SIA DC-09: an enciphered smoke alarm is a card, and says so when the smoke is gone', async () => {
    assert.equal(await panel.alarm('FA', { zone: '02', text: 'kitchen' }), 'ACK');
    const card = await cardOf(desk, (alarm) => alarm.device === 'ek-0412' && alarm.kind === 'smoke');
    assert.match(card.facts.zh, /kitchen/);
    assert.equal(card.person, 'wang-xiulan');
    assert.equal(await panel.alarm('FR', { zone: '02' }), 'ACK');
    await until('it is back to normal', () => desk.get('alarms', card.id)?.normalAt !== undefined);
  });
  await t.test('Contact ID: a dialler on a telephone line is kissed off through the exchange', async (t) => {
    const message = { account: '77B1', event: '110100003' };
    // A dialler that is not kissed off sends again, and dials again: a machine under load spoils digits of 50 ms.
    const outcome = await until(
      'the dialler is kissed off',
      async () => {
        const each = await dialler.send(message, { target: `sip:9198@${tocsin.sip}` });
        return each.kind === 'delivered' && each;
      },
      120_000,
    );
    t.diagnostic(`kissed off at try ${outcome.tries}`);
    const card = await cardOf(desk, (alarm) => alarm.device === 'ek-0417' && alarm.facts.zh.includes('zone 003'));
    assert.equal(card.kind, 'one-key');
  });
  await t.test('webhook: a signed post is a card; a stranger’s device is one too', async () => {
    const sender = new SenderSimulator({
      url: `http://127.0.0.1:${hook}/hook/care`,
      secret: SECRET,
      clock: systemClock,
    });
    assert.equal(await sender.post({ unit: 'new-7', type: 'SOS', id: '1' }), 200);
    await cardOf(desk, (alarm) => alarm.device === 'webhook-new-7');
  });
  await t.test('a panel that falls silent is an alarm, and its supervision message ends it', async () => {
    const isSilent = () =>
      desk
        .all('alarms')
        .some(({ device, kind, state }) => device === 'ek-0412' && kind === 'silent' && state === 'raised');
    await until('the silence is an alarm', isSilent);
    assert.equal(await panel.heartbeat(), 'ACK');
    await until('it is over', () => !isSilent());
  });
  await t.test('SL 651: a reported level over the threshold is an alarm of its gauge', async () => {
    const station = new StationSimulator({ ...kit, port: telemetry!, address: '0012345678', coding: 'hex' });
    const gauge = (
      await tocsin.get<{ gauges: { id: string; thresholds: { above: number }[] }[] }>('/api/site')
    ).gauges.find(({ id }) => id === 'dam-level')!;
    const above = Math.max(...gauge.thresholds.map((each) => each.above));
    assert.ok(await station.report(0x33, [level(above + 0.12)]));
    const card = await cardOf(desk, (alarm) => alarm.gauge === 'dam-level' && alarm.kind === 'gauge-level');
    assert.equal(card.level, 1);
    await until('the plan is proposed', () => desk.get('alarms', card.id)?.proposedPlan !== undefined);
  });
  await t.test('CAP: an incident publishes alert, update and cancel, and what another office says is a card', () =>
    warn(tocsin, desk, cap!),
  );
  await t.test('what is shelved makes no card, is listed with its reason, and is brought back', async () => {
    await tocsin.command({ do: 'alarm.shelve', source: 'ek-0412', minutes: 5, reason: '换电池' });
    await until('it is listed', () => desk.get('shelves', 'ek-0412')?.reason === '换电池');
    assert.equal(await panel.alarm('GA', { zone: '05' }), 'ACK');
    const card = await until('it is kept as shelved', () =>
      desk.all('alarms').find(({ device, kind }) => device === 'ek-0412' && kind === 'gas'),
    );
    assert.equal(card.state, 'shelved');
    await tocsin.command({ do: 'alarm.unshelve', source: 'ek-0412' });
    await until('it cries again', () => desk.get('alarms', card.id)?.state === 'raised');
  });
  const { kind } = await tocsin.get<{ kind: string }>('/api/timeline/verification');
  assert.equal(kind, 'whole');
  t.diagnostic(`gateways logged in ${join(tocsin.data, 'log')}`);
});

async function pressAndTalk(t: TestContext, tocsin: Tocsin, desk: Console, home: ScaipUnit): Promise<void> {
  const seat = await Baresip.start(t, { user: '1003', server: tocsin.sip, toneHz: SEAT_HZ });
  await until('the unit’s telephone is registered', () => home.isRegistered);
  const pressedAt = performance.now();
  const answer = await home.press({ crd: 'sip:2417@home' });
  assert.equal(answer?.status, 0);
  const card = await cardOf(desk, ({ device, kind }) => device === 'ek-0417' && kind === 'one-key');
  t.diagnostic(`key pressed → card on the desk: ${Math.round(performance.now() - pressedAt)} ms`);
  assert.equal(card.person, 'liu-guifang');
  const care = (await tocsin.command({ do: 'care.view', person: 'liu-guifang', alarm: card.id })) as {
    care: object | null;
  };
  assert.ok(care.care, 'the person’s file');

  const taken = await desk.command({ do: 'alarm.acknowledge', alarm: card.id, callBack: true, runPlan: false });
  assert.ok(taken.ok, JSON.stringify(taken));
  await seat.until('CALL_ESTABLISHED');
  const talk = await until('the unit answers by itself', () => [...home.talks][0]);
  const heard: Int16Array[] = [];
  talk.leg.events.on('audio', (alaw) => {
    heard.push(decodeG711('pcma', alaw));
    if (heard.length > 25) heard.shift();
  });
  await Promise.all([
    hears(seat, HOME_HZ),
    until('the home hears the dispatcher', () => {
      const last = Int16Array.from(heard.flatMap((samples) => [...samples]));
      return last.length >= 3000 && toneLevelDb(last, SEAT_HZ) > -40;
    }),
  ]);
  await seat.command('hangup');
  await talk.ended;
}

async function warn(tocsin: Tocsin, desk: Console, port: number): Promise<void> {
  const { incident } = (await tocsin.command({ do: 'incident.open', title: '溃坝', level: 1 })) as { incident: string };
  const area = { name: '石桥村', centre: { latitude: 30.2, longitude: 119.4 }, radiusKm: 3 };
  const headline = { zh: '下游立即转移', en: 'Leave the valley at once' };
  await tocsin.command({ do: 'incident.publish-warning', incident, headline, area });
  await tocsin.command({ do: 'incident.publish-warning', incident, headline: { zh: '继续转移' }, area });
  await tocsin.command({ do: 'incident.cancel-warning', incident, text: '水位回落' });
  interface Sent {
    identifier: string;
    messageType: string;
    publishedAt?: number;
    references: { identifier: string }[];
  }
  const sent = await until('all three are published', async () => {
    const all = await tocsin.get<Sent[]>(`/api/incidents/${incident}/warnings`);
    return all.length === 3 && all.every(({ publishedAt }) => publishedAt !== undefined) && all;
  });
  assert.deepEqual(
    sent.map(({ messageType, references }) => [messageType, references.length]),
    [
      ['alert', 0],
      ['update', 1],
      ['cancel', 2],
    ],
  );
  const cancel = await (await fetch(`http://127.0.0.1:${port}/cap/${sent[2]!.identifier}.xml`)).text();
  assert.match(cancel, new RegExp(`<references>lanxi@tocsin\\.example,${sent[0]!.identifier},\\S+ lanxi@`));

  const other = (identifier: string, msgType: string, more: string) =>
    `<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>${identifier}</identifier><sender>met@weather.example</sender>` +
    `<sent>2026-11-22T08:00:00+08:00</sent><status>Actual</status><msgType>${msgType}</msgType><scope>Public</scope>${more}</alert>`;
  const info =
    '<info><language>zh-CN</language><category>Met</category><event>暴雨</event><urgency>Expected</urgency><severity>Severe</severity>' +
    '<certainty>Likely</certainty><headline>暴雨橙色预警</headline><area><areaDesc>全县</areaDesc></area></info>';
  const post = async (body: string) => {
    const headers = { authorization: 'Bearer a token of ours' };
    return (await fetch(`http://127.0.0.1:${port}/cap`, { method: 'POST', body, headers })).status;
  };
  assert.equal(await post(other('rain-1', 'Alert', info)), 200);
  const card = await cardOf(desk, ({ kind }) => kind === 'warning');
  assert.deepEqual([card.title.zh, card.level], ['暴雨橙色预警', 2]);
  const references = '<references>met@weather.example,rain-1,2026-11-22T08:00:00+08:00</references>';
  assert.equal(await post(other('rain-2', 'Cancel', references)), 200);
  await until('the warning is over', () => (desk.get('alarms', card.id)?.state ?? 'cleared') === 'cleared');
}

async function cardOf(desk: Console, is: (alarm: AlarmView) => boolean): Promise<AlarmView> {
  return await until('the card is on the desk', () =>
    desk.all('alarms').find((alarm) => alarm.state === 'raised' && is(alarm)),
  );
}
