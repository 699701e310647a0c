import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import { silentLog } from '#kernel/log.ts';
import { openStore } from './store.ts';
import { openTestDatabase, openTestStore } from './test-database.ts';

const PATIENCE_MS = 60_000;

async function folder(t: TestContext) {
  const dataFolder = await mkdtemp(join(tmpdir(), 'tocsin-store-'));
  t.after(() => rm(dataFolder, { recursive: true, force: true }));
  return dataFolder;
}

const open = (dataFolder: string) => openStore({ dataFolder, log: silentLog, clock: systemClock });

async function becomes(condition: () => boolean | Promise<boolean>, words: string) {
  for (const limit = Date.now() + PATIENCE_MS; !(await condition());) {
    assert.ok(Date.now() < limit, words);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const refuses = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(false)).once('error', () => resolve(true));
    socket.once('connect', () => socket.destroy());
  });

/** A process of its own that opens a store and writes rows until it is killed; resolves when it has begun. */
async function startVictim(dataFolder: string) {
  const script = fileURLToPath(new URL('./store.test-victim.ts', import.meta.url));
  const child = spawn(process.execPath, [script, dataFolder], { stdio: ['ignore', 'pipe', 'inherit'] });
  let rows = 0;
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines = createInterface(child.stdout);
  await new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      rows = Number(line);
      if (rows > 20) resolve();
    });
  });
  return {
    pid: child.pid!,
    async kill() {
      child.kill('SIGKILL');
      await closed;
      return rows;
    },
  };
}

test('the embedded database keeps what it was told, and leaves nothing running', async (t) => {
  const dataFolder = await folder(t);
  let port: number;
  {
    await using store = await open(dataFolder);
    port = Number(new URL(store.url).port);
    await store.query('CREATE TABLE kept (n bigint)');
    await store.query('INSERT INTO kept VALUES ($1)', [7]);
    assert.equal(store.state(), 'ok');
  }
  assert.ok(await refuses(port));
  await using again = await open(dataFolder);
  assert.deepEqual(await again.query('SELECT n FROM kept'), [{ n: 7 }]);
  assert.equal((await stat(join(dataFolder, 'postgres/password'))).mode & 0o077, 0);
});

test('it listens on loopback only and asks for the password', async (t) => {
  const dataFolder = await folder(t);
  await using store = await open(dataFolder);
  const [row] = await store.query<{ listen: string; sockets: string }>(
    `SELECT current_setting('listen_addresses') AS listen, current_setting('unix_socket_directories') AS sockets`,
  );
  assert.deepEqual(row, { listen: '127.0.0.1', sockets: '' });
  const wrong = new URL(store.url);
  wrong.password = 'wrong';
  await assert.rejects(openStore({ url: wrong.href, dataFolder, log: silentLog, clock: systemClock }), /password/);
});

test('nothing committed is lost when the server is killed, and the next one starts', async (t) => {
  const dataFolder = await folder(t);
  for (let round = 0; round < 2; round += 1) {
    const rows = await (await startVictim(dataFolder)).kill();
    await using store = await open(dataFolder);
    const [row] = await store.query<{ count: number }>('SELECT count(*)::bigint AS count FROM victim');
    assert.ok(row!.count >= rows, `${row!.count} rows of ${rows}`);
    await store.query('TRUNCATE victim');
  }
});

test('a second server on the same data folder is refused and does no harm', async (t) => {
  const dataFolder = await folder(t);
  const victim = await startVictim(dataFolder);
  await assert.rejects(open(dataFolder), (error: DispatchError) => error.message.includes(`process ${victim.pid}`));
  await victim.kill();
  await using store = await open(dataFolder);
  assert.equal(store.state(), 'ok');
});

