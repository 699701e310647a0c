import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { gatewayContract } from '../kit/contract.ts';
import { openTestBroker, until } from '../kit/test-broker.ts';
import { decodeGsm, decodeText, gsmOctets, isGsm } from './alphabet.ts';
import { formsOfMessageId, readReceipt } from './receipt.ts';
import { cutIntoSegments, readUserDataHeader } from './segments.ts';
import { startSmsGateway, type SmsGatewayOptions } from './sms-gateway.ts';
import { openSmscSimulator, type SmscOptions } from './smsc-simulator.ts';

const common = { clock: systemClock, chance: systemChance, log: silentLog };

function providerAt({ host, port }: { host: string; port: number }, id = 'smsc-1') {
  return { id, host, port, systemId: 'tocsin', password: 'secret', sourceAddress: '10690001' };
}

async function world(t: TestContext, smscOptions: Partial<SmscOptions> = {}, options: Partial<SmsGatewayOptions> = {}) {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const journalFolder = mkdtempSync(join(tmpdir(), 'tocsin-sms-'));
  stack.defer(() => rmSync(journalFolder, { recursive: true, force: true }));
  const broker = stack.use(await openTestBroker());
  const smsc = stack.use(await openSmscSimulator({ ...common, behaviour: { receiptAfterMs: 30 }, ...smscOptions }));
  const gatewayOptions = {
    ...common,
    id: 'sms',
    site: broker.site,
    mqttUrl: broker.url,
    journalFolder,
    providers: [providerAt(smsc)],
    ...options,
  };
  const gateway = stack.use(await startSmsGateway(gatewayOptions));
  await until(() => gateway.gateway.isConnected && broker.heard.online.some(({ body }) => body.online), 'online');
  const say = (command: string, text: string, to = '13800000001') =>
    broker.command('sms', { kind: 'send-text', command, to, text });
  const told = (command: string) =>
    broker.heard.events.filter((event) => 'command' in event && event.command === command).map(({ kind }) => kind);
  return { broker, smsc, gateway, gatewayOptions, say, told, journalFolder, stack };
}

gatewayContract('sms', async (environment) => {
  const smsc = await openSmscSimulator(common);
  const gateway = await startSmsGateway({ ...environment, id: 'under-test', providers: [providerAt(smsc)] });
  return {
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await smsc[Symbol.asyncDispose]();
    },
  };
});

test('a Chinese text goes out in UCS-2 and is reported as sent and delivered, once', async (t) => {
  const { smsc, say, told, broker } = await world(t, { behaviour: { receiptAfterMs: 30, duplicateReceipts: true } });
  await say('c-1', '水库泄洪，请立即撤离。');
  await say('c-1', '水库泄洪，请立即撤离。');
  await until(() => told('c-1').includes('text-delivered'), 'delivered');
  await until(() => smsc.counts().receiptsAcknowledged === 2, 'both receipts acknowledged');
  assert.deepEqual(told('c-1'), ['text-sent', 'text-delivered']);
  assert.equal(smsc.submits.length, 1);
  assert.equal(smsc.submits[0]!.text, '水库泄洪，请立即撤离。');
  assert.equal(smsc.submits[0]!.dataCoding, 8);
  assert.deepEqual(broker.heard.malformed, []);
});

test('a long text goes in parts and is delivered when every part is', async (t) => {
  const { smsc, say, told, broker } = await world(t);
  const text = '大坝告急，'.repeat(30);
  await say('c-1', text);
  await until(() => told('c-1').includes('text-delivered'), 'delivered');
  assert.equal(smsc.submits.length, 3);
  assert.equal(smsc.submits.map((submit) => submit.text).join(''), text);
  assert.deepEqual(
    smsc.submits.map(({ part }) => part?.index),
    [1, 2, 3],
  );
  assert.equal(
    broker.heard.events.find(({ kind }) => kind === 'text-sent')?.kind === 'text-sent' &&
      (broker.heard.events.find(({ kind }) => kind === 'text-sent') as { parts: number }).parts,
    3,
  );
});

test('a long text goes whole in message_payload where the provider wants that', async (t) => {
  const { smsc, say, told } = await world(t, {}, {});
  const second = await world(t, {}, { providers: [{ ...providerAt(smsc), longTexts: 'payload' }] });
  void say;
  void told;
  const text = 'x'.repeat(400);
  await second.say('c-1', text);
  await until(() => second.told('c-1').includes('text-delivered'), 'delivered');
  assert.deepEqual(
    smsc.submits.map((submit) => submit.text),
    [text],
  );
});

