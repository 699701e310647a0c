import assert from 'node:assert/strict';
import { connect as connectTcp } from 'node:net';
import { test, type TestContext } from 'node:test';
import { connectAsync } from 'mqtt';
import fc from 'fast-check';
import { DeviceAlarm } from '@tocsin/protocol/gateway.ts';
import { systemChance } from '#kernel/chance.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { PacketSizeGuard } from './bounded-connection.ts';
import { openBroker, type BrokerOptions } from './broker.ts';
import { openMqtt } from './client.ts';
import type { MqttIdentity } from './rights.ts';
import { covers, isFilter, matches } from './topic-filter.ts';

const common = { clock: systemClock, chance: systemChance, log: silentLog };
const any = { safeParse: (data: unknown) => ({ success: true as const, data }) };

async function brokerAndLine(t: TestContext, options: Partial<BrokerOptions> = {}) {
  const broker = await openBroker({ host: '127.0.0.1', port: 0, site: 'demo', ...common, ...options });
  const line = await openMqtt({ broker, ...common });
  t.after(async () => {
    await line[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
  });
  return { broker, line };
}

test('a device on loopback needs no password, and its alarm comes parsed', async (t) => {
  const { broker, line } = await brokerAndLine(t);
  const heard: unknown[] = [];
  await line.subscribe(
    'tocsin/demo/device/+/alarm',
    DeviceAlarm,
    ({ topic, body }) => void heard.push([topic, body.kind]),
  );
  await line.listen();
  const device = await connectAsync(broker.url);
  await device.publishAsync('tocsin/demo/device/ek-1/alarm', '{"kind":"fall"}', { qos: 1 });
  await device.endAsync();
  assert.deepEqual(heard, [['tocsin/demo/device/ek-1/alarm', 'fall']]);
});

test('a malformed body is acknowledged, dropped, counted, and explained', async (t) => {
  const { broker, line } = await brokerAndLine(t);
  const complaints: string[] = [];
  line.on('malformed', ({ why }) => complaints.push(why));
  await line.subscribe('tocsin/demo/device/+/alarm', DeviceAlarm, () => assert.fail('nothing is well-formed here'));
  await line.listen();
  const device = await connectAsync(broker.url);
  for (const body of ['{', '[]', '{"kind":"earthquake"}', Buffer.from([0xff, 0xfe]), Buffer.alloc(70_000, 0x20)])
    await device.publishAsync('tocsin/demo/device/ek-1/alarm', body, { qos: 1 });
  await device.endAsync();
  assert.equal(complaints.length, 5);
  assert.match(complaints[0]!, /not JSON/);
  assert.match(complaints[2]!, /"kind": .*one-key/);
  assert.match(complaints[4]!, /70000 bytes; the limit is 65536/);
  assert.equal(line.snapshot().malformed, 5);
});

test('an acknowledgement means that the handler has finished', async (t) => {
  const { broker, line } = await brokerAndLine(t);
  const gate = Promise.withResolvers<void>();
  await line.subscribe('tocsin/demo/device/+/alarm', DeviceAlarm, () => gate.promise);
  await line.listen();
  const device = await connectAsync(broker.url);
  let isAcknowledged = false;
  const published = device
    .publishAsync('tocsin/demo/device/a/alarm', '{}', { qos: 1 })
    .then(() => (isAcknowledged = true));
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(isAcknowledged, false);
  gate.resolve();
  await published;
  await device.endAsync();
});

test('a message that comes before the server listens waits for it', async (t) => {
  const { broker, line } = await brokerAndLine(t);
  const device = await connectAsync(broker.url);
  const published = device.publishAsync('tocsin/demo/device/a/alarm', '{}', { qos: 1 });
  await new Promise((resolve) => setTimeout(resolve, 100));
  let heard = 0;
  await line.subscribe('tocsin/demo/device/+/alarm', DeviceAlarm, () => void heard++);
  await line.listen();
  await published;
  assert.equal(heard, 1);
  await device.endAsync();
});

test('what waits for the server waits for every subscription, not for the first', async (t) => {
  const { broker, line } = await brokerAndLine(t);
  const device = await connectAsync(broker.url);
  const published = device.publishAsync('tocsin/demo/device/a/alarm', '{}', { qos: 1 });
  let heard = 0;
  await line.subscribe('tocsin/demo/device/+/heartbeat', any, () => {});
  await new Promise((resolve) => setTimeout(resolve, 100));
  await line.subscribe('tocsin/demo/device/+/alarm', DeviceAlarm, () => void heard++);
  await line.listen();
  await published;
  assert.equal(heard, 1);
  await device.endAsync();
});

test('a message whose handler fails is not acknowledged, and comes again', async (t) => {
  const { broker, line } = await brokerAndLine(t);
  let tries = 0;
  await line.subscribe('tocsin/demo/device/+/alarm', DeviceAlarm, () => {
    tries += 1;
    if (tries === 1) throw new Error('the database is away');
  });
  await line.listen();
  const device = await connectAsync(broker.url, { reconnectPeriod: 50 });
  await device.publishAsync('tocsin/demo/device/a/alarm', '{}', { qos: 1 });
  assert.equal(tries, 2);
  assert.equal(broker.snapshot().notTaken, 1);
  await device.endAsync();
});

test('with credentials, a device publishes on its own topics only', async (t) => {
  const identities: Record<string, MqttIdentity> = {
    'ek-1:right': { kind: 'device', id: 'ek-1' },
    'sms:right': { kind: 'gateway', id: 'sms' },
  };
  const { broker, line } = await brokerAndLine(t, {
    credentials: async (user, password) => identities[`${user}:${password}`],
  });
  const heard: string[] = [];
  await line.subscribe(
    'tocsin/demo/#',
    { safeParse: (data) => ({ success: true, data }) },
    ({ topic }) => void heard.push(topic),
  );
  await line.listen();

  await assert.rejects(connectAsync(broker.url, { reconnectPeriod: 0 }), /not authorized|bad user/i);
  await assert.rejects(
    connectAsync(broker.url, { reconnectPeriod: 0, username: 'ek-1', password: 'wrong' }),
    /bad user/i,
  );

  const device = await connectAsync(broker.url, { reconnectPeriod: 0, username: 'ek-1', password: 'right' });
  await device.publishAsync('tocsin/demo/device/ek-1/alarm', '{}', { qos: 1 });
  const closed = new Promise<void>((resolve) => device.once('close', () => resolve()));
  device.publish('tocsin/demo/device/ek-2/alarm', '{}', { qos: 1 });
  await closed;

  const gateway = await connectAsync(broker.url, { reconnectPeriod: 0, username: 'sms', password: 'right' });
  await assert.rejects(gateway.subscribeAsync('tocsin/demo/gateway/+/command'), /Unspecified|128|denied|error/i);
  await gateway.publishAsync('tocsin/demo/gateway/sms/event', '{}', { qos: 1 });
  await gateway.endAsync();
  assert.deepEqual(heard, ['tocsin/demo/device/ek-1/alarm', 'tocsin/demo/gateway/sms/event']);
});

test('bytes that are not MQTT, and packets that are too large, end their own connection and nothing else', async (t) => {
  const { broker } = await brokerAndLine(t);
  const good = await connectAsync(broker.url);
  for (const bytes of [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]),
    Buffer.alloc(64, 0xff),
  ]) {
    const socket = connectTcp(broker.address.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(bytes);
    await new Promise((resolve) => socket.once('close', resolve));
  }
  assert.equal(broker.snapshot().malformed, 3);
  await good.publishAsync('tocsin/demo/gateway/g/online', '{}', { qos: 0 });
  assert.equal(good.connected, true);
  await good.endAsync();
});

