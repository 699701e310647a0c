import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { sleep, type Clock } from '#kernel/clock.ts';
import { systemChance, type Chance } from '#kernel/chance.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import { findPostgresBinaries, type PostgresBinaries } from './binaries.ts';
import { stopLeftover, takeFolder, waitUntil } from './data-folder.ts';
import { findLauncher, type Launcher } from './unprivileged.ts';

/** A PostgreSQL of our own on this machine's loopback. */
export interface EmbeddedPostgres extends AsyncDisposable {
  readonly url: string;
  /** The server's process, absent while it is being started again. */
  readonly pid: number | undefined;
  /** What the server last complained of that explains an outage, e.g. a full disk. */
  readonly complaint: string | undefined;
}

export interface EmbeddedOptions {
  /** Holds the cluster, its password and the mark of who uses it. */
  folder: string;
  clock: Clock;
  log: Log;
  chance?: Chance;
  /** Settings beside or in place of SETTINGS. */
  settings?: Record<string, string>;
}

const USER = 'tocsin';

const SETTINGS: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '40',
  shared_buffers: '64MB',
  // No replica hangs on the embedded server, so the write-ahead log need not serve one.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '512MB',
  checkpoint_timeout: '10min',
  jit: 'off',
  log_min_messages: 'warning',
  log_line_prefix: '',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

const LIMITS_MS = {
  /** From starting the process to its readiness; crash recovery of a large log on a slow disk counts in. */
  ready: 60_000,
  /** Orderly stop; then it is ended at once, and recovers from its log next time. */
  stop: 1500,
  killed: 3000,
  restartFirst: 100,
  restartMost: 2000,
} as const;

/** Ports are asked for, then used: someone may be quicker. */
const PORT_ATTEMPTS = 5;

/**
 * Starts PostgreSQL from npm below `folder`, making the cluster on the first run. It listens on loopback only, under a
 * random password, on a port freely chosen at every start. If it dies it is started again on the same port.
 * Closing it takes at most about 2 s.
 *
 * @throws DispatchError DATABASE_UNAVAILABLE when it cannot be made to run, with PostgreSQL's own words
 */
export async function openEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { clock, log, chance = systemChance } = options;
  const folder = resolve(options.folder);
  const cluster = join(folder, 'cluster');
  const passwordFile = join(folder, 'password');
  await using opened = new AsyncDisposableStack();

  await mkdir(folder, { recursive: true });
  opened.use(await takeFolder(folder));
  const [binaries, launcher] = await Promise.all([findPostgresBinaries(), findLauncher(cluster)]);
  if (!existsSync(join(cluster, 'PG_VERSION')))
    await makeCluster({ cluster, passwordFile, password: chance.token(24), binaries, launcher });
  await stopLeftover(cluster, { clock, log });
  const password = (await readFile(passwordFile, 'utf8')).trim();

  const server = new Supervised(cluster, { ...SETTINGS, ...options.settings }, binaries, launcher, clock, log);
  await server.start();
  opened.use(server);

  const stop = opened.move();
  return {
    url: `postgres://${USER}:${password}@127.0.0.1:${server.port}/postgres`,
    get pid() {
      return server.pid;
    },
    get complaint() {
      return server.complaint;
    },
    [Symbol.asyncDispose]: () => stop.disposeAsync(),
  };
}

/** The cluster is made under another name first, so that one half made is never taken for a whole one. */
async function makeCluster(options: {
  cluster: string;
  passwordFile: string;
  password: string;
  binaries: PostgresBinaries;
  launcher: Launcher;
}) {
  const { cluster, passwordFile, password, binaries, launcher } = options;
  const unfinished = `${cluster}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  await chmod(passwordFile, 0o600);
  await Promise.all([unfinished, passwordFile].map(launcher.own));
  const child = start([
    ...launcher.prefix,
    ...[binaries.initdb, '-D', unfinished, `--username=${USER}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
    ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions'],
  ]);
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', (line) => said.push(line));
  const code = await new Promise((done) => child.once('error', done).once('close', done));
  if (code !== 0)
    throw new DispatchError('DATABASE_UNAVAILABLE', `initdb failed (${String(code)}): ${said.slice(-5).join(' / ')}`);
  await rename(unfinished, cluster);
}

