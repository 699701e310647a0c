import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { openTestBroker, until } from '../kit/test-broker.ts';
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
  const file = join(folder, 'texts.pcap');
  const filter = `tcp port ${provider.port}`;
  const child = spawn('dumpcap', ['-q', '-i', 'lo', '-f', filter, '-P', '-w', file, '-a', 'duration:60'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  t.after(() => void child.kill('SIGKILL'));
  let said = '';
  child.stderr.on('data', (data: Buffer) => (said += data.toString()));
  await until(() => said.includes('File:'), 'the capture', 20_000);

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
    const read = async (wanted: string, fields: string[]) => {
      const as = ['-n', '-r', file, '-d', `tcp.port==${provider.port},${protocol}`, '-Y', wanted, '-T', 'fields'];
      const { stdout } = await promisify(execFile)('tshark', [...as, ...fields.flatMap((each) => ['-e', each])]);
      return stdout.split('\n').filter((line) => line !== '');
    };
    const commandsOf = (lines: string[]) => new Set(lines.flatMap((line) => line.split(',').map(Number)));
    // What the kernel has not handed over yet would be lost with the capture's end.
    for (let tries = 0, has = false; !has; tries++) {
      assert.ok(tries < 100, `the capture never had command 0x${lastCommand.toString(16)}`);
      has = await read(protocol, [field]).then(
        (lines) => commandsOf(lines).has(lastCommand),
        () => false,
      );
    }
    child.kill('SIGINT');
    await ended;
    const frames = await read(protocol, [field]);
    const commands = commandsOf(frames);
    const complaints = await read(`${protocol} and (_ws.malformed or _ws.expert.severity >= "Warning")`, [
      'frame.number',
      '_ws.expert.message',
    ]);
    return { packets: frames.flatMap((line) => line.split(',')).length, commands, complaints };
  };
}

function cannotCapture(): string | false {
  try {
    for (const tool of ['tshark', 'dumpcap']) execFileSync(tool, ['-D'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'tshark and dumpcap cannot be run here';
  }
}
