import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { DeviceAlarm } from '@tocsin/protocol/gateway.ts';
import { seededChance, systemChance } from '@tocsin/server/kernel/chance.ts';
import { ManualClock, systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog, type Log } from '@tocsin/server/kernel/log.ts';
import { gatewayContract } from '../../../kit/contract.ts';
import { crc16 } from '../../../kit/crc16.ts';
import { openTestBroker, until } from '../../../kit/test-broker.ts';
import { readFrame, readKey, writeFrame, type Frame } from './frame.ts';
import { meaningOf, placeOf } from './meaning.ts';
import { PanelSimulator, type PanelOptions } from './panel-simulator.ts';
import { startDc09Receiver } from './receiver.ts';

const KEY_128 = '0102030405060708090A0B0C0D0E0F10';
const KEY_256 = 'a key of 32 characters: 256 bits';

gatewayContract('alarm-dc09', (environment) =>
  startDc09Receiver({
    ...environment,
    id: 'under-test',
    host: '127.0.0.1',
    port: 0,
    devices: [{ account: '1234', device: 'ek-1' }],
  }),
);

function frameOf(text: string, key?: string): Frame {
  const reading = readFrame(Buffer.from(text, 'latin1'), () => (key === undefined ? undefined : readKey(key)));
  assert.ok(reading.kind === 'frame', reading.kind === 'frame' ? '' : reading.why);
  return reading.frame;
}

test('the CRC is CRC-16/ARC: its check value, and those of published frames', () => {
  assert.equal(crc16(Buffer.from('123456789'), 0), 0xbb3d);
  assert.equal(crc16(Buffer.from('123456789'), 0xffff), 0x4b37);
});

// Frames that other makers' panels and testers sent, as published with the tests of open receivers.
test('published frames decode to what DC-09 says', () => {
  const named = frameOf('\nF4D20029"SIA-DCS"0001RF3L77#1234[#1234|NRR|Atest]\r');
  assert.deepEqual(
    [named.id, named.sequence, named.receiver, named.line, named.account],
    ['SIA-DCS', '0001', 'F3', '77', '1234'],
  );
  assert.equal(frameOf('\n96ED0016"SIA-DCS"0001L0#1234[]\r').data, '');
  // Enciphered with AES-128, padded with zeros, without the account in the data.
  const secret = frameOf(
    '05BB0076"*SIA-DCS"7654L0#1111[C07DA1EB73C617857476EE5D79436CEE5E0084485E79EC56B0D5D1F3F6E648B278050BBCCBC8FE5DCA7E3C80DBDD4945',
    'AAAAAAAAAAAAAAAA',
  );
  assert.equal(secret.isEncrypted, true);
  assert.equal(secret.account, '1111');
  assert.deepEqual(meaningOf(secret), [{ what: 'alarm', kind: 'water', text: 'water · area 1 · WA' }]);
  assert.equal(new Date(secret.at!).toISOString(), '2020-07-09T16:04:02.000Z');
});

test('data blocks of SIA and Contact ID mean what DC-03 and DC-05 say', () => {
  const meaning = (id: string, data: string) =>
    meaningOf({ id, isEncrypted: false, sequence: '0001', line: '0', account: '1234', data, extended: [] });
  assert.deepEqual(meaning('SIA-DCS', 'Nri1/BA05^front door^'), [
    { what: 'alarm', kind: 'intrusion', point: '1-05', text: 'burglary · area 1 · zone 5 · BA · front door' },
  ]);
  assert.deepEqual(meaning('SIA-DCS', 'Nri1OP0001*Familie*'), [{ what: 'information', text: 'OP' }]);
  assert.deepEqual(meaning('SIA-DCS', 'NFA129'), [
    { what: 'alarm', kind: 'smoke', point: '129', text: 'fire · zone 129 · FA' },
  ]);
  assert.deepEqual(meaning('SIA-DCS', 'Nti19:44/id1/ri4/RP'), [{ what: 'alive' }]);
  assert.deepEqual(
    meaning('SIA-DCS', 'Nri1/FA02/BR07')?.map((report) => report.what === 'alarm' && [report.kind, report.isOver]),
    [
      ['smoke', undefined],
      ['intrusion', true],
    ],
  );
  assert.deepEqual(meaning('ADM-CID', '1110 00 129'), [
    { what: 'alarm', kind: 'smoke', point: '129', text: 'fire · zone 129 · 110' },
  ]);
  assert.deepEqual(meaning('ADM-CID', '3130 01 004'), [
    {
      what: 'alarm',
      kind: 'intrusion',
      isOver: true,
      point: '004',
      text: 'burglary · partition 01 · zone 004 · 130 restored',
    },
  ]);
  assert.deepEqual(meaning('ADM-CID', '1602 00 000'), [{ what: 'alive' }]);
  assert.deepEqual(meaning('NULL', ''), [{ what: 'alive' }]);
  assert.equal(meaning('ADM-CID', '9999'), undefined);
  assert.equal(meaning('ZZZ', ''), undefined);
});

