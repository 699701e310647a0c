import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { DeviceReading } from '@tocsin/protocol/gateway.ts';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { gatewayContract } from '../../kit/contract.ts';
import { crc16 } from '../../kit/crc16.ts';
import { openTestBroker, until } from '../../kit/test-broker.ts';
import { startTelemetryCentre } from './centre.ts';
import { ENDS, FUNCTIONS, readDownFrame, readUpFrame, writeDownFrame, writeUpFrame, type UpFrame } from './frame.ts';
import { readReport } from './report.ts';
import { level, rain, StationSimulator, volts, type StationOptions } from './station-simulator.ts';

const stations = [
  {
    address: '0012345678',
    password: '1234',
    leastVolts: 11,
    gauges: [
      { element: '39', gauge: 'g-dam', unit: 'm' },
      { element: '20', gauge: 'g-rain', unit: 'mm' },
    ],
  },
];

gatewayContract('sensor-sl651', (environment) =>
  startTelemetryCentre({ ...environment, id: 'under-test', host: '127.0.0.1', port: 0, stations }),
);

function frameOf(hex: string): UpFrame {
  const reading = readUpFrame(Buffer.from(hex, 'hex'));
  assert.ok(reading.kind === 'frame', JSON.stringify(reading));
  assert.equal(reading.used, hex.length / 2);
  return reading.frame;
}

const said = (hex: string) => {
  const report = readReport(frameOf(hex), 8)!;
  return {
    ...report,
    observations: report.observations.map(({ element, value, at }) => [element, value, new Date(at).toISOString()]),
  };
};

// The messages by which the standard is taught in public: frames of real stations with their meaning.
test('published frames decode to what SL 651-2014 says', () => {
  const link = frameOf('7E7E01001234567812342F0008020003591011155111036BCA');
  assert.deepEqual(
    [link.centre, link.station, link.password, link.function, link.hasMore],
    ['01', '0012345678', '1234', FUNCTIONS.linkMaintenance, false],
  );
  assert.equal(readReport(link, 8)?.serial, '0003');

  const test30 =
    '7E7E010012345678123430002B020003591011154947F1F1001234567848F0F0591011154920190000052619000005392300000127381211150320FA';
  assert.deepEqual(said(test30), {
    serial: '0003',
    at: Date.UTC(2059, 9, 11, 7, 49, 47),
    observations: [
      ['20', 0.5, '2059-10-11T07:49:00.000Z'],
      ['26', 0.5, '2059-10-11T07:49:00.000Z'],
      ['39', 0.127, '2059-10-11T07:49:00.000Z'],
    ],
    voltage: 11.15,
    isPartial: false,
  });
  const timed = said(
    '7E7E05001122334403E832002B020034170718110016F1F1001122334448F0F01707181100201900004026190000403923000104903812109903A421',
  );
  assert.deepEqual(
    timed.observations.map(([element, value]) => [element, value]),
    [
      ['20', 4],
      ['26', 4],
      ['39', 10.49],
    ],
  );
  assert.equal(timed.voltage, 10.99);

  const hourly = frameOf(
    '7E7E1000123456781234340038020001140612020000F1F1001234567850F0F01406120200F46000000000000000000000000026190000002019000000' +
      '1A190000003812129003' +
      '4383',
  );
  assert.equal(hourly.function, FUNCTIONS.hourly);
  const report = readReport(hourly, 8)!;
  assert.equal(report.voltage, 12.9);
  assert.equal(report.observations.filter(({ element }) => element === 'f4').length, 12);
  assert.equal(report.observations[0]!.at, Date.UTC(2014, 5, 11, 18, 0) - 55 * 60_000);
});