test('a retained online comes to a late subscriber, and the last will when its gateway dies', async (t) => {
  const { broker, line } = await brokerAndLine(t);
  const topic = 'tocsin/demo/gateway/g/online';
  const gateway = await connectAsync(broker.url, {
    will: { topic, payload: Buffer.from('{"online":false}'), qos: 1, retain: true },
  });
  await gateway.publishAsync(topic, '{"online":true}', { qos: 0, retain: true });
  const heard: unknown[] = [];
  while (broker.retained('tocsin/demo/gateway/+/online').length === 0)
    await new Promise((resolve) => setTimeout(resolve, 10));
  const gone = Promise.withResolvers<void>();
  await line.subscribe('tocsin/demo/gateway/+/online', any, ({ body }) => {
    heard.push(body);
    if (heard.length === 2) gone.resolve();
  });
  await line.listen();
  gateway.stream.destroy();
  gateway.end(true);
  await gone.promise;
  assert.deepEqual(heard, [{ online: true }, { online: false }]);
});

test('the line to an outside broker comes back by itself and acknowledges after the handler', async (t) => {
  const { broker, line } = await brokerAndLine(t);
  await line.subscribe('tocsin/demo/server', DeviceAlarm, () => {});
  await line.listen();
  const remote = await openMqtt({
    url: broker.url,
    clientId: 'tocsin-server-test',
    ...broker.ownCredentials,
    ...common,
  });
  t.after(() => remote[Symbol.asyncDispose]());
  const heard: string[] = [];
  let wake = Promise.withResolvers<void>();
  await remote.subscribe('tocsin/demo/device/+/alarm', DeviceAlarm, ({ body }) => {
    heard.push(body.kind);
    wake.resolve();
  });
  await remote.listen();
  await broker.publish('tocsin/demo/device/a/alarm', Buffer.from('{"kind":"fall"}'));
  await wake.promise;
  wake = Promise.withResolvers();
  const back = new Promise<void>((resolve) => void remote.once('connected', resolve));
  // A second connection with the same client id throws the first one out (MQTT 3.1.1 §3.1.4).
  const thief = await connectAsync(broker.url, {
    clientId: 'tocsin-server-test',
    reconnectPeriod: 0,
    ...broker.ownCredentials,
  });
  await back;
  await thief.endAsync();
  await remote.publish('tocsin/demo/device/b/alarm', { kind: 'gas' });
  await wake.promise;
  assert.deepEqual(heard, ['fall', 'gas']);
});

