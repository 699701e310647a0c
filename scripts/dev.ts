// npm run dev: the server with `node --watch` on a throw-away database, the console with vite in front of it.
// Ctrl-C stops all, and the database goes with it.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './root.ts';

const STOP_WITHIN_MS = 10_000;
const httpPort = process.env.TOCSIN_HTTP_PORT ?? '8080';
const consolePort = process.env.TOCSIN_CONSOLE_PORT ?? '5173';
const server = `http://127.0.0.1:${httpPort}`;
const data = process.env.TOCSIN_DATA ?? mkdtempSync(join(tmpdir(), 'tocsin-dev-'));
const env = {
  ...process.env,
  TOCSIN_DATA: data,
  TOCSIN_HTTP_PORT: httpPort,
  TOCSIN_ADMIN_PASSWORD: process.env.TOCSIN_ADMIN_PASSWORD ?? 'tocsin-dev',
  /** Where vite's proxy finds the server. */
  TOCSIN_DEV_SERVER: server,
};

const children: ChildProcess[] = [];
let isStopping = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(0));

// The process group of each child is its own, so that Ctrl-C reaches them through us, once.
start([...['--watch', '--watch-preserve-output'], join(ROOT, 'server/src/main.ts'), ...process.argv.slice(2)], ROOT);
if (existsSync(join(ROOT, 'console/src/routes'))) {
  start([join(ROOT, 'scripts/dev/console.ts'), consolePort, server], join(ROOT, 'console'));
}
console.log(
  `console http://127.0.0.1:${consolePort}   server ${server}   log in: admin / ${env.TOCSIN_ADMIN_PASSWORD}   data ${data}`,
);

function start(args: string[], cwd: string) {
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  child.on('exit', (code) => void stop(code ?? 1));
  children.push(child);
}

async function stop(code: number) {
  if (isStopping) return;
  isStopping = true;
  const force = setTimeout(() => signalAll('SIGKILL'), STOP_WITHIN_MS);
  signalAll('SIGTERM');
  await Promise.all(children.map(ended));
  clearTimeout(force);
  if (!process.env.TOCSIN_DATA) rmSync(data, { recursive: true, force: true });
  process.exit(code);
}

function signalAll(signal: NodeJS.Signals) {
  for (const child of children) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // It ended by itself in the meantime.
    }
  }
}

function ended(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}
