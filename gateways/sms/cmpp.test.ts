import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { gatewayContract } from '../kit/contract.ts';
import { openTestBroker, until } from '../kit/test-broker.ts';
import {
  CmppFrames,
  messageIdOf,
  proofOfSender,
  readCmpp,
  readReport,
  timestampOf,
  writeCmpp,
  writeReport,
  type CmppVersion,
  type NumberedPdu,
} from './cmpp.ts';
import { openIsmgSimulator, type IsmgOptions } from './cmpp-simulator.ts';
import { openCmppSession } from './cmpp-session.ts';
import type { ProviderConfig } from './provider.ts';
import { startSmsGateway } from './sms-gateway.ts';

const common = { clock: systemClock, chance: systemChance, log: silentLog };
const login = { systemId: '901234', password: 'shared-secret' };
const VERSIONS: CmppVersion[] = ['2.0', '3.0'];

function providerAt({ host, port }: { host: string; port: number }, version: CmppVersion): ProviderConfig {
  return {
    id: 'cmcc',
    protocol: 'cmpp',
    host,
    port,
    version,
    ...login,
    serviceId: 'TOCSIN',
    sourceAddress: '10690001',
  };
}

async function world(
  t: TestContext,
  version: CmppVersion,
  options: Partial<IsmgOptions> = {},
  receiptWithinMs = 60_000,
) {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const journalFolder = mkdtempSync(join(tmpdir(), 'tocsin-cmpp-'));
  stack.defer(() => rmSync(journalFolder, { recursive: true, force: true }));
  const broker = stack.use(await openTestBroker());
  const ismg = stack.use(
    await openIsmgSimulator({ ...common, ...login, version, behaviour: { reportAfterMs: 20 }, ...options }),
  );
  const gateway = stack.use(
    await startSmsGateway({
      ...common,
      id: 'sms',
      site: broker.site,
      mqttUrl: broker.url,
      journalFolder,
      providers: [providerAt(ismg, version)],
      receiptWithinMs,
    }),
  );
  await until(() => gateway.snapshot().providers[0]!.isUp && broker.heard.online.some(({ body }) => body.online), 'up');
  const say = (command: string, text: string, to = '+8613800000001') =>
    broker.command('sms', { kind: 'send-text', command, to, text });
  const told = (command: string) =>
    broker.heard.events.filter((event) => 'command' in event && event.command === command).map(({ kind }) => kind);
  return { broker, ismg, gateway, say, told };
}

gatewayContract('sms over CMPP', async (environment) => {
  const ismg = await openIsmgSimulator({ ...common, ...login, version: '2.0' });
  const providers = [providerAt(ismg, '2.0')];
  const gateway = await startSmsGateway({ ...environment, id: 'under-test', providers });
  return {
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await ismg[Symbol.asyncDispose]();
    },
  };
});

for (const version of VERSIONS) {
  test(`CMPP ${version}: short, long and Chinese texts go out and are reported; texts from phones come in`, async (t) => {
    const { ismg, say, told, broker } = await world(t, version, {
      behaviour: { reportAfterMs: 20, words: { '13900000000': 'MK:0013' } },
    });
    const long = '水库开始泄洪，下游群众立即撤离。'.repeat(10);
    await say('c-1', 'gate 3 open [ok]');
    await say('c-2', long);
    await say('c-3', '不在服务区', '13900000000');
    await until(() => ['c-1', 'c-2'].every((each) => told(each).includes('text-delivered')), 'delivered');
    await until(() => told('c-3').includes('text-failed'), 'failed');
    assert.deepEqual(told('c-1'), ['text-sent', 'text-delivered']);
    const parts = ismg.submits.filter(({ total }) => total > 1).sort((a, b) => a.part - b.part);
    assert.equal(parts.map(({ text }) => text).join(''), long);
    assert.deepEqual([...new Set(ismg.submits.map(({ to }) => to))].sort(), ['13800000001', '13900000000']);
    assert.ok(ismg.submits.some(({ text }) => text === 'gate 3 open [ok]'));
    await until(() => ismg.counts.acknowledged === ismg.counts.reports, 'every report acknowledged');

    ismg.sendText({ from: '13811112222', to: '10690001', text: long });
    const received = await until(() => broker.heard.events.find(({ kind }) => kind === 'text-received'), 'the text');
    assert.ok(received.kind === 'text-received');
    assert.deepEqual([received.from, received.to, received.text], ['13811112222', '10690001', long]);
    assert.deepEqual(broker.heard.malformed, []);
  });
}

test('a CMPP gateway that throttles and cuts is sent less, and every text ends', async (t) => {
  const { ismg, say, told, gateway } = await world(t, '3.0', {
    behaviour: { reportAfterMs: 5, throttleAbovePerS: 20 },
  });
  const commands = Array.from({ length: 50 }, (_, n) => `c-${n}`);
  await Promise.all(commands.map((command) => say(command, command)));
  await until(() => ismg.counts.throttled > 0, 'throttled');
  await until(() => commands.every((command) => told(command).includes('text-delivered')), 'all delivered', 40_000);
  assert.equal(new Set(ismg.submits.map(({ text }) => text)).size, 50);
  assert.equal(ismg.submits.length, 50);
  ismg.cut();
  await until(() => ismg.counts.connects === 2, 'connected again');
  ismg.testLine();
  await until(() => gateway.snapshot().providers[0]!.isUp, 'up again');
  await say('c-last', 'after the cut');
  await until(() => told('c-last').includes('text-delivered'), 'delivered');
});

