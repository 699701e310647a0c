import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { levelDb } from '@tocsin/server/media';
import { openTestBroker, until } from '../kit/test-broker.ts';
import { openTestCaller } from '../kit/test-caller.ts';
import { startRadioGateway, type RadioGatewayOptions } from './radio-gateway.ts';

/** What every test of a channel is opened with. */
export const TEST_CHANNEL = {
  clock: systemClock,
  chance: systemChance,
  log: silentLog,
  host: '127.0.0.1',
  servers: ['127.0.0.1'],
  channel: 'vhf-1',
};

/** For tests: a broker, a gateway with one channel, and a caller in the server's place; closed with the test. */
export async function openTestChannel(
  t: TestContext,
  options: Pick<RadioGatewayOptions, 'air'> & Partial<RadioGatewayOptions>,
) {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const journalFolder = mkdtempSync(join(tmpdir(), 'tocsin-radio-'));
  stack.defer(() => rmSync(journalFolder, { recursive: true, force: true }));
  const broker = stack.use(await openTestBroker());
  const gateway = stack.use(
    await startRadioGateway({
      ...TEST_CHANNEL,
      id: 'radio',
      site: broker.site,
      mqttUrl: broker.url,
      journalFolder,
      ...options,
    }),
  );
  const caller = stack.use(await openTestCaller());
  await until(() => broker.heard.online.some(({ body }) => body.online), 'online');
  let commands = 0;
  const key = (isKeyed: boolean, more: { priority?: 0 | 1 | 2 | 3; keyUpMs?: number } = {}) =>
    broker.command('radio', { kind: 'key', command: `k-${commands++}`, channel: 'vhf-1', isKeyed, ...more });
  const events = (kind: string) => broker.heard.events.filter((event) => event.kind === kind);
  return { broker, gateway, caller, key, events };
}

/** How many frames of 20 ms have sound in them. */
export function loudFrames(samples: Int16Array, aboveDb = -30): number {
  return Array.from(
    { length: Math.floor(samples.length / 160) },
    (_, n) => levelDb(samples.subarray(n * 160, n * 160 + 160)) > aboveDb,
  ).filter(Boolean).length;
}