test('the place of a sender is read from its X and Y blocks', () => {
  assert.deepEqual(placeOf({ extended: ['X119E25.2', 'Y30N12.6'] }), { latitude: 30.21, longitude: 119.42 });
  assert.deepEqual(placeOf({ extended: ['Y33S30', 'X070W30'] }), { latitude: -33.5, longitude: -70.5 });
  assert.equal(placeOf({ extended: ['X119E25.2'] }), undefined);
});

test('what is written is read again, in plain and with each length of key', () => {
  const frame = { id: 'SIA-DCS', sequence: '0042', receiver: '1', line: '0', account: 'ABC1', data: 'Nri1/BA01' };
  for (const key of [undefined, KEY_128, `${KEY_128}0102030405060708`, KEY_256]) {
    const at = Date.UTC(2026, 10, 22, 13, 5, 59);
    const bytes = writeFrame(
      { ...frame, data: '#ABC1|Nri1/BA01', at },
      key === undefined ? {} : { key: readKey(key)! },
    );
    const reading = readFrame(bytes, () => (key === undefined ? undefined : readKey(key)));
    assert.deepEqual(reading, {
      kind: 'frame',
      frame: { ...frame, isEncrypted: key !== undefined, extended: [], at },
    });
  }
});

test('whatever comes, a frame is read or refused, and nothing is thrown', () => {
  const keyOf = () => readKey(KEY_128);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void readFrame(bytes, keyOf)));
  const good = writeFrame({ id: 'SIA-DCS', sequence: '0001', line: '0', account: '1234', data: '#1234|Nri1/BA01^x^' });
  // Broken anywhere but sealed again, so that what is behind the CRC is reached.
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.string({ maxLength: 30 }), (at, octet, more) => {
      const body = Buffer.concat([good.subarray(9, -1), Buffer.from(more, 'latin1')]);
      body[at % body.length] = octet;
      const crc = crc16(body, 0).toString(16).padStart(4, '0');
      const length = body.length.toString(16).padStart(3, '0');
      const reading = readFrame(Buffer.concat([Buffer.from(`${crc}0${length}`), body]), keyOf);
      if (reading.kind === 'frame') meaningOf(reading.frame);
    }),
    { numRuns: 2000 },
  );
});

