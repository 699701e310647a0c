import { fork } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { startDemoEdges, type DemoEdges, type DemoEdgesConfig } from '../../gateways/demo.ts';
import type { GatewaysConfig } from '../../gateways/config.ts';

/** A folder of this test's own, gone with it. */
export async function testFolder(t: TestContext, name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `tocsin-${name}-`));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** The simulated edge in the test's own process, so that it outlives any server. */
export async function edges(t: TestContext, config: DemoEdgesConfig): Promise<DemoEdges> {
  const opened = await startDemoEdges(config, { clock: systemClock, chance: systemChance, log: silentLog });
  t.after(() => opened[Symbol.asyncDispose]());
  return opened;
}

/** The short-message gateway of a site, joined to a simulated centre. */
export function smsGateway(port: number, window: number) {
  return {
    kind: 'sms' as const,
    id: 'sms-1',
    bearer: 'public-network' as const,
    providers: [
      {
        id: 'smsc-demo',
        host: '127.0.0.1',
        port,
        systemId: 'tocsin',
        password: 'tocsin',
        sourceAddress: '10690001',
        window,
      },
    ],
  };
}

/** A gateways process that no server has started. Resolves when its gateways are open. */
export async function gatewaysProcess(t: TestContext, config: GatewaysConfig): Promise<void> {
  await mkdir(config.dataFolder, { recursive: true });
  const child = fork(join(import.meta.dirname, '../../gateways/main.ts'), [], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const log = createWriteStream(join(config.dataFolder, 'gateways.log'), { flags: 'a' });
  child.stdout!.pipe(log, { end: false });
  child.stderr!.pipe(log, { end: false });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  t.after(async () => {
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await gone;
    clearTimeout(killer);
  });
  await new Promise<void>((resolve, reject) => {
    child.on('message', (message) => {
      const { kind, why } = message as { kind: string; why?: string };
      if (kind === 'ready') resolve();
      if (kind === 'failed') reject(new Error(why));
    });
    void gone.then(() => reject(new Error('the gateways process ended')));
    child.send({ kind: 'start', config });
  });
}
