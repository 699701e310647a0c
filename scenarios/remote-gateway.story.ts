import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { stringify } from 'yaml';
import { Console } from './kit/console.ts';
import { testFolder } from './kit/gateways.ts';
import { siteFolder } from './kit/own-site.ts';
import { Tocsin } from './kit/tocsin.ts';
import { pause, until } from './kit/wait.ts';

/** How long the site is cut off. REMOTE_CUT_S=60 tells the whole minute. */
const CUT_S = Number(process.env['REMOTE_CUT_S'] ?? 8);
const DEVICES = ['ek-0417', 'ek-0412', 'ek-0421', 'ek-0433', 'ek-0448', 'ek-0456'];
const PASSWORD = 'remote-site-secret';
const IP = 'ip';

test(
  'a site that was cut off tells what happened meanwhile: once, in order, with its own time',
  { skip: !isRoot() },
  async (t) => {
    const net = namespace(t);
    const site = await siteFolder(t, () => {});
    await writeFile(
      join(site, 'mqtt.yaml'),
      stringify({ clients: [{ user: 'hekou', password: PASSWORD, gateway: 'hekou-alarms', devices: 'all' }] }),
    );
    const startMs = performance.now();
    const tocsin = await Tocsin.start(t, { TOCSIN_SITE: site, TOCSIN_SIMULATORS: 'off', TOCSIN_HOST: '0.0.0.0' });
    console.log(`ready after ${Math.round(performance.now() - startMs)} ms, with no gateway there`);
    const desk = await Console.open(t, tocsin);

    const { child: devices, said } = await net.run(
      'scenarios/kit/remote-site.ts',
      [],
      (message) => message.kind === 'ready',
    );
    const dataFolder = await testFolder(t, 'remote');
    const config = join(dataFolder, 'gateways.yaml');
    await writeFile(
      config,
      stringify({
        site: 'demo',
        mqtt: { url: `mqtt://${net.host}:${tocsin.mqtt.split(':').at(-1)}`, username: 'hekou', password: PASSWORD },
        dataFolder,
        gateways: [
          {
            kind: 'alarm',
            id: 'hekou-alarms',
            sourceUrl: `mqtt://127.0.0.1:${String(said['port'])}`,
            devices: DEVICES.map((device) => ({ topic: `site/${device}`, device })),
          },
        ],
      }),
    );
    const { child: gateway } = await net.run('gateways/main.ts', ['--config', config], ({ kind }) => kind === 'ready');
    const went = async (how: 'came-online' | 'went-offline') =>
      (await tocsin.timeline({ kind: `gateway.${how}` })).filter(({ data }) => data['gateway'] === 'hekou-alarms');
    await until('the gateway is there', async () => (await went('came-online')).length === 1);
    const isShown = () => desk.all('gateways').find(({ id }) => id === 'hekou-alarms')?.isOnline;
    await until('the desk shows it', () => isShown() === true);

    const cry = (device: string, n: number) => {
      devices.send({ kind: 'cry', device, body: { action: 'single', battery: 90 - n } });
      return Date.now();
    };
    const alarms = async () =>
      (await tocsin.timeline({}))
        .filter(({ kind }) => kind === 'alarm.raised' || kind === 'alarm.repeated')
        .sort((a, b) => a.seq - b.seq);

    await t.test(
      'cut off, it is shown as gone within seconds, and what is raised meanwhile comes when the way is back',
      async () => {
        net.cut();
        const cutMs = performance.now();
        await until('the desk shows that it is gone', () => isShown() === false);
        console.log(`shown as gone ${Math.round(performance.now() - cutMs)} ms after the cable was cut`);
        const raisedAt: number[] = [];
        for (const [n, device] of DEVICES.entries()) {
          raisedAt.push(cry(device, n));
          await pause(((CUT_S - 2) * 1000) / DEVICES.length);
        }
        assert.equal((await alarms()).length, 0, 'nothing comes through');
        net.mend();
        const told = await until(
          'every alarm has come',
          async () => {
            const found = await alarms();
            return found.length >= DEVICES.length && found;
          },
          30_000,
        );
        await until('the desk shows it again', () => isShown() === true);
        await pause(1500);
        assert.deepEqual((await alarms()).length, DEVICES.length, 'each once');
        const order = told.map(({ alarm }) => desk.get('alarms', alarm!)?.device);
        assert.deepEqual(order, DEVICES);
        for (const [n, { data }] of told.entries()) {
          const lateMs = (data['deviceTime'] as number) - raisedAt[n]!;
          assert.ok(Math.abs(lateMs) < 1000, `alarm ${n} has its own time, ${lateMs} ms after the press`);
        }
        console.log(`${told.length} alarms after ${CUT_S} s without a way, each once, in order, with its own time`);
      },
    );

    await t.test('killed, it is shown as gone at once', async () => {
      const killedMs = performance.now();
      gateway.kill('SIGKILL');
      await until('the desk shows that it is gone', () => isShown() === false, 10_000);
      console.log(`shown as gone ${Math.round(performance.now() - killedMs)} ms after kill -9`);
    });
  },
);

/** A network namespace of our own, joined to this one by a cable that can be cut. */
function namespace(t: TestContext) {
  const name = `tocsin-${process.pid}`;
  const [near, far] = [`tc${process.pid % 100_000}a`, `tc${process.pid % 100_000}b`];
  const subnet = `10.${200 + (process.pid % 50)}.${(process.pid >> 6) % 250}`;
  const ip = (...words: string[]) => execFileSync(IP, words, { stdio: 'pipe' });
  ip('netns', 'add', name);
  t.after(() => ip('netns', 'del', name));
  ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name);
  ip('addr', 'add', `${subnet}.1/30`, 'dev', near);
  ip('link', 'set', near, 'up');
  ip('-n', name, 'addr', 'add', `${subnet}.2/30`, 'dev', far);
  ip('-n', name, 'link', 'set', far, 'up');
  ip('-n', name, 'link', 'set', 'lo', 'up');
  return {
    host: `${subnet}.1`,
    cut: () => void ip('link', 'set', near, 'down'),
    mend: () => void ip('link', 'set', near, 'up'),
    /** Runs a script of ours inside; resolves when it has said what is waited for. */
    async run(script: string, words: string[], isReady: (message: Record<string, unknown>) => boolean) {
      const path = join(import.meta.dirname, '..', script);
      const child: ChildProcess = spawn(IP, ['netns', 'exec', name, process.execPath, path, ...words], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      t.after(() => void child.kill('SIGKILL'));
      const said = await new Promise<Record<string, unknown>>((resolve, reject) => {
        child.on(
          'message',
          (message) => isReady(message as object as Record<string, unknown>) && resolve(message as never),
        );
        child.once('exit', (code) => reject(new Error(`${script} ended with ${code}`)));
      });
      return { child, said };
    },
  };
}

function isRoot(): boolean {
  try {
    execFileSync(IP, ['netns', 'list'], { stdio: 'ignore' });
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}