/** The postgres process, started again when it dies before it is told to stop. */
class Supervised implements AsyncDisposable {
  port = 0;
  complaint: string | undefined;
  #child: ChildProcess | undefined;
  #lastLines: string[] = [];
  readonly #stopping = new AbortController();
  #restarting: Promise<void> | undefined;
  readonly #cluster: string;
  readonly #settings: Record<string, string>;
  readonly #binaries: PostgresBinaries;
  readonly #launcher: Launcher;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(
    cluster: string,
    settings: Record<string, string>,
    binaries: PostgresBinaries,
    launcher: Launcher,
    clock: Clock,
    log: Log,
  ) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#binaries = binaries;
    this.#launcher = launcher;
    this.#clock = clock;
    this.#log = log;
  }

  get pid() {
    return this.#child?.pid;
  }

  async start() {
    for (let attempt = 1; ; attempt += 1) {
      this.port = await freePort();
      if (await this.#startOnce()) return;
      const why = this.#lastLines.join(' / ');
      if (attempt >= PORT_ATTEMPTS || !/could not bind|Address already in use/i.test(why))
        throw new DispatchError('DATABASE_UNAVAILABLE', `PostgreSQL did not start: ${why}`);
    }
  }

  async [Symbol.asyncDispose]() {
    this.#stopping.abort();
    await this.#restarting;
    const child = this.#child;
    if (!child) return;
    const isGone = () => this.#child !== child;
    child.kill('SIGINT');
    if (await waitUntil(isGone, LIMITS_MS.stop, this.#clock)) return;
    this.#log.warn('postgres is slow to stop, ending it at once', { afterMs: LIMITS_MS.stop });
    child.kill('SIGQUIT');
    if (await waitUntil(isGone, LIMITS_MS.killed, this.#clock)) return;
    child.kill('SIGKILL');
    await waitUntil(isGone, LIMITS_MS.killed, this.#clock);
  }

  /** True when it is ready; false when it has ended instead. */
  async #startOnce(): Promise<boolean> {
    const settings = Object.entries(this.#settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = start([
      ...this.#launcher.prefix,
      this.#binaries.postgres,
      '-D',
      this.#cluster,
      '-p',
      String(this.port),
      ...settings,
    ]);
    this.#child = child;
    this.#lastLines = [];
    child.stdout.resume();
    createInterface(child.stderr).on('line', (line) => this.#hear(line));
    const gone = (code: number | null | Error) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      if (code instanceof Error) this.#hear(code.message);
      if (wasReady && !this.#stopping.signal.aborted) this.#restarting ??= this.#restart();
    };
    child.once('error', gone).once('close', gone);
    let wasReady = false;
    const pidFile = join(this.#cluster, 'postmaster.pid');
    await waitUntil(
      async () => this.#child !== child || (wasReady = await saysReady(pidFile, child.pid)),
      LIMITS_MS.ready,
      this.#clock,
    );
    if (wasReady) this.complaint = undefined;
    else if (this.#child === child) child.kill('SIGQUIT');
    return wasReady;
  }

  async #restart() {
    let waitMs: number = LIMITS_MS.restartFirst;
    while (!this.#child) {
      this.#log.error('postgres ended by itself, starting it again', { waitMs, said: this.#lastLines.slice(-3) });
      await sleep(this.#clock, waitMs, this.#stopping.signal).catch(() => {});
      if (this.#stopping.signal.aborted) break;
      await stopLeftover(this.#cluster, { clock: this.#clock, log: this.#log });
      await this.#startOnce();
      waitMs = Math.min(waitMs * 2, LIMITS_MS.restartMost);
    }
    this.#restarting = undefined;
  }

  #hear(line: string) {
    if (line.trim() === '') return;
    this.#lastLines = [...this.#lastLines.slice(-9), line];
    if (/No space left on device/.test(line)) this.complaint = 'the disk is full';
    // A failed statement (ERROR) is told by whoever asked for it, a cut connection by whoever had it.
    if (/^(FATAL|PANIC)/.test(line) && !line.includes('terminating connection'))
      this.#log.warn('postgres says', { line });
    else this.#log.debug('postgres says', { line });
  }
}

/** In a group of its own: Ctrl-C at the terminal must reach the server first, which then stops PostgreSQL last. */
function start(words: string[]) {
  const [command, ...rest] = words as [string, ...string[]];
  const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', ...(process.platform === 'win32' ? process.env : {}) };
  return spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env });
}

/** Line 1 of postmaster.pid is the process, line 8 its state; pg_ctl waits on the same (PostgreSQL, pidfile.h). */
async function saysReady(pidFile: string, pid: number | undefined) {
  const lines = (await readFile(pidFile, 'utf8').catch(() => '')).split('\n');
  return (Number(lines[0]) === pid || process.platform === 'win32') && lines[7]?.trim() === 'ready';
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
