import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { DeviceAlarm } from '@tocsin/protocol/gateway.ts';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { gatewayContract } from '../../../kit/contract.ts';
import { openTestBroker, until } from '../../../kit/test-broker.ts';
import { meaningOf } from './meaning.ts';
import { readRequest, readResponse, STATUS, writeResponse } from './message.ts';
import { startScaipReceiver, type ScaipReceiverOptions } from './receiver.ts';
import { startScaipUnit } from './unit-simulator.ts';

const common = { clock: systemClock, chance: systemChance, log: silentLog, host: '127.0.0.1' };
const devices = [{ account: '26317', device: 'ek-1' }];

gatewayContract('alarm-scaip', (environment) =>
  startScaipReceiver({ ...environment, id: 'under-test', host: '127.0.0.1', port: 0, devices }),
);

/** Messages of units of four makers, as published with open receivers of SCAIP, and what they mean. */
const PUBLISHED: [message: string, type: string, kind: string][] = [
  [
    '<mrq><ref>00001A85</ref><cha>0</cha><mty>PI</mty><cid>26317</cid><dty>02</dty><did>00</did><crd>no-voice:</crd><stc>102</stc></mrq>',
    'PI',
    'alive',
  ],
  ['<mrq><mty>PI</mty><ref>1998218577</ref><cid>10149471</cid><dty>2</dty></mrq>', 'PI', 'alive'],
  [
    '<mrq><ref>00001883</ref><cha>0</cha><mty>ME</mty><cid>26317</cid><dty>02</dty><did>00</did><crd>gsm:+37284463906</crd><stc>010</stc></mrq>',
    'ME',
    'one-key',
  ],
  ['<mrq><ref>1193308443</ref><cid>10149471</cid><dty>3</dty><stc>10</stc><crd>gsm:</crd></mrq>', 'ME', 'one-key'],
  [
    '<mrq><ref>yhexGeV5E49zglfi</ref><cid>999998</cid><dty>0004</dty><mty>ME</mty><stc>0010</stc><lco>002</lco><crd>gsm:</crd><cha>0</cha></mrq>',
    'ME',
    'one-key',
  ],
  [
    '<mrq><ref>lmepivnFqmI8Jvv1</ref><cid>999998</cid><dty>0002</dty><mty>ME</mty><stc>0067</stc><crd>gsm:</crd><cha>0</cha></mrq>',
    'ME',
    'other',
  ],
  [
    '<mrq><ref>803137200003</ref><mty>ME</mty><cid> 8031372</cid><dty>0004</dty><stc>0010</stc><crd>gsm:+</crd></mrq>',
    'ME',
    'one-key',
  ],
];

test('published messages of several makers mean what they say', () => {
  for (const [message, type, kind] of PUBLISHED) {
    const reading = readRequest(message);
    assert.ok(reading.kind === 'request', message);
    assert.equal(reading.request.messageType, type);
    const [report] = meaningOf(reading.request, []);
    assert.equal(report?.what === 'alarm' ? report.kind : report?.what, kind, message);
  }
});

test('a site’s own codes go first; a reset and a cancel are the end of what stood', () => {
  const request = (fields: string) => {
    const reading = readRequest(`<mrq><ref>1</ref><cid>7</cid>${fields}</mrq>`);
    assert.ok(reading.kind === 'request');
    return meaningOf(reading.request, [{ status: '0067', deviceType: '0011', kind: 'smoke', level: 1 }]);
  };
  const [smoke] = request('<dty>11</dty><stc>67</stc><did>5</did><stt>kök</stt>');
  assert.deepEqual(smoke, { what: 'alarm', kind: 'smoke', level: 1, point: '5', text: 'kök · SCAIP 0011/0067' });
  for (const fields of ['<mty>RE</mty><dty>4</dty><stc>10</stc>', '<dty>4</dty><stc>19</stc>']) {
    const [end] = request(fields);
    assert.ok(end?.what === 'alarm' && end.isOver && end.kind === 'one-key');
  }
  assert.equal(request('<mty>IN</mty><dty>4</dty><stc>10</stc>')[0]!.what, 'information');
});

test('what is wrong is refused with the status number of the standard', () => {
  const status = (body: string) => {
    const reading = readRequest(body);
    return reading.kind === 'refused' ? reading.status : 'taken';
  };
  assert.equal(status('<mrq><ref>1</ref>'), STATUS.invalidFormat);
  assert.equal(status('<mrs><ref>1</ref></mrs>'), STATUS.invalidFormat);
  assert.equal(status('<!DOCTYPE x><mrq/>'), STATUS.invalidFormat);
  assert.equal(status('<mrq><ref>1</ref><cid>7</cid><dty>4</dty></mrq>'), STATUS.tagMissing);
  assert.equal(
    status('<mrq><ref>1</ref><cid>7</cid><dty>4</dty><stc>10</stc><mty>XX</mty></mrq>'),
    STATUS.wrongContent,
  );
  assert.equal(status('<mrq><ref>1</ref><cid>7</cid><dty>four</dty><stc>10</stc></mrq>'), STATUS.wrongContent);
  assert.equal(status(`<mrq><ref>${'1'.repeat(300)}</ref><cid>7</cid><dty>4</dty><stc>10</stc></mrq>`), STATUS.tooLong);
  assert.equal(status('x'.repeat(5000)), STATUS.tooLong);
});