test('published answers are what we answer', () => {
  const to = { coding: 'hex', centre: '01', station: '0012345678', password: '1234', function: 0x30 } as const;
  assert.equal(
    writeDownFrame(to, { serial: '0003', time: '591011154947', end: ENDS.stay }).toString('hex').toUpperCase(),
    '7E7E00123456780112343080080200035910111549471B75D4',
  );
  const other = { coding: 'hex', centre: '10', station: '0012345678', password: '1234', function: 0x34 } as const;
  const answer = writeDownFrame(other, { serial: '0001', time: '140613143853', end: ENDS.over });
  assert.equal(answer.toString('hex').toUpperCase(), '7E7E00123456781012343480080200011406131438530' + '4696E');
  assert.deepEqual(readDownFrame(answer), { station: '0012345678', function: 0x34, serial: '0001', end: ENDS.over });
});

test('values at equal steps, negative ones, missing ones, five-minute levels and the state of the station are read', () => {
  const body = (elements: string, code: number = FUNCTIONS.timed) =>
    readReport(
      {
        coding: 'hex',
        function: code,
        body: Buffer.from(`0001261122130000f1f1001234567848f0f02611221255${elements}`, 'hex'),
      },
      8,
    )!;
  const start = Date.UTC(2026, 10, 22, 4, 55);
  assert.deepEqual(
    body('04180000053923000001220000028500010490ffffffff00010491', FUNCTIONS.uniformInterval).observations.map(
      ({ value, at }) => [value, (at - start) / 60_000],
    ),
    [
      [0.122, 0],
      [0.285, 5],
      [10.49, 10],
      [10.491, 20],
    ],
  );
  const series = body('041800000539230000012200000285' + '38121109', FUNCTIONS.uniformInterval);
  assert.deepEqual([series.observations.length, series.voltage], [2, 11.09]);
  assert.deepEqual(body('3923ff000127').observations[0]?.value, -0.127);
  assert.deepEqual(body('3923aaaaaaaa').observations, []);
  const levels = body('f5c0' + '0aaa'.repeat(11) + 'ffff').observations;
  assert.deepEqual([levels.length, levels[0]!.value, levels[0]!.at], [11, 27.3, start - 55 * 60_000]);
  assert.equal(body('452000000004').status, 4);
  assert.equal(body('392300000127fdf60102').isPartial, true);
});

test('what is written is read again, in octets and in characters', () => {
  for (const coding of ['hex', 'ascii'] as const) {
    const head = { coding, centre: '01', station: '0012345678', password: 'AB12', function: FUNCTIONS.added };
    const frame = { ...head, body: Buffer.from('some body') };
    assert.deepEqual(readUpFrame(writeUpFrame(frame)), {
      kind: 'frame',
      frame: { ...frame, hasMore: false },
      used: writeUpFrame(frame).length,
    });
    const packet = { ...frame, packet: { count: 3, number: 2 }, hasMore: true };
    const read = readUpFrame(writeUpFrame(packet));
    assert.ok(read.kind === 'frame');
    assert.deepEqual(read.frame, packet);
  }
});

test('whatever comes, frames and reports are read or refused, and a stream always moves on', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const reading = readUpFrame(Buffer.from(bytes));
      if (reading.kind !== 'more') assert.ok(reading.used > 0);
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(
      fc.constantFrom('hex' as const, 'ascii' as const),
      fc.uint8Array({ maxLength: 120 }),
      (coding, bytes) => {
        const prefix = coding === 'hex' ? Buffer.from('0001261122130000', 'hex') : Buffer.from('0001261122130000');
        readReport({ coding, function: FUNCTIONS.timed, body: Buffer.concat([prefix, bytes]) }, 8);
        readReport({ coding, function: FUNCTIONS.uniformInterval, body: Buffer.from(bytes) }, 8);
      },
    ),
    { numRuns: 2000 },
  );
});

