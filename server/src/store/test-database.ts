/**
 * A database for a test, cloned from a template that has all migrations. One PostgreSQL serves all test processes of a
 * run: the first to ask starts it, and it ends by itself a few seconds after the last process has gone.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { systemChance } from '#kernel/chance.ts';
import { sleep, systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { migrate, readMigrations } from './migrate.ts';
import { openSession } from './session.ts';
import { connectStore, openStore, type Store } from './store.ts';

/** What `node:test` hands to a test. */
interface Test {
  after(run: () => Promise<void>): void;
}

/** How long the first start may take on a loaded machine. */
const START_MS = 120_000;

/** A database of this test's own, dropped when the test is over, whoever is still connected. */
export async function openTestDatabase(t: Test): Promise<{ url: string }> {
  const { url, drop } = await cloneTemplate();
  t.after(drop);
  return { url };
}

/** A store on a database of this test's own; it is closed, and the database dropped, when the test is over. */
export async function openTestStore(t: Test): Promise<Store> {
  const { url, drop } = await cloneTemplate();
  const store = await openStore({ url, dataFolder: tmpdir(), log: silentLog, clock: systemClock });
  t.after(async () => {
    await store[Symbol.asyncDispose]();
    await drop();
  });
  return store;
}

async function cloneTemplate() {
  const server = await (shared ??= joinServer());
  const name = `test_${systemChance.token(8)}`;
  const administer = async (statement: string) => {
    await using session = await openSession({ connectionString: server.url, connectionTimeoutMillis: 60_000 });
    await session.query(statement);
  };
  await administer(`CREATE DATABASE ${name} TEMPLATE ${server.template}`);
  return {
    url: databaseUrl(server.url, name),
    drop: () => administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** Where test processes find the server: one per user and checkout. Kept short, as socket paths are limited. */
export const RENDEZVOUS = join(
  tmpdir(),
  `tocsin-test-${userInfo().uid}-${createHash('sha256')
    .update(import.meta.url)
    .digest('hex')
    .slice(0, 8)}.sock`,
);

let shared: Promise<{ url: string; template: string }> | undefined;

async function joinServer() {
  const { url } = await askGuardian();
  const migrations = await readMigrations();
  const version = createHash('sha256').update(migrations.map(({ name, sha256 }) => name + sha256).join('\n'));
  const template = `template_${version.digest('hex').slice(0, 16)}`;
  await using session = await openSession({ connectionString: url, connectionTimeoutMillis: 60_000 });
  await session.query('SELECT pg_advisory_lock(1)');
  const isThere = (await session.query('SELECT FROM pg_database WHERE datname = $1', [template])).length > 0;
  if (!isThere) {
    // Under another name until it is whole: a test process may be killed in mid-migration.
    await session.query(`DROP DATABASE IF EXISTS ${template}_unfinished WITH (FORCE)`);
    await session.query(`CREATE DATABASE ${template}_unfinished`);
    await using store = connectStore({
      url: databaseUrl(url, `${template}_unfinished`),
      log: silentLog,
      clock: systemClock,
    });
    await migrate(store, silentLog);
    await store[Symbol.asyncDispose]();
    await session.query(`ALTER DATABASE ${template}_unfinished RENAME TO ${template}`);
  }
  return { url, template };
}

/** Stays connected for the life of this process: that is how the guardian knows that someone is still there. */
async function askGuardian(): Promise<{ url: string }> {
  const startedMs = systemClock.monotonic();
  for (let attempt = 0; ; attempt += 1) {
    const socket = await tryConnect();
    if (socket) {
      const line = await new Promise<string | undefined>((resolve) => {
        createInterface(socket)
          .once('line', resolve)
          .once('close', () => resolve(undefined));
      });
      if (line !== undefined) {
        socket.unref();
        return JSON.parse(line) as { url: string };
      }
    }
    if (systemClock.monotonic() - startedMs > START_MS) throw new Error(`no test database; see ${RENDEZVOUS}.log`);
    if (attempt % 40 === 0) startGuardian();
    await sleep(systemClock, 50);
  }
}

function tryConnect(): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(RENDEZVOUS);
    socket.once('connect', () => resolve(socket)).once('error', () => resolve(undefined));
  });
}

function startGuardian() {
  const file = fileURLToPath(new URL('./test-guardian.ts', import.meta.url));
  const log = openSync(`${RENDEZVOUS}.log`, 'w');
  spawn(process.execPath, [file], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  }).unref();
  closeSync(log);
}

function databaseUrl(server: string, name: string) {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