test('receipts are understood when the centre gives the id in decimal, and failures are told with their word', async (t) => {
  const { say, told, broker } = await world(t, {
    behaviour: { receiptAfterMs: 10, receiptIdInDecimal: true, words: { '13900000000': 'UNDELIV' } },
  });
  await say('c-1', 'hello');
  await say('c-2', 'hello', '13900000000');
  await until(() => told('c-1').length === 2 && told('c-2').length === 2, 'both told');
  assert.deepEqual(
    [told('c-1'), told('c-2')],
    [
      ['text-sent', 'text-delivered'],
      ['text-sent', 'text-failed'],
    ],
  );
  const failure = broker.heard.events.find(({ kind }) => kind === 'text-failed');
  assert.ok(failure?.kind === 'text-failed' && failure.isFinal && /UNDELIV \(error 011\)/.test(failure.because));
});

test('a centre that throttles is sent less, and every text goes once', async (t) => {
  const { smsc, say, told } = await world(t, { behaviour: { receiptAfterMs: 5, throttleAbovePerS: 15 } });
  const commands = Array.from({ length: 40 }, (_, n) => `c-${n}`);
  await Promise.all(commands.map((command) => say(command, `text ${command}`)));
  await until(() => commands.every((command) => told(command).includes('text-delivered')), 'all delivered', 30_000);
  assert.ok(smsc.counts().throttled > 0);
  const accepted = smsc.submits.filter(({ outcome }) => outcome === 'accepted').map(({ text }) => text);
  assert.equal(new Set(accepted).size, 40);
  assert.equal(accepted.length, 40);
});

test('a dead centre is shown as down; texts wait and go out when it is back', async (t) => {
  const { smsc, say, told, broker, stack } = await world(t);
  const { port } = smsc;
  await smsc[Symbol.asyncDispose]();
  await until(
    () => broker.heard.events.some((event) => event.kind === 'resource' && event.resource.state === 'down'),
    'down',
  );
  await say('c-1', 'still to come');
  await until(
    () => broker.heard.results.some(({ command, outcome }) => command === 'c-1' && outcome === 'done'),
    'accepted',
  );
  const back = stack.use(await openSmscSimulator({ ...common, port, behaviour: { receiptAfterMs: 10 } }));
  await until(() => told('c-1').includes('text-delivered'), 'delivered', 20_000);
  assert.equal(back.submits.length, 1);
});

test('the second provider takes over while the first is away', async (t) => {
  const { smsc, say, told } = await world(t, {}, {});
  const dead = { host: '127.0.0.1', port: 9 };
  const both = await world(t, {}, { providers: [providerAt(dead, 'first'), providerAt(smsc, 'second')] });
  void say;
  void told;
  await until(() => both.gateway.snapshot().providers[1]!.isUp, 'second up');
  await both.say('c-1', 'by the second way');
  await until(() => both.told('c-1').includes('text-delivered'), 'delivered');
  assert.equal(smsc.submits.at(-1)!.text, 'by the second way');
});

test('a passing refusal is tried again, a lasting one is final', async (t) => {
  const { smsc, say, told, broker } = await world(t, { behaviour: { refuseWith: 0x08 } });
  await say('c-1', 'later');
  await until(() => told('c-1').includes('text-failed'), 'a first failure');
  smsc.behave({ refuseWith: 0, receiptAfterMs: 5 });
  await until(() => told('c-1').includes('text-delivered'), 'delivered in the end');
  smsc.behave({ refuseWith: 0x0b });
  await say('c-2', 'never');
  await until(() => told('c-2').includes('text-failed'), 'failed');
  const last = broker.heard.events.findLast((event) => event.kind === 'text-failed');
  assert.ok(last?.kind === 'text-failed' && last.isFinal && /ESME_RINVDSTADR/.test(last.because));
});

test('a passing refusal of one provider sends the text by the other', async (t) => {
  const second = await openSmscSimulator({ ...common, behaviour: { receiptAfterMs: 5 } });
  t.after(() => second[Symbol.asyncDispose]());
  const first = await openSmscSimulator({ ...common, behaviour: { refuseWith: 0x08 } });
  t.after(() => first[Symbol.asyncDispose]());
  const { say, told, gateway } = await world(
    t,
    {},
    { providers: [providerAt(first, 'first'), providerAt(second, 'second')] },
  );
  await until(() => gateway.snapshot().providers.every(({ isUp }) => isUp), 'both up');
  await say('c-1', 'around the trouble');
  await until(() => told('c-1').includes('text-delivered'), 'delivered');
  assert.deepEqual([first.counts().refused, second.counts().accepted], [1, 1]);
});