test('stale marks of processes that are gone, or whose number someone else has now, do not stop a start', async (t) => {
  const dataFolder = await folder(t);
  await (await open(dataFolder))[Symbol.asyncDispose]();
  await writeFile(join(dataFolder, 'postgres/owner.json'), `{"pid":${process.pid},"startedTicks":"1"}`);
  await writeFile(join(dataFolder, 'postgres/cluster/postmaster.pid'), `${process.pid}\nx\n1\n5432\n\n\n\n`);
  if (process.platform !== 'linux') return;
  await using store = await open(dataFolder);
  assert.equal(store.state(), 'ok');
});

test('a cluster half made is made anew', async (t) => {
  const dataFolder = await folder(t);
  await (await open(dataFolder))[Symbol.asyncDispose]();
  await rm(join(dataFolder, 'postgres/cluster'), { recursive: true });
  await using store = await open(dataFolder);
  assert.deepEqual(await store.query('SELECT 1 AS one'), [{ one: 1 }]);
});

test('when PostgreSQL itself dies, health says so, and it is started again on the same port', async (t) => {
  const dataFolder = await folder(t);
  await using store = await open(dataFolder);
  await store.query('CREATE TABLE kept AS SELECT 1 AS n');
  const pid = Number((await readFile(join(dataFolder, 'postgres/cluster/postmaster.pid'), 'utf8')).split('\n')[0]);
  process.kill(pid, 'SIGKILL');
  await assert.rejects(
    store.query('SELECT pg_sleep(0.2)'),
    (error: DispatchError) => error.code === 'DATABASE_UNAVAILABLE',
  );
  assert.notEqual(store.state(), 'ok');
  await becomes(
    () =>
      store.query('SELECT 1').then(
        () => true,
        () => false,
      ),
    'PostgreSQL did not come back',
  );
  assert.equal(store.state(), 'ok');
  assert.deepEqual(await store.query('SELECT n FROM kept'), [{ n: 1 }]);
});

test('a transaction is all or nothing, and its connection goes back to the pool', async (t) => {
  const store = await openTestStore(t);
  await store.query('CREATE TABLE kept (n int)');
  for (let i = 0; i < 30; i += 1) {
    await assert.rejects(
      store.transaction(async (tx) => {
        await tx.query('INSERT INTO kept VALUES (1)');
        throw new Error('changed my mind');
      }),
      /changed my mind/,
    );
  }
  assert.equal(
    await store.transaction(async (tx) => (await tx.query('INSERT INTO kept VALUES (2) RETURNING n')).length),
    1,
  );
  assert.deepEqual(await store.query('SELECT n FROM kept'), [{ n: 2 }]);
});

test('a wrong statement is its own fault, not the database’s', async (t) => {
  const store = await openTestStore(t);
  await assert.rejects(store.query('SELEKT 1'), (error: Error) => !(error instanceof DispatchError));
  assert.equal(store.state(), 'ok');
});

test('a database that is away is told in our words, at once', async () => {
  const url = 'postgres://tocsin:x@127.0.0.1:9/postgres';
  await assert.rejects(
    openStore({ url, dataFolder: '/nowhere', log: silentLog, clock: systemClock }),
    (error: DispatchError) => error.code === 'DATABASE_UNAVAILABLE',
  );
});

test('two servers may migrate one database at once', async (t) => {
  const { url } = await openTestDatabase(t);
  const stores = await Promise.all(
    [1, 2, 3].map(() => openStore({ url, dataFolder: '/nowhere', log: silentLog, clock: systemClock })),
  );
  for (const store of stores) await store[Symbol.asyncDispose]();
});

test('a database of a newer version is left alone', async (t) => {
  const { url } = await openTestDatabase(t);
  const openUrl = () => openStore({ url, dataFolder: '/nowhere', log: silentLog, clock: systemClock });
  {
    await using store = await openUrl();
    await store.query(`INSERT INTO schema_migration (number, name, sha256) VALUES (9999, '9999-future.sql', 'x')`);
  }
  await assert.rejects(openUrl(), /newer version/);
});