test('an answer is read as it was written, and whatever comes is read or refused', () => {
  const answer = { reference: 'a<b', status: 0, text: 'väl & gott', call: 'sip:119@10.0.0.2' };
  assert.deepEqual(readResponse(writeResponse(answer)), answer);
  assert.equal(readResponse('<mrs><ref>1</ref></mrs>'), undefined);
  const parts = fc.array(
    fc.constantFrom(
      '<mrq>',
      '</mrq>',
      '<ref>1</ref>',
      '<cid>7</cid>',
      '<dty>4</dty>',
      '<stc>',
      '10',
      '</stc>',
      '&x;',
      ']]>',
    ),
  );
  fc.assert(
    fc.property(parts, (each) => {
      const reading = readRequest(each.join(''));
      if (reading.kind === 'request') meaningOf(reading.request, []);
    }),
    { numRuns: 3000 },
  );
});

async function house(t: TestContext, more: Partial<ScaipReceiverOptions> = {}) {
  const broker = await openTestBroker();
  const journalFolder = mkdtempSync(join(tmpdir(), 'tocsin-scaip-'));
  const receiver = await startScaipReceiver({
    ...common,
    id: 'scaip-1',
    site: broker.site,
    mqttUrl: broker.url,
    journalFolder,
    port: 0,
    devices,
    callTo: 'sip:119@127.0.0.1',
    ...more,
  });
  t.after(async () => {
    await receiver[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
    rmSync(journalFolder, { recursive: true, force: true });
  });
  await until(() => broker.heard.online.some(({ body }) => body.online), 'online');
  const unit = async (controller: string, password?: string) => {
    const started = await startScaipUnit({
      ...common,
      receiver: `127.0.0.1:${receiver.port}`,
      controller,
      ...(password !== undefined && { password }),
    });
    t.after(() => started[Symbol.asyncDispose]());
    return started;
  };
  const alarms = () =>
    broker.heard.devices
      .filter(({ what }) => what === 'alarm')
      .map(({ device, body }) => ({ device, ...DeviceAlarm.parse(body) }));
  return { broker, receiver, unit, alarms };
}

test('a key is answered with 0 and the number to call, a repeat is the same alarm, a heartbeat is a sign of life', async (t) => {
  const { broker, unit, alarms } = await house(t);
  const home = await unit('26317');
  assert.deepEqual(await home.press({ ref: 'R1', crd: 'sip:26317@10.0.0.9' }), {
    reference: 'R1',
    status: STATUS.ok,
    call: 'sip:119@127.0.0.1',
  });
  assert.deepEqual(await home.press({ ref: 'R1', crd: 'no-voice:' }), { reference: 'R1', status: STATUS.ok });
  await until(() => alarms().length > 0, 'the alarm');
  assert.deepEqual([alarms()[0]!.device, alarms()[0]!.kind, alarms()[0]!.alarm], ['ek-1', 'one-key', 'scaip-R1']);
  assert.ok(alarms().every(({ alarm }) => alarm === 'scaip-R1'));
  assert.equal((await home.heartbeat())?.status, STATUS.ok);
  await until(() => broker.heard.devices.some(({ device, what }) => device === 'ek-1' && what === 'heartbeat'), 'life');
});

test('a false name, a missing field and a stranger are refused by number', async (t) => {
  const { unit, alarms, receiver } = await house(t, { strangers: 'refuse' });
  const home = await unit('26317');
  assert.equal((await home.press({ cid: '26318' }))?.status, STATUS.wrongContent);
  assert.equal((await home.sendBody('<mrq><ref>R2</ref><cid>26317</cid></mrq>', 'R2'))?.status, STATUS.tagMissing);
  const stranger = await unit('555');
  assert.deepEqual(await stranger.press({ ref: 'R3' }), {
    reference: 'R3',
    status: STATUS.notTreated,
    text: 'this unit is not known here',
  });
  assert.deepEqual(alarms(), []);
  assert.equal(receiver.snapshot().refused, 3);
});

test('with passwords a unit must prove who it is', async (t) => {
  const { unit, alarms } = await house(t, {
    devices: [
      { account: '26317', device: 'ek-1', password: 'right' },
      { account: '26318', device: 'ek-2', password: 'other' },
    ],
  });
  assert.equal(await (await unit('26317', 'wrong')).press(), undefined);
  assert.equal((await (await unit('26317', 'right')).press())?.status, STATUS.ok);
  await until(() => alarms().length === 1, 'one alarm');
});