test('a receipt that does not come is asked for; when nobody knows it is told as lost', async (t) => {
  const { smsc, say, told, broker } = await world(t, { behaviour: { loseReceipts: 1 } }, { receiptWithinMs: 1000 });
  await say('c-1', 'the centre knows');
  await until(() => told('c-1').includes('text-delivered'), 'delivered by a query', 10_000);
  assert.equal(smsc.counts().queries, 1);
  smsc.behave({ query: 'refuses' });
  await say('c-2', 'the centre does not say');
  await until(() => told('c-2').includes('text-receipt-lost'), 'lost', 15_000);
  assert.deepEqual(told('c-2'), ['text-sent', 'text-receipt-lost']);
  const lost = broker.heard.events.find(({ kind }) => kind === 'text-receipt-lost');
  assert.ok(lost?.kind === 'text-receipt-lost' && /ESME_RINVCMDID/.test(lost.because));
  assert.deepEqual(broker.heard.malformed, []);
});

test('a provider is never sent more in a second than agreed, and on a spent day the next one takes over', async (t) => {
  const second = await openSmscSimulator({ ...common, behaviour: { receiptAfterMs: 5 } });
  t.after(() => second[Symbol.asyncDispose]());
  const first = await openSmscSimulator({ ...common, behaviour: { receiptAfterMs: 5 } });
  t.after(() => first[Symbol.asyncDispose]());
  const providers = [
    { ...providerAt(first, 'first'), perDay: 5 },
    { ...providerAt(second, 'second'), perSecond: 20 },
  ];
  const { say, told, gateway, broker } = await world(t, {}, { providers });
  await until(() => gateway.snapshot().providers.every(({ isUp }) => isUp), 'both up');
  const commands = Array.from({ length: 35 }, (_, n) => `c-${n}`);
  await Promise.all(commands.map((command) => say(command, command)));
  await until(() => commands.every((command) => told(command).includes('text-delivered')), 'all', 20_000);
  assert.deepEqual([first.counts().accepted, second.counts().accepted], [5, 30]);
  const times = second.submits.map(({ atMs }) => atMs);
  // Thirty at twenty a second take a second and a half; one tenth of a second's worth may go at once.
  assert.ok(times.at(-1)! - times[0]! >= 1300, `${times.at(-1)! - times[0]!} ms`);
  assert.ok(
    broker.heard.events.some((event) => event.kind === 'resource' && /quota of 5/.test(event.resource.detail ?? '')),
  );
});

test('a connection cut before the answer means: outcome unknown, not sent again', async (t) => {
  const { smsc, say, told, broker } = await world(t, { behaviour: { cutAtSubmit: 1 } });
  await say('c-1', 'once only');
  await until(() => told('c-1').includes('text-failed'), 'failed');
  await until(() => smsc.counts().binds === 2, 'bound again');
  await say('c-2', 'the next');
  await until(() => told('c-2').includes('text-sent'), 'the next sent');
  assert.deepEqual(
    smsc.submits.map(({ text }) => text),
    ['once only', 'the next'],
  );
  const failure = broker.heard.events.find(({ kind }) => kind === 'text-failed');
  assert.ok(failure?.kind === 'text-failed' && failure.isFinal && /outcome unknown/.test(failure.because));
});

test('texts from phones come in, long ones put together', async (t) => {
  const { smsc, broker, gateway } = await world(t);
  await until(() => gateway.snapshot().providers[0]!.isUp, 'bound');
  const text = '我们在坝下，'.repeat(20);
  smsc.sendText({ from: '13811112222', to: '10690001', text });
  const received = await until(() => broker.heard.events.find((event) => event.kind === 'text-received'), 'the text');
  assert.ok(received.kind === 'text-received');
  assert.deepEqual([received.from, received.to, received.text], ['13811112222', '10690001', text]);
});