async function house(t: TestContext) {
  const broker = await openTestBroker();
  const journalFolder = mkdtempSync(join(tmpdir(), 'tocsin-sl651-'));
  const common = { clock: systemClock, chance: systemChance, log: silentLog };
  const centre = await startTelemetryCentre({
    ...common,
    id: 'telemetry',
    site: broker.site,
    mqttUrl: broker.url,
    journalFolder,
    host: '127.0.0.1',
    port: 0,
    stations,
  });
  t.after(async () => {
    await centre[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
    rmSync(journalFolder, { recursive: true, force: true });
  });
  await until(() => broker.heard.online.some(({ body }) => body.online), 'online');
  const station = (more: Partial<StationOptions> = {}) =>
    new StationSimulator({
      host: '127.0.0.1',
      port: centre.port,
      address: '0012345678',
      coding: 'hex',
      clock: systemClock,
      ...more,
    });
  const readings = () =>
    broker.heard.devices
      .filter(({ what }) => what === 'reading')
      .map(({ device, body }) => ({ gauge: device, ...DeviceReading.parse(body) }));
  return { broker, centre, station, readings };
}

for (const coding of ['hex', 'ascii'] as const) {
  test(`in ${coding}: a report is answered with its serial number when it is stored, and its values are readings`, async (t) => {
    const { station, readings, centre, broker } = await house(t);
    const one = station({ coding });
    const at = Math.floor(systemClock.now() / 60_000) * 60_000;
    const answer = await one.report(FUNCTIONS.added, [level(168.42), rain(12.5), volts(10.5)], at);
    assert.deepEqual(answer, { station: '0012345678', function: FUNCTIONS.added, serial: '0001', end: ENDS.stay });
    await until(() => readings().length === 2, 'both readings');
    assert.deepEqual(
      readings().toSorted((a, b) => a.gauge.localeCompare(b.gauge)),
      [
        { gauge: 'g-dam', value: 168.42, unit: 'm', at },
        { gauge: 'g-rain', value: 12.5, unit: 'mm', at },
      ],
    );
    await until(
      () => broker.heard.events.some((event) => event.kind === 'resource' && event.resource.state === 'degraded'),
      'the low battery is shown',
    );
    assert.equal(await one.exchange([one.frame(FUNCTIONS.linkMaintenance, [])], 200), undefined);
    assert.equal(centre.snapshot().links, 1);
  });

  test(`in ${coding}: a report in packets is one report; a packet that is missing is asked for`, async (t) => {
    const { station, readings, centre } = await house(t);
    const one = station({ coding });
    const packets = one.packets(FUNCTIONS.timed, [level(170.001), rain(3)], 20);
    assert.ok(packets.length >= 2);
    const [first, ...others] = packets;
    const asked = await one.exchange(others);
    assert.deepEqual(readDownFrame(asked!)?.end, ENDS.repeat);
    const answer = await one.exchange([first!]);
    assert.equal(readDownFrame(answer!)?.end, ENDS.stay);
    await until(() => readings().length === 2, 'the readings');
    assert.equal(centre.snapshot().repeatsAsked, 1);
  });
}

test('by UDP, and in one stream with garbage before and a broken frame between', async (t) => {
  const { station, readings, centre } = await house(t);
  const one = station();
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  const answer = new Promise<Buffer>((resolve) => socket.once('message', resolve));
  socket.send(one.frame(FUNCTIONS.timed, [level(1)]), centre.port, '127.0.0.1');
  assert.equal(readDownFrame(await answer)?.function, FUNCTIONS.timed);
  const broken = one.frame(FUNCTIONS.timed, [level(2)]);
  broken[20]! ^= 0xff;
  // A gauge has one value for a time: this one is of another minute.
  const good = one.frame(FUNCTIONS.timed, [level(3)], systemClock.now() - 60_000);
  assert.ok(await one.exchange([Buffer.concat([Buffer.from('noise~'), broken, good])]));
  await until(() => readings().some(({ value }) => value === 3), 'the good one');
  assert.ok(!readings().some(({ value }) => value === 2));
});

test('a stranger and a wrong password are neither answered nor taken', async (t) => {
  const { station, readings, centre } = await house(t);
  const stranger = station({ address: '0099999999' });
  assert.equal(await stranger.exchange([stranger.frame(FUNCTIONS.timed, [level(1)])], 200), undefined);
  const wrong = station({ password: '0000' });
  assert.equal(await wrong.exchange([wrong.frame(FUNCTIONS.timed, [level(1)])], 200), undefined);
  assert.equal(centre.snapshot().refused, 2);
  assert.deepEqual(readings(), []);
  assert.equal(crc16(Buffer.from('123456789'), 0xffff), 0x4b37);
});
