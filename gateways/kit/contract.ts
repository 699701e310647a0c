import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { openTestBroker, until } from './test-broker.ts';

/** What a gateway under test is started with. */
export interface ContractEnvironment {
  site: string;
  mqttUrl: string;
  journalFolder: string;
  clock: typeof systemClock;
  chance: typeof systemChance;
  log: typeof silentLog;
}

/**
 * What every gateway owes the server, whatever it drives. `start` opens the gateway with id `under-test` and whatever
 * simulator it needs; disposing of it closes both.
 */
export function gatewayContract(
  name: string,
  start: (environment: ContractEnvironment) => Promise<AsyncDisposable>,
): void {
  const id = 'under-test';

  async function world(t: { after(done: () => Promise<void>): void }) {
    const broker = await openTestBroker();
    const journalFolder = mkdtempSync(join(tmpdir(), `tocsin-${name}-`));
    t.after(async () => {
      await broker[Symbol.asyncDispose]();
      rmSync(journalFolder, { recursive: true, force: true });
    });
    const environment = {
      site: broker.site,
      mqttUrl: broker.url,
      journalFolder,
      clock: systemClock,
      chance: systemChance,
      log: silentLog,
    };
    return { broker, environment };
  }

  test(`${name}: says that it is online, with its resources, again and again, and that it goes`, async (t) => {
    const { broker, environment } = await world(t);
    const gateway = await start(environment);
    const said = () => broker.heard.online.filter((message) => message.gateway === id);
    await until(
      () => said().some(({ body }) => body.online && (body.resources?.length ?? 0) > 0),
      'online with resources',
    );
    const count = said().length;
    await until(() => said().length > count, 'a heartbeat', 10_000);
    await gateway[Symbol.asyncDispose]();
    await until(() => said().at(-1)?.body.online === false, 'online: false');
    assert.deepEqual(broker.heard.malformed, []);
  });

  test(`${name}: comes back after the broker cut the line`, async (t) => {
    const { broker, environment } = await world(t);
    await using _gateway = await start(environment);
    const said = () => broker.heard.online.filter((message) => message.gateway === id);
    await until(() => said().some(({ body }) => body.online), 'online');
    broker.cutOthers();
    await until(() => said().some(({ body }) => !body.online), 'the last will');
    await until(() => said().at(-1)?.body.online === true, 'online again');
  });

  test(`${name}: refuses what it cannot do, once and for all, and survives nonsense`, async (t) => {
    const { broker, environment } = await world(t);
    await using _gateway = await start(environment);
    await until(
      () => broker.heard.online.some(({ body }) => body.online && (body.resources?.length ?? 0) > 0),
      'online',
    );
    await broker.publish(`tocsin/${broker.site}/gateway/${id}/command`, { kind: 'fly', command: 'c-0' });
    await broker.publish(`tocsin/${broker.site}/gateway/${id}/command`, ['garbage']);
    const foreign = { kind: 'self-test', command: 'c-1', resource: 'no-such-resource' } as const;
    await broker.command(id, foreign);
    const results = () => broker.heard.results.filter(({ command }) => command === 'c-1');
    const first = await until(() => results()[0], 'the refusal');
    assert.equal(first.outcome, 'refused');
    assert.ok(first.because);
    await broker.command(id, foreign);
    const second = await until(() => results()[1], 'the same refusal again');
    assert.deepEqual(second, first);
    assert.deepEqual(broker.heard.malformed, []);
  });
}