test('kill -9 in the middle of 60 texts: none is lost, none goes twice', async (t) => {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const dataFolder = mkdtempSync(join(tmpdir(), 'tocsin-sms-kill-'));
  stack.defer(() => rmSync(dataFolder, { recursive: true, force: true }));
  const broker = stack.use(await openTestBroker());
  const smsc = stack.use(
    await openSmscSimulator({
      ...common,
      submitsFile: join(dataFolder, 'submits.jsonl'),
      behaviour: { answerAfterMs: 60, receiptAfterMs: 20 },
    }),
  );
  const config = {
    site: broker.site,
    mqtt: { url: broker.url },
    dataFolder,
    gateways: [{ kind: 'sms', id: 'sms', providers: [providerAt(smsc)] }],
  };
  const spawn = async (): Promise<ChildProcess> => {
    const child = fork(join(import.meta.dirname, '../main.ts'), ['--log-level', 'error'], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    stack.defer(() => void child.kill('SIGKILL'));
    child.send({ kind: 'start', config });
    await new Promise<void>((resolve, reject) =>
      child.on('message', (message: { kind: string; why?: string }) =>
        message.kind === 'ready' ? resolve() : reject(new Error(message.why)),
      ),
    );
    await until(() => broker.heard.online.at(-1)?.body.online, 'online', 20_000);
    return child;
  };

  const first = await spawn();
  const commands = Array.from({ length: 60 }, (_, n) => `c-${n}`);
  await Promise.all(
    commands.map((command) => broker.command('sms', { kind: 'send-text', command, to: '13800000001', text: command })),
  );
  await until(() => broker.heard.results.filter(({ outcome }) => outcome === 'done').length >= 60, 'all accepted');
  await until(() => smsc.counts().accepted >= 20, 'some under way');
  first.kill('SIGKILL');
  await until(() => broker.heard.online.at(-1)?.body.online === false, 'the last will');

  await spawn();
  // The server asks again for what it has no result of; here for everything.
  await Promise.all(
    commands.map((command) => broker.command('sms', { kind: 'send-text', command, to: '13800000001', text: command })),
  );
  const ends = (command: string) =>
    broker.heard.events.filter(
      (event) =>
        (event.kind === 'text-delivered' || (event.kind === 'text-failed' && event.isFinal)) &&
        event.command === command,
    );
  await until(() => commands.every((command) => ends(command).length > 0), 'an end for each text', 30_000);
  const submitted = readFileSync(join(dataFolder, 'submits.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { text: string }).text);
  assert.equal(submitted.length, new Set(submitted).size, 'no text was submitted twice');
  const unknown = broker.heard.events.filter((event) => event.kind === 'text-failed');
  assert.ok(
    unknown.every(
      (event) => event.kind === 'text-failed' && event.because === 'outcome unknown after restart; not sent again',
    ),
  );
  for (const command of commands)
    assert.ok(submitted.includes(command) || ends(command).some(({ kind }) => kind === 'text-failed'));
});

test('every character keeps its place through alphabet, cutting and joining', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }),
      fc.integer({ min: 0, max: 255 }),
      (text, reference) => {
        fc.pre(text.isWellFormed());
        const { parts, dataCoding, whole } = cutIntoSegments(text, reference);
        const bodies = parts.length === 1 ? parts : parts.map((part) => readUserDataHeader(part).body);
        assert.ok(parts.every(({ length }) => length <= (dataCoding === 8 ? 140 : 160)));
        assert.equal(bodies.map((body) => decodeText(body, dataCoding)).join(''), text);
        assert.deepEqual(Buffer.concat(bodies), whole);
      },
    ),
  );
  assert.ok(isGsm('Alarm {1} [2] €~^|\\') && !isGsm('水') && !isGsm('`'));
  assert.equal(decodeGsm(Buffer.from([...'a€_@'].flatMap((character) => gsmOctets(character)!))), 'a€_@');
});

test('receipts: any bytes are read or left, never thrown at', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.option(fc.integer(), { nil: undefined }),
      (text, messageState) => {
        const receipt = readReceipt({ text, ...(messageState !== undefined && { messageState }) });
        assert.ok(receipt === undefined || receipt.word.length > 0);
      },
    ),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 255 }), (bytes, coding) => {
      decodeText(readUserDataHeader(Buffer.from(bytes)).body, coding);
    }),
  );
  const shuffled = readReceipt({ text: 'Stat:delivrd Err:000 done date:2611220120 ID:0A1 sub:001' });
  assert.deepEqual(shuffled, { messageId: '0A1', state: 'delivered', word: 'DELIVRD', error: '000' });
  assert.deepEqual(readReceipt({ text: '', receiptedMessageId: 'x\0', messageState: 5 }), {
    messageId: 'x',
    state: 'failed',
    word: 'UNDELIV',
  });
  assert.equal(readReceipt({ text: 'hello there' }), undefined);
  const [hex, decimal] = [formsOfMessageId('0a1'), formsOfMessageId('161')];
  assert.ok(hex.some((form) => decimal.includes(form)));
});
