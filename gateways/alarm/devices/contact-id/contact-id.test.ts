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
import { startDialler } from './dialler-simulator.ts';
import { readDialled, writeDialled } from './message.ts';
import { startContactIdReceiver } from './receiver.ts';

const common = { clock: systemClock, chance: systemChance, log: silentLog, host: '127.0.0.1' };
const doors = { sipPort: 0, servers: ['127.0.0.1'], numbers: ['9198'], devices: [{ account: '1234', device: 'ek-1' }] };

gatewayContract('alarm-contact-id', (environment) =>
  startContactIdReceiver({ ...environment, ...doors, host: '127.0.0.1', id: 'under-test' }),
);

test('the example of the standard: account 1234, perimeter alarm, zone 15, checksum 8', () => {
  assert.equal(writeDialled({ account: '1234', event: '113101015' }), '1234181131010158');
  assert.deepEqual(readDialled('1234181131010158'), {
    kind: 'message',
    message: { account: '1234', event: '113101015' },
  });
  assert.equal(readDialled('1234181131010157').kind, 'wrong');
  assert.equal(readDialled('12341811310101').kind, 'wrong');
  assert.equal(readDialled('D234181131010158').kind, 'wrong');
});

test('every message has a checksum that fits, and one wrong digit never does', () => {
  const digit = fc.constantFrom(...'0123456789BCDEF');
  const text = (length: number) =>
    fc.array(digit, { minLength: length, maxLength: length }).map((each) => each.join(''));
  fc.assert(
    fc.property(text(4), text(9), fc.nat(15), fc.constantFrom(...'0123456789*#ABC'), (account, event, at, key) => {
      const keys = writeDialled({ account, event });
      assert.deepEqual(readDialled(keys), { kind: 'message', message: { account, event } });
      const wrong = keys.slice(0, at) + key + keys.slice(at + 1);
      if (wrong !== keys) assert.equal(readDialled(wrong).kind, 'wrong');
    }),
  );
  fc.assert(fc.property(fc.string(), (keys) => void readDialled(keys)));
});

async function house(t: TestContext) {
  const broker = await openTestBroker();
  const journalFolder = mkdtempSync(join(tmpdir(), 'tocsin-cid-'));
  const receiver = await startContactIdReceiver({
    ...common,
    ...doors,
    id: 'cid-1',
    site: broker.site,
    mqttUrl: broker.url,
    journalFolder,
  });
  const dialler = await startDialler(common);
  t.after(async () => {
    await dialler[Symbol.asyncDispose]();
    await receiver[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
    rmSync(journalFolder, { recursive: true, force: true });
  });
  await until(() => broker.heard.online.some(({ body }) => body.online), 'online');
  const alarms = () =>
    broker.heard.devices
      .filter(({ what }) => what === 'alarm')
      .map(({ device, body }) => ({ device, ...DeviceAlarm.parse(body) }));
  return { receiver, dialler, alarms, target: `sip:9198@127.0.0.1:${receiver.sipPort}` };
}

test('a dialler calls, hears the handshake, dials 16 digits as sound and hears the kiss-off: the alarm is there', async (t) => {
  const { dialler, alarms, target, receiver } = await house(t);
  assert.deepEqual(await dialler.send({ account: '1234', event: '113101015' }, { target }), {
    kind: 'delivered',
    tries: 1,
  });
  await until(() => alarms().length === 1, 'the alarm');
  const [alarm] = alarms();
  assert.deepEqual([alarm!.device, alarm!.kind, alarm!.point], ['ek-1', 'intrusion', '015']);
  await until(() => receiver.snapshot().calls === 0, 'the line is free');
});

test('digits that a bad line spoils are not kissed off; sent again they are one alarm', async (t) => {
  const { dialler, alarms, target, receiver } = await house(t);
  const outcome = await dialler.send({ account: '77B1', event: '110000000' }, { target }, (keys, attempt) =>
    attempt === 1 ? keys.replace('7', '8') : keys,
  );
  assert.deepEqual(outcome, { kind: 'delivered', tries: 2 });
  await until(() => alarms().length === 1, 'the alarm');
  assert.deepEqual([alarms()[0]!.device, alarms()[0]!.kind], ['cid-77B1', 'one-key']);
  assert.equal(receiver.snapshot().refused, 1);
});