test('the size guard follows any cutting of the stream into chunks', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 0, max: 300 })), { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 200 }),
      (packets, cuts) => {
        const bytes = Buffer.concat(
          packets.map(([type, length]) =>
            Buffer.concat([
              Buffer.from(length < 128 ? [type << 4, length] : [type << 4, (length & 127) | 128, length >> 7]),
              Buffer.alloc(length, 0xff),
            ]),
          ),
        );
        const guard = new PacketSizeGuard(300);
        for (let at = 0, cut = 0; at < bytes.length; cut++) {
          const step = cuts[cut % cuts.length]!;
          assert.equal(guard.take(bytes.subarray(at, at + step)), undefined);
          at += step;
        }
      },
    ),
  );
  assert.match(new PacketSizeGuard(300).take(Buffer.from([0x30, 0xad, 0x02]))!, /301 bytes or more/);
});

test('filters match as MQTT 3.1.1 §4.7 says', () => {
  assert.ok(
    matches('sport/#', 'sport') && matches('sport/+', 'sport/') && matches('+/+', '/finance') && matches('#', 'a/b'),
  );
  assert.ok(!matches('sport/+', 'sport') && !matches('#', '$SYS/x') && !matches('a/b', 'a/b/c'));
  assert.ok(isFilter('a/+/#') && !isFilter('a/#/b') && !isFilter('a+') && !isFilter(''));
  assert.ok(covers('a/#', 'a/+/b') && !covers('a/+', 'a/#') && covers('a/+', 'a/b'));
});