test('a report that never comes is told as lost, and a late one is still believed', async (t) => {
  const { say, told, ismg, broker } = await world(t, '2.0', { behaviour: { loseReports: 1 } }, 1000);
  await say('c-1', 'into the dark');
  await until(() => told('c-1').includes('text-receipt-lost'), 'lost', 20_000);
  assert.deepEqual(told('c-1'), ['text-sent', 'text-receipt-lost']);
  const lost = broker.heard.events.find(({ kind }) => kind === 'text-receipt-lost');
  assert.ok(lost?.kind === 'text-receipt-lost' && /CMPP has no query/.test(lost.because));
  assert.equal(ismg.counts.lost, 1);
});

test('a wrong secret, an unknown account and a version too high are refused in words', async (t) => {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const ismg = stack.use(await openIsmgSimulator({ ...common, ...login, version: '2.0' }));
  const options = {
    ...common,
    ...login,
    ...ismg,
    host: ismg.host,
    port: ismg.port,
    serviceId: '',
    version: '2.0' as const,
  };
  const open = (change: object) => openCmppSession({ ...options, ...change, onDelivery: () => Promise.resolve() });
  await assert.rejects(open({ password: 'guessed' }), /authentication failed/);
  await assert.rejects(open({ systemId: 'nobody' }), /unknown source address/);
  // Bytes that are no CMPP end their connection and nothing else.
  const garbage = connect(ismg.port, ismg.host, () => garbage.write('GET / HTTP/1.1\r\n\r\n'));
  garbage.on('error', () => {});
  await new Promise<void>((resolve) => garbage.on('close', () => resolve()));
  const session = stack.use(await open({}));
  assert.equal(await session.enquire(), true);
});

test('the proof of a sender is the MD5 that the specification asks for', () => {
  // Computed apart: printf '901234\0\0\0\0\0\0\0\0\0shared-secret0102030405' | md5sum
  assert.equal(proofOfSender('901234', 'shared-secret', 102030405).toString('hex'), '9a7f36af8b41af677876bde6188d213c');
  assert.equal(timestampOf(new Date(2026, 10, 22, 3, 4, 5).getTime()), 1122030405);
});

test('packets of both versions are read back; any bytes are read or left', () => {
  const number = fc.stringMatching(/^[0-9]{1,20}$/);
  const content = fc.uint8Array({ maxLength: 140 }).map((bytes) => Buffer.from(bytes));
  const id = fc
    .tuple(fc.nat(12), fc.nat(31), fc.nat(23), fc.nat(59), fc.nat(59), fc.nat(2 ** 22 - 1), fc.nat(65_535))
    .map(([month, day, hour, minute, second, gateway, sequence]) =>
      messageIdOf((((month * 100 + day) * 100 + hour) * 100 + minute) * 100 + second, gateway, sequence),
    );
  const pdu = fc.oneof(
    fc.record({
      command: fc.constant('submit' as const),
      partNumber: fc.integer({ min: 1, max: 20 }),
      partTotal: fc.integer({ min: 1, max: 20 }),
      serviceId: fc.constant('TOCSIN'),
      account: fc.constant('901234'),
      hasHeader: fc.boolean(),
      format: fc.constantFrom(0, 8),
      from: number,
      to: number,
      content,
    }),
    fc.record({ command: fc.constant('submit-resp' as const), messageId: id, result: fc.nat(255) }),
    fc.record({
      command: fc.constant('deliver' as const),
      messageId: id,
      from: number,
      to: number,
      serviceId: fc.constant('TOCSIN'),
      hasHeader: fc.boolean(),
      format: fc.constantFrom(0, 8, 15),
      isReport: fc.boolean(),
      content,
    }),
    fc.record({ command: fc.constantFrom('active-test' as const, 'terminate' as const) }),
  );
  fc.assert(
    fc.property(pdu, fc.nat(0xffff_ffff), fc.constantFrom(...VERSIONS), (each, sequence, version) => {
      const numbered = { ...each, sequence } as NumberedPdu;
      const bytes = writeCmpp(numbered, version);
      assert.deepEqual(readCmpp(bytes, version), numbered);
      // However the stream is cut, the packet comes out once.
      const frames = new CmppFrames();
      const [first, second] = [bytes.subarray(0, 7), bytes.subarray(7)];
      assert.deepEqual(frames.take(first), []);
      assert.equal(frames.take(second)?.length, 1);
    }),
  );
  fc.assert(
    fc.property(id, fc.constantFrom(...VERSIONS), number, (messageId, version, recipient) => {
      const report = { messageId, word: 'DELIVRD', recipient };
      assert.deepEqual(readReport(writeReport({ ...report, atMs: 0, sequence: 1 }, version), version), report);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...VERSIONS), (bytes, version) => {
      const packet = Buffer.from(bytes);
      readReport(packet, version);
      readCmpp(packet, version);
      new CmppFrames().take(packet);
      if (packet.length >= 12) {
        packet.writeUInt32BE(packet.length, 0);
        packet.writeUInt32BE([1, 4, 5, 0x80000001, 0x80000004][packet[11]! % 5]!, 4);
        readCmpp(packet, version);
      }
    }),
  );
});
