import { readFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep, type Clock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';

interface Owner {
  pid: number;
  /** Tells a process from a later one with the same number; absent where the system does not say. */
  startedTicks?: string;
}

/**
 * Takes a folder for this process alone: two servers on one database folder would each stop the other's PostgreSQL.
 * A mark left behind by a process that is gone is taken over.
 *
 * @throws DispatchError DATABASE_UNAVAILABLE when a living process holds the folder
 */
export async function takeFolder(folder: string): Promise<AsyncDisposable> {
  const file = join(folder, 'owner.json');
  const mark = JSON.stringify({ pid: process.pid, startedTicks: startedTicks(process.pid) } satisfies Owner);
  for (let attempt = 0; ; attempt += 1) {
    try {
      await writeFile(file, mark, { flag: 'wx' });
      return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt === 3) throw error;
    }
    const owner = await readOwner(file);
    if (owner && isAlive(owner.pid) && startedTicks(owner.pid) === owner.startedTicks)
      throw new DispatchError(
        'DATABASE_UNAVAILABLE',
        `another Tocsin server (process ${owner.pid}) uses the data folder ${folder}`,
      );
    await rm(file, { force: true });
  }
}

/** How long a PostgreSQL that was left running may take to end, in milliseconds, before it is asked more sharply. */
const LEFTOVER_PATIENCE_MS = { fast: 1500, immediate: 3000 } as const;

/**
 * Ends a PostgreSQL that a killed server left running on this cluster, and removes the mark of one that is gone.
 * It loses nothing that was committed: what is not yet in the tables is in its write-ahead log.
 */
export async function stopLeftover(clusterFolder: string, { clock, log }: { clock: Clock; log: Log }): Promise<void> {
  const pidFile = join(clusterFolder, 'postmaster.pid');
  const pid = Number((await readFile(pidFile, 'utf8').catch(() => '')).split('\n')[0]);
  if (!pid) return;
  if (isPostgresOf(pid, clusterFolder)) {
    log.warn('postgres was left running, stopping it', { pid });
    const isGone = () => !isPostgresOf(pid, clusterFolder);
    signal(pid, 'SIGINT');
    if (!(await waitUntil(isGone, LEFTOVER_PATIENCE_MS.fast, clock))) signal(pid, 'SIGQUIT');
    if (!(await waitUntil(isGone, LEFTOVER_PATIENCE_MS.immediate, clock))) signal(pid, 'SIGKILL');
    await waitUntil(isGone, LEFTOVER_PATIENCE_MS.immediate, clock);
  }
  await rm(pidFile, { force: true });
}

/** Polls every 10 ms; false when the condition did not come true in time. */
export async function waitUntil(condition: () => boolean | Promise<boolean>, limitMs: number, clock: Clock) {
  const startedMs = clock.monotonic();
  while (!(await condition())) {
    if (clock.monotonic() - startedMs > limitMs) return false;
    await sleep(clock, 10);
  }
  return true;
}

async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function signal(pid: number, name: NodeJS.Signals) {
  try {
    process.kill(pid, name);
  } catch {
    // It has gone meanwhile, which is what was wanted.
  }
}

/** A process number may have passed to another program since; /proc says whose it is. A defunct process is gone. */
function isPostgresOf(pid: number, clusterFolder: string) {
  if (!isAlive(pid)) return false;
  if (process.platform !== 'linux') return true;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(clusterFolder);
  } catch {
    return false;
  }
}

/** Field 22 of /proc/<pid>/stat: the moment of the process's start in ticks since the machine's. */
function startedTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
