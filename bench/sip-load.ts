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

/** CPU seconds of a process and its children, as the kernel counts them: of a server that is not ours. */
export function cpuOfTree(pid: number): number {
  const ticksOf = (one: number) => {
    const stat = readFileSync(`/proc/${one}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  };
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  let sum = 0;
  for (const name of all) {
    try {
      const { parent, ticks } = ticksOf(Number(name));
      if (parent === pid || Number(name) === pid) sum += ticks;
    } catch {
      // It has ended since the folder was read.
    }
  }
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
}

/** SIPp as the far end that rings and answers every call. */
export async function startAnswerer(port: number): Promise<ChildProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'sipp-'));
  const args = ['-sn', 'uas', '-i', '127.0.0.1', '-p', `${port}`, '-mp', '29500', '-nostdin'];
  const child = spawn('sipp', args, { cwd: folder, stdio: 'ignore' });
  process.on('exit', () => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  await once(child, 'spawn');
  return child;
}

/** Runs SIPp; resolves when every call went by the scenario. */
export async function runSipp({ scenario, port, calls, perSecond, data }: Load): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sipp-'));
  const args = [
    `127.0.0.1:${port}`,
    '-i',
    '127.0.0.1',
    '-m',
    `${calls}`,
    '-r',
    `${perSecond}`,
    '-nostdin',
    '-timeout',
    '60',
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
  rmSync(folder, { recursive: true });
  if (code !== 0) throw new Error(`SIPp ended with ${code}: not every call went by the scenario`);
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
