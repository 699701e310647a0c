/** SIPp as the load of a bench, in its own process, and what a server of ours costs under it. */
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';

export const MACHINE = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };

/** Runs the bench's own file again as the server it names; resolves when it has told its port. */
export async function startServer(file: string, name = 'server'): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(file, [name], { execArgv: process.env['PROF'] ? ['--cpu-prof'] : [] });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { child, port };
}

/** Called in the server: says where it is, and its CPU seconds when asked. */
export function serve(port: number): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send!((user + system) / 1e6);
  });
  process.on('disconnect', () => process.exit());
  process.send!({ port });
}

/** CPU seconds of our server. */
export async function cpuOf(child: ChildProcess): Promise<number> {
  child.send('cpu');
  return ((await once(child, 'message')) as [number])[0];
}

/** CPU seconds of a process, its children and theirs, as the kernel counts them: the whole of a server, its database too. */
export function cpuOfTree(pid: number): number {
  const parents = new Map<number, number>();
  const ticks = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      parents.set(Number(name), Number(fields[1]));
      ticks.set(Number(name), Number(fields[11]) + Number(fields[12]));
    } catch {
      // It has ended since the folder was read.
    }
  }
  const belongs = (one: number | undefined): boolean => one === pid || (!!one && belongs(parents.get(one)));
  let sum = 0;
  for (const [one, spent] of ticks) if (belongs(one)) sum += spent;
  return sum / 100;
}

export interface Load {
  /** XML text, or the name of one of SIPp's own. */
  scenario: string;
  port: number;
  calls: number;
  perSecond: number;
  /** Lines of its data file, which begin with SEQUENTIAL. */
  data?: string;
  /** The number dialled by SIPp's own scenarios. */
  dials?: string;
  /** The port the calls come from; any when absent. */
  fromPort?: number;
  /** How long they talk, by SIPp's own scenarios. */
  holdMs?: number;
}

/** SIPp as the far end that rings and answers every call. */
export async function startAnswerer(port: number): Promise<ChildProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'sipp-'));
  const args = ['-sn', 'uas', '-i', '127.0.0.1', '-p', `${port}`, '-mp', `${port + 2000}`, '-nostdin'];
  const child = spawn('sipp', args, { cwd: folder, stdio: 'ignore' });
  process.on('exit', () => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  child.once('exit', (code) => {
    if (code) throw new Error(`SIPp's answering end on port ${port} ended with ${code}`);
  });
  await once(child, 'spawn');
  return child;
}

/** Runs SIPp; rejects unless every call went by the scenario. */
export async function runSipp(load: Load): Promise<void> {
  const { code, failed } = await trySipp(load);
  if (code !== 0)
    throw new Error(`SIPp ended with ${code}: ${failed} of ${load.calls} calls did not go by the scenario`);
}

/** Runs SIPp; says how many calls went by the scenario, how many did not, and how long a call took to be answered. */
export async function trySipp({ scenario, port, calls, perSecond, data, dials, fromPort, holdMs }: Load) {
  const folder = mkdtempSync(join(tmpdir(), 'sipp-'));
  const stat = join(folder, 'stat.csv');
  const args = [
    ...[`127.0.0.1:${port}`, '-i', '127.0.0.1', '-m', `${calls}`, '-r', `${perSecond}`, '-l', `${calls}`],
    ...['-nostdin', '-timeout', `${Math.ceil(calls / perSecond) + 60}`, '-trace_stat', '-stf', stat, '-fd', '5'],
    ...(dials === undefined ? [] : ['-s', dials]),
    ...(fromPort === undefined ? [] : ['-p', `${fromPort}`]),
    ...(holdMs === undefined ? [] : ['-d', `${holdMs}`]),
  ];
  if (scenario.startsWith('<')) {
    writeFileSync(join(folder, 'scenario.xml'), scenario);
    args.push('-sf', 'scenario.xml');
  } else args.push('-sn', scenario);
  if (data !== undefined) {
    writeFileSync(join(folder, 'data.csv'), data);
    args.push('-inf', 'data.csv');
  }
  const sipp = spawn('sipp', args, { cwd: folder, stdio: 'ignore' });
  const [code] = (await once(sipp, 'exit')) as [number];
  const [head = '', ...rows] = readFileSync(stat, 'latin1').trim().split('\n');
  rmSync(folder, { recursive: true });
  const last = rows.at(-1)?.split(';') ?? [];
  const count = (name: string) => Number(last[head.split(';').indexOf(name)] ?? NaN);
  return {
    code,
    succeeded: count('SuccessfulCall(C)'),
    failed: count('FailedCall(C)'),
    resent: count('Retransmissions(C)'),
  };
}

export const isInstalled = (program: string): boolean => {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

export const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
