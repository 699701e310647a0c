import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { gatewayContract } from './contract.ts';
import { openGateway, type GatewayOptions } from './gateway.ts';
import { openJournal } from './journal.ts';
import { openOutbox, OUTBOX_LIMITS } from './outbox.ts';
import { openTestBroker, until } from './test-broker.ts';

function folder(t: TestContext) {
  const path = mkdtempSync(join(tmpdir(), 'tocsin-kit-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const common = { id: 'under-test', kind: 'pa', clock: systemClock, chance: systemChance, log: silentLog } as const;

async function startSilentGateway(options: Omit<GatewayOptions, 'id' | 'kind'>) {
  const gateway = await openGateway({ ...common, ...options });
  gateway.announce([{ id: 'z-1', kind: 'zone', state: 'ready' }]);
  gateway.onCommand('self-test', async () => ({ outcome: 'refused', because: 'there is no such zone' }), {
    afterCrash: 'again',
  });
  return gateway;
}

gatewayContract('kit', startSilentGateway);

test('the journal gives back what was appended and drops a line that was cut off', async (t) => {
  const file = join(folder(t), 'a.jsonl');
  const journal = await openJournal({ file, log: silentLog });
  await Promise.all([journal.append({ n: 1 }), journal.append({ n: 2 }), journal.append({ n: '三' })]);
  await journal[Symbol.asyncDispose]();
  appendFileSync(file, '{"n":4');
  const again = await openJournal({ file, log: silentLog });
  assert.deepEqual(again.found, [{ n: 1 }, { n: 2 }, { n: '三' }]);
  await again.append({ n: 5 });
  await again.rewrite(() => [{ n: 'only' }]);
  await again.append({ n: 6 });
  await again[Symbol.asyncDispose]();
  assert.equal(readFileSync(file, 'utf8'), '{"n":"only"}\n{"n":6}\n');
});

test('an event reported while the server is away arrives when it is back, across a restart, once in the outbox', async (t) => {
  const journalFolder = folder(t);
  const far = await openTestBroker();
  const gone = { site: far.site, mqttUrl: 'mqtt://127.0.0.1:9', journalFolder };
  const first = await openGateway({ ...common, ...gone });
  await first.publish({ kind: 'text-delivered', event: 'ev-1', command: 'c-1' });
  await first.publish({ kind: 'text-delivered', event: 'ev-1', command: 'c-1' });
  await first[Symbol.asyncDispose]();

  const second = await openGateway({ ...common, ...gone, mqttUrl: far.url });
  await until(() => far.heard.events.length > 0, 'the event');
  assert.equal(await second.flush(5000), true);
  await second[Symbol.asyncDispose]();
  assert.deepEqual(
    far.heard.events.map(({ event, kind }) => [event, kind]),
    [['ev-1', 'text-delivered']],
  );

  const third = await openGateway({ ...common, ...gone, mqttUrl: far.url });
  await until(() => third.isConnected);
  assert.equal(
    third.snapshot().outbox instanceof Object && (third.snapshot().outbox as { waiting: number }).waiting,
    0,
  );
  await third[Symbol.asyncDispose]();
  assert.equal(far.heard.events.length, 1);
  await far[Symbol.asyncDispose]();
});

test('a full outbox drops passing states before what must be known', async (t) => {
  const outbox = await openOutbox({ file: join(folder(t), 'o.jsonl'), log: silentLog });
  const stored: Promise<void>[] = [];
  const put = (event: string, body: object) =>
    stored.push(outbox.put({ what: 'event', body: { event, at: 0, ...body } as never }));
  put('text', { kind: 'text-delivered', command: 'c' });
  put('keyed', { kind: 'keyed', channel: 'v', isKeyed: true });
  for (let n = 2; n < OUTBOX_LIMITS.waiting; n++) put(`t${n}`, { kind: 'text-delivered', command: `c${n}` });
  put('one-more', { kind: 'text-delivered', command: 'c' });
  await Promise.all(stored);
  const sent: string[] = [];
  outbox.connect(async (message) => void sent.push(message.what === 'event' ? message.body.event : ''));
  await outbox.untilEmpty();
  assert.equal(sent.length, OUTBOX_LIMITS.waiting);
  assert.equal(sent[0], 'text');
  assert.ok(!sent.includes('keyed'));
  assert.equal(outbox.snapshot().dropped, 1);
  await outbox[Symbol.asyncDispose]();
});

test('a command is done once, however often it comes, and its result is told again', async (t) => {
  const broker = await openTestBroker();
  t.after(() => broker[Symbol.asyncDispose]());
  const environment = { site: broker.site, mqttUrl: broker.url, journalFolder: folder(t) };
  let done = 0;
  const start = async () => {
    const gateway = await startSilentGateway({ ...common, ...environment });
    gateway.onCommand('key', async () => (done++, { outcome: 'done' }), { afterCrash: 'again' });
    await until(() => gateway.isConnected);
    return gateway;
  };
  const key = { kind: 'key', command: 'c-1', channel: 'vhf-1', isKeyed: true } as const;
  const first = await start();
  await until(() => broker.heard.online.length > 0);
  await Promise.all([broker.command('under-test', key), broker.command('under-test', key)]);
  await until(() => broker.heard.results.length >= 1);
  await first[Symbol.asyncDispose]();
  const second = await start();
  const before = broker.heard.results.length;
  await until(() => broker.heard.online.at(-1)?.body.online);
  await broker.command('under-test', key);
  await until(() => broker.heard.results.length > before);
  await second[Symbol.asyncDispose]();
  assert.equal(done, 1);
});

test('a command that a crash cut off is refused where doing it twice would harm', async (t) => {
  const broker = await openTestBroker();
  t.after(() => broker[Symbol.asyncDispose]());
  const journalFolder = folder(t);
  appendFileSync(join(journalFolder, 'under-test.commands.jsonl'), '{"begun":"c-9"}\n');
  const gateway = await startSilentGateway({ ...common, site: broker.site, mqttUrl: broker.url, journalFolder });
  t.after(() => gateway[Symbol.asyncDispose]());
  gateway.onCommand('send-text', async () => assert.fail('not again'), { afterCrash: 'refuse' });
  await until(() => broker.heard.online.length > 0);
  await broker.command('under-test', { kind: 'send-text', command: 'c-9', to: '1', text: 'x' });
  const result = await until(() => broker.heard.results[0]);
  assert.match(result.because!, /outcome unknown after restart; not done again/);
});