async function house(t: TestContext, { clock = systemClock as typeof systemClock, log = silentLog as Log } = {}) {
  const broker = await openTestBroker();
  const journalFolder = mkdtempSync(join(tmpdir(), 'tocsin-dc09-'));
  const receiver = await startDc09Receiver({
    id: 'dc09-1',
    site: broker.site,
    mqttUrl: broker.url,
    journalFolder,
    clock,
    chance: systemChance,
    log,
    host: '127.0.0.1',
    port: 0,
    devices: [
      { account: '1234', device: 'ek-1' },
      { account: 'AB12', device: 'ek-2', key: KEY_128 },
    ],
  });
  t.after(async () => {
    await receiver[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
    rmSync(journalFolder, { recursive: true, force: true });
  });
  await until(() => broker.heard.online.some(({ body }) => body.online), 'online');
  const panel = (more: Partial<PanelOptions> = {}) =>
    new PanelSimulator({
      host: '127.0.0.1',
      port: receiver.port,
      transport: 'tcp',
      account: '1234',
      clock,
      chance: seededChance('panel', () => clock.now()),
      ...more,
    });
  const alarms = () =>
    broker.heard.devices
      .filter(({ what }) => what === 'alarm')
      .map(({ device, body }) => ({ device, ...DeviceAlarm.parse(body) }));
  return { broker, receiver, panel, alarms };
}

for (const transport of ['tcp', 'udp'] as const) {
  test(`by ${transport}: an alarm is acknowledged when it is stored, its repeat is the same alarm, a heartbeat is a sign of life`, async (t) => {
    const { broker, panel, alarms } = await house(t);
    const plain = panel({ transport });
    assert.equal(await plain.alarm('BA', { zone: '07', text: 'back door' }), 'ACK');
    const [first] = await until(() => alarms().length > 0 && alarms(), 'the alarm');
    assert.deepEqual([first!.device, first!.kind, first!.point], ['ek-1', 'intrusion', '1-07']);
    assert.match(first!.text!, /back door/);
    const again = plain.frame('SIA-DCS', '#1234|Nri1/BA07^back door^', { sequence: '0001' });
    assert.match((await plain.exchangeRaw(again))!.toString(), /"ACK"0001L0#1234\[\]/);
    const secret = panel({ transport, account: 'AB12', key: KEY_128 });
    assert.equal(await secret.contactId('1120'), 'ACK');
    await until(() => alarms().some(({ device, level }) => device === 'ek-2' && level === 1), 'the enciphered alarm');
    assert.equal(await secret.heartbeat(), 'ACK');
    await until(
      () => broker.heard.devices.some(({ device, what }) => device === 'ek-2' && what === 'heartbeat'),
      'life',
    );
    assert.equal(alarms().filter(({ device }) => device === 'ek-1').length, 1);
  });
}

test('the answer to an enciphered message is enciphered, with a timestamp', async (t) => {
  const { panel } = await house(t);
  const secret = panel({ account: 'AB12', key: KEY_128 });
  const answer = await secret.exchangeRaw(secret.frame('NULL', ''));
  assert.match(answer!.toString('latin1'), /"\*ACK"0001L0#AB12\[[0-9A-F]{32,}\r$/);
  const reading = readFrame(answer!, () => readKey(KEY_128));
  assert.ok(reading.kind === 'frame' && reading.frame.at !== undefined);
});

test('a clock out of the window gets NAK with our time, sets itself and gets through; 20 s ahead and 40 s behind are within', async (t) => {
  const clock = new ManualClock(Date.UTC(2026, 10, 22, 12, 0, 0));
  const { panel, receiver } = await house(t, {
    clock: Object.assign(Object.create(systemClock) as typeof systemClock, { now: () => clock.now() }),
  });
  const wrong = panel();
  for (const [driftMs, expected] of [
    [20_000, /"ACK"/],
    [-40_000, /"ACK"/],
    [21_000, /"NAK"0000R0L0A0\[\]_12:00:00,11-22-2026/],
    [-41_000, /"NAK"/],
  ] as const) {
    wrong.driftMs = driftMs;
    assert.match((await wrong.exchangeRaw(wrong.frame('NULL', '', { sequence: '0009' })))!.toString(), expected);
  }
  wrong.driftMs = 3600_000;
  assert.equal(await wrong.alarm('FA'), 'ACK');
  assert.equal(wrong.driftMs, 0);
  assert.equal(receiver.snapshot().alarms, 1);
});

test('a wrong CRC or length is not answered; an unknown id, a wrong key and plain text where a key is set get DUH', async (t) => {
  const { panel, receiver } = await house(t);
  const plain = panel();
  const broken = plain.frame('NULL', '');
  broken[12] = 0x41;
  assert.equal(await plain.exchangeRaw(broken, 300), undefined);
  assert.equal(await plain.send('XYZ-99', ''), 'DUH');
  assert.equal(await plain.send('SIA-DCS', '#1234|???'), 'DUH');
  assert.equal(await panel({ account: 'AB12' }).heartbeat(), 'DUH');
  assert.equal(await panel({ account: 'AB12', key: KEY_256 }).heartbeat(), 'DUH');
  assert.equal(await panel({ account: '9999', key: KEY_128 }).heartbeat(), 'DUH');
  assert.equal(receiver.snapshot().refused, 6);
});

test('an account that nobody has entered is an alarm of a device of its own', async (t) => {
  const { panel, alarms } = await house(t);
  assert.equal(await panel({ account: '77AA' }).alarm('PA'), 'ACK');
  await until(() => alarms().some(({ device }) => device === 'dc09-77AA'), 'the alarm of a stranger');
});

test('no key is in what is logged or shown', async (t) => {
  const said: string[] = [];
  const log = new Proxy(silentLog, {
    get: (_target, name) =>
      name === 'with' ? () => log : (...words: unknown[]) => void said.push(JSON.stringify(words)),
  }) as Log;
  const { panel, receiver } = await house(t, { log });
  await panel({ account: 'AB12', key: KEY_256 }).heartbeat();
  assert.ok(said.length > 0);
  const all = said.join('\n') + JSON.stringify(receiver.snapshot());
  assert.ok(!all.includes(KEY_128) && !all.includes(Buffer.from(KEY_128, 'hex').toString('base64')));
});
