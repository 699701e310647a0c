import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { openStore } from '../../server/src/store/store.ts';
import type { Tocsin } from './tocsin.ts';

/** Looks into a server's own database, past the server. */
export async function databaseOf(t: TestContext, { data }: Tocsin) {
  const folder = join(data, 'postgres');
  const password = (await readFile(join(folder, 'password'), 'utf8')).trim();
  // Line 4 of postmaster.pid is the port.
  const port = (await readFile(join(folder, 'cluster/postmaster.pid'), 'utf8')).split('\n')[3];
  const url = `postgres://tocsin:${password}@127.0.0.1:${port}/postgres`;
  const store = await openStore({ url, dataFolder: data, clock: systemClock, log: silentLog });
  t.after(() => store[Symbol.asyncDispose]());
  return store;
}
