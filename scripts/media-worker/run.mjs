// Runs a command of the media worker's preparation: output to a log and line by line to whoever reports progress.
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { constants } from 'node:os';

const OUTPUT_KEPT_CHARS = 20_000;

/** What runs now, so that it can be stopped with us. @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, log?: string, timeLimitMs?: number, onLine?: (line: string) => void}} [options]
 * @returns {Promise<{code: number, output: string}>} never rejects: a command that cannot be started has code 127
 */
export function run(command, args, { cwd, env, log, timeLimitMs, onLine } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    running.add(child);
    const timer = timeLimitMs && setTimeout(() => stop(child), timeLimitMs);
    let output = '';
    let rest = '';
    const read = (/** @type {Buffer} */ chunk) => {
      const text = chunk.toString();
      output = (output + text).slice(-OUTPUT_KEPT_CHARS);
      if (log) appendFileSync(log, text);
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine?.(line);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    const end = (/** @type {number} */ code) => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ code, output });
    };
    child.on('error', (error) => {
      output += String(error);
      end(127);
    });
    child.on('close', (code, signal) => end(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

/** Ends every command that still runs, with its children. */
export function stopAll() {
  for (const child of running) stop(child);
}

/** @param {import('node:child_process').ChildProcess} child */
function stop(child) {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGTERM'); // its whole group: ninja has compilers below it
  } catch {
    child.kill();
  }
}
