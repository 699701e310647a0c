import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { sine, toneLevelDb } from '@tocsin/server/media';
import { digestSecret, openUserAgent } from '@tocsin/server/sip';
import { parse } from 'yaml';
import { Site } from '@tocsin/protocol/directory.ts';
import { startDemoPhones } from './demo-phones.ts';
import { demoGatewaysConfig, type DemoAnswer, type DemoControl, type DemoEdgesConfig } from './demo.ts';
import { framesOf } from './kit/babble.ts';
import { openTestBroker, until } from './kit/test-broker.ts';
import { openTestCaller } from './kit/test-caller.ts';
import type { FromSimulators } from './simulators.ts';

const common = { clock: systemClock, chance: systemChance, log: silentLog };
const port = 50_000 + Math.floor(Math.random() * 5000) * 2;

function spawn(stack: AsyncDisposableStack, script: string, config: unknown) {
  const child = fork(join(import.meta.dirname, script), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  stack.defer(() => void child.kill('SIGKILL'));
  const ready = new Promise<Record<string, unknown>>((resolve, reject) =>
    child.on('message', (message: { kind: string; why?: string }) => {
      if (message.kind === 'ready') resolve(message);
      if (message.kind === 'failed') reject(new Error(message.why));
    }),
  );
  child.send({ kind: 'start', config });
  return { child, ready };
}

function asker(child: ChildProcess) {
  let asks = 0;
  return (ask: DemoControl) =>
    new Promise<DemoAnswer>((resolve) => {
      const id = asks++;
      child.on(
        'message',
        (message: FromSimulators) => message.kind === 'answer' && message.id === id && resolve(message.answer),
      );
      child.send({ kind: 'control', id, ask });
    });
}

async function stackOf(t: TestContext, site = 'test') {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const dataFolder = mkdtempSync(join(tmpdir(), 'tocsin-demo-'));
  stack.defer(() => rmSync(dataFolder, { recursive: true, force: true }));
  return { stack, dataFolder, broker: stack.use(await openTestBroker(site)) };
}

test(
  'gateways and simulators in their own processes play the whole edge of a site',
  { timeout: 120_000 },
  async (t) => {
    const { stack, dataFolder, broker } = await stackOf(t);
    const edges: DemoEdgesConfig = {
      site: broker.site,
      mqttUrl: broker.url,
      dataFolder,
      zones: [{ id: 'dam', group: '239.255.79.1', port, horns: 2 }],
      radio: {},
      smsc: { behaviour: { receiptAfterMs: 50 } },
      devices: [{ id: 'ek-0417', latitude: 30, longitude: 120 }],
      gauges: [{ id: 'g-dam', unit: 'm', normal: 168, wander: 0.1, peak: 176 }],
    };
    const simulators = spawn(stack, 'simulators.ts', edges);
    const { addresses } = (await simulators.ready) as Extract<FromSimulators, { kind: 'ready' }>;
    const ask = asker(simulators.child);
    const gateways = spawn(stack, 'main.ts', demoGatewaysConfig(edges, addresses));
    await gateways.ready;
    const last = (id: string) => broker.heard.online.findLast(({ gateway }) => gateway === id)?.body;
    await until(() => ['pa', 'sms', 'radio', 'sensor'].every((id) => last(id)?.online), 'all online', 30_000);
    const sipOf = (gateway: string) => last(gateway)!.resources!.find(({ sip }) => sip)!.sip!;
    const caller = stack.use(await openTestCaller());

    const zone = await caller.call(sipOf('pa'));
    assert.ok(zone.kind === 'answered');
    zone.say(framesOf(sine({ hz: 440, durationMs: 2500 })));
    await until(
      () => broker.heard.events.some((event) => event.kind === 'playout' && event.hornsPlaying === 2),
      'proof of playout',
    );

    const channel = await caller.call(sipOf('radio'));
    assert.ok(channel.kind === 'answered');
    assert.deepEqual(await ask({ do: 'radio-speak', ms: 600, hz: 1000, talker: 'patrol-9' }), { ok: true });
    await until(
      () => broker.heard.events.some((event) => event.kind === 'squelch' && event.talker === 'patrol-9'),
      'squelch',
    );
    assert.ok(toneLevelDb(channel.heardSamples(), 1000) > -35);

    await broker.command('sms', { kind: 'send-text', command: 'c-1', to: '13800000001', text: '撤离' });
    await until(() => broker.heard.events.some((event) => event.kind === 'text-delivered'), 'a text delivered');
    const pressed = await ask({ do: 'press-key', device: 'ek-0417', kind: 'fall' });
    assert.ok(pressed.ok);
    await until(
      () => broker.heard.devices.some(({ what, device }) => what === 'alarm' && device === 'ek-0417'),
      'the alarm',
    );
    await until(
      () => broker.heard.devices.some(({ what, device }) => what === 'reading' && device === 'g-dam'),
      'a reading',
    );
    assert.deepEqual(await ask({ do: 'flood', gauge: 'moon' }), { ok: false, because: 'there is no gauge "moon"' });
    assert.deepEqual(broker.heard.malformed, []);

    // The parent goes away: the gateways say good-bye by themselves.
    const ended = new Promise((resolve) => gateways.child.once('exit', resolve));
    gateways.child.disconnect();
    await until(() => ['pa', 'sms', 'radio'].every((id) => last(id)?.online === false), 'good-bye');
    assert.equal(await ended, 0);
  },
);

test('a killed gateway process is seen within two seconds', { timeout: 60_000 }, async (t) => {
  const { stack, dataFolder, broker } = await stackOf(t);
  const config = {
    site: broker.site,
    mqtt: { url: broker.url },
    dataFolder,
    gateways: [{ kind: 'pa', id: 'pa', zones: [{ id: 'dam', group: '239.255.79.2', port: port + 1, horns: 1 }] }],
  };
  const { child, ready } = spawn(stack, 'main.ts', config);
  await ready;
  await until(() => broker.heard.online.at(-1)?.body.online, 'online');
  child.kill('SIGKILL');
  await until(() => broker.heard.online.at(-1)?.body.online === false, 'the last will', 2000);
});

test(
  'simulated people register, answer, press 1, speak, and leave an account to a real phone',
  { timeout: 60_000 },
  async (t) => {
    const { stack } = await stackOf(t);
    const server = stack.use(
      await openUserAgent({
        ...common,
        host: '127.0.0.1',
        port: 0,
        credentials: async (user) =>
          /^10(?:04|05|06)$/.test(user) ? digestSecret(user, 'tocsin', 'tocsin-demo') : undefined,
      }),
    );
    const accounts = [
      { user: '1004', password: 'tocsin-demo' },
      { user: '1005', password: 'tocsin-demo', manner: 'busy' as const },
      { user: '1006', password: 'tocsin-demo', manner: 'absent' as const },
    ];
    const phones = stack.use(
      await startDemoPhones({
        ...common,
        server: `127.0.0.1:${server.address.port}`,
        accounts,
        trunkPort: 0,
        answerAfterS: [0.1, 0.3],
        speakEveryS: [0.5, 1],
      }),
    );
    const bindings = (user: string) => server.registrar.lookup(user);
    await until(() => accounts.every(({ user }) => bindings(user).length === 1), 'registered');
    const caller = stack.use(await openTestCaller());

    const answered = await caller.call(bindings('1004')[0]!.contact);
    assert.ok(answered.kind === 'answered');
    const digits: string[] = [];
    answered.leg.events.on('digit', (digit) => digits.push(digit));
    await until(() => digits.includes('1'), 'the key 1');
    await until(() => answered.heardSamples().some((sample) => Math.abs(sample) > 2000), 'a word');

    const busy = await caller.call(bindings('1005')[0]!.contact);
    assert.ok(busy.kind === 'not-answered' && busy.outcome.kind === 'refused' && busy.outcome.status === 486);
    const trunk = await caller.call(`sip:13900001111@127.0.0.1:${phones.trunkAddress!.port}`);
    assert.ok(trunk.kind === 'answered');
    assert.equal(phones.calls.size, 2);
    await trunk[Symbol.asyncDispose]();
    await until(() => phones.calls.size === 1, 'the call’s end');

    await phones.release('1004');
    await until(() => bindings('1004').length === 0, 'released');
    assert.ok(phones.take('1004'));
    await until(() => bindings('1004').length === 1, 'taken again');
  },
);

test(
  'the demonstration site’s files make its edge: every zone, channel, gauge and device has its simulator',
  { timeout: 60_000 },
  async (t) => {
    const { stack, dataFolder, broker } = await stackOf(t, 'demo');
    const folder = join(import.meta.dirname, '../sites/demo');
    const files = ['site.yaml', 'people.yaml', 'accounts.yaml', 'places.yaml'];
    const site = Site.parse(
      Object.assign({}, ...files.map((file) => parse(readFileSync(join(folder, file), 'utf8')) as object)),
    );
    const child = fork(join(import.meta.dirname, 'simulators.ts'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    stack.defer(() => void child.kill('SIGKILL'));
    const options = {
      mqttUrl: broker.url,
      dataFolder,
      isQuiet: true,
      portOffset: 2000 + Math.floor(Math.random() * 5000) * 2,
    };
    child.send({ kind: 'start-site', site, options });
    const message = await new Promise<FromSimulators>((resolve) => child.once('message', resolve));
    assert.ok(message.kind === 'ready' && message.gateways, JSON.stringify(message));
    const { gateways } = spawn(stack, 'main.ts', message.gateways) && message;
    const kinds = gateways!.gateways.map(({ kind }) => kind);
    assert.deepEqual(kinds, ['pa', 'sms', ...site.channels.map(() => 'radio'), 'camera']);
    assert.deepEqual(
      gateways!.gateways.flatMap((each) => (each.kind === 'radio' ? [`${each.air.protocol} ${each.bearer}`] : [])),
      ['usrp vhf-uhf', 'ed137 vhf-uhf', 'rtp satellite'],
    );
    const last = (id: string) => broker.heard.online.findLast(({ gateway }) => gateway === id)?.body;
    await until(
      () => [...gateways!.gateways.map(({ id }) => id), 'sensor'].every((id) => last(id)?.online),
      'all online',
      30_000,
    );
    for (const { id, gateway } of site.channels)
      await until(
        () => last(gateway)?.resources?.some((each) => each.id === id && each.state === 'ready'),
        `${id} ready`,
      );
    await until(() => last('radio-3')?.linkQualityPercent === 100, 'the satellite channel’s quality', 20_000);
    await until(
      () =>
        site.gauges.every(({ id }) =>
          broker.heard.devices.some(({ device, what }) => device === id && what === 'reading'),
        ),
      'readings',
    );
    await until(
      () =>
        site.devices.every(({ id }) =>
          broker.heard.devices.some(({ device, what }) => device === id && what === 'heartbeat'),
        ),
      'heartbeats',
    );
    for (const gauge of site.gauges) {
      const { body } = broker.heard.devices.find(({ device, what }) => device === gauge.id && what === 'reading')!;
      assert.ok(
        gauge.thresholds.every(({ above }) => (body as { value: number }).value < above),
        `${gauge.id} is quiet`,
      );
    }
    assert.deepEqual(broker.heard.malformed, []);
  },
);
