import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { openTestBroker, until } from '../kit/test-broker.ts';
import { cannotCapture, Capture } from '../kit/test-capture.ts';
import { openIsmgSimulator } from './cmpp-simulator.ts';
import type { ProviderConfig } from './provider.ts';
import { startSmsGateway } from './sms-gateway.ts';
import { openSmscSimulator } from './smsc-simulator.ts';

const common = { clock: systemClock, chance: systemChance, log: silentLog };
const login = { systemId: '901234', password: 'secret' };

test('tshark reads our SMPP without a complaint', { skip: cannotCapture() }, async (t) => {
  const smsc = await openSmscSimulator({ ...common, behaviour: { receiptAfterMs: 10, loseReceipts: 0.5 } });
  t.after(() => smsc[Symbol.asyncDispose]());
  const provider = { id: 'one', host: smsc.host, port: smsc.port, ...login, sourceAddress: '10690001' };
  const read = await talk(t, provider, (text) => smsc.sendText(text));
  const { packets, commands, complaints } = await read('smpp', 'smpp.command_id', 0x80000006);
  assert.ok(packets > 30, `${packets} packets`);
  // bind, submit, deliver, query, enquire_link and unbind with their answers.
  for (const id of [0x09, 0x04, 0x05, 0x03, 0x15, 0x06, 0x80000009, 0x80000004, 0x80000005, 0x80000003])
    assert.ok(
      commands.has(id),
      `command 0x${id.toString(16)} in ${[...commands].map((each) => each.toString(16)).join()}`,
    );
  assert.deepEqual(complaints, []);
});

test('tshark reads our CMPP 3.0 without a complaint', { skip: cannotCapture() }, async (t) => {
  const ismg = await openIsmgSimulator({ ...common, ...login, version: '3.0', behaviour: { reportAfterMs: 10 } });
  t.after(() => ismg[Symbol.asyncDispose]());
  const provider: ProviderConfig = {
    id: 'one',
    protocol: 'cmpp',
    version: '3.0',
    host: ismg.host,
    port: ismg.port,
    ...login,
    sourceAddress: '10690001',
  };
  const read = await talk(t, provider, (text) => ismg.sendText(text));
  const { packets, commands, complaints } = await read('cmpp', 'cmpp.Command_Id', 0x80000002);
  assert.ok(packets > 30, `${packets} packets`);
  for (const id of [1, 2, 4, 5, 8, 0x80000001, 0x80000004, 0x80000005, 0x80000008])
    assert.ok(
      commands.has(id),
      `command 0x${id.toString(16)} in ${[...commands].map((each) => each.toString(16)).join()}`,
    );
  assert.deepEqual(complaints, []);
});

/** Texts of every kind in both directions by one provider, captured. */
async function talk(
  t: TestContext,
  provider: ProviderConfig,
  fromPhone: (text: { from: string; to: string; text: string }) => void,
) {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-dissect-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const capture = await Capture.start(t, `tcp port ${provider.port}`);

  const broker = await openTestBroker();
  t.after(() => broker[Symbol.asyncDispose]());
  const gateway = await startSmsGateway({
    ...common,
    id: 'sms',
    site: broker.site,
    mqttUrl: broker.url,
    journalFolder: folder,
    providers: [provider],
    receiptWithinMs: 1000,
  });
  await until(() => gateway.snapshot().providers[0]!.isUp && broker.heard.online.some(({ body }) => body.online), 'up');
  const texts = ['short', 'brackets [] {} €', '水位已到警戒', '请立即撤离，'.repeat(30), 'x'.repeat(400)];
  for (let n = 0; n < 15; n++)
    await broker.command('sms', {
      kind: 'send-text',
      command: `c-${n}`,
      to: `1380000000${n % 10}`,
      text: texts[n % texts.length]!,
    });
  for (const text of texts) fromPhone({ from: '13811112222', to: '10690001', text });
  await broker.command('sms', { kind: 'self-test', command: 'test', resource: 'one' });
  const ends = () =>
    broker.heard.events.filter(({ kind }) => kind === 'text-delivered' || kind === 'text-receipt-lost');
  await until(() => ends().length >= 15, 'every text ends', 20_000);
  await until(() => broker.heard.events.filter(({ kind }) => kind === 'text-received').length >= 5, 'texts in');
  await until(() => broker.heard.results.some(({ command }) => command === 'test'), 'the line was tested');
  await gateway[Symbol.asyncDispose]();

  return async (protocol: string, field: string, lastCommand: number) => {
    const { port } = provider;
    await capture.untilHas(port, protocol, field, lastCommand);
    const { commands, complaints } = await capture.judge(port, protocol, field);
    return { packets: commands.length, commands: new Set(commands), complaints };
  };
}
