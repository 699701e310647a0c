import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { ROOT } from './places.mjs';

const OUTPUT_KEPT_CHARS = 20_000;
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * Runs a command of the preparation and keeps what it printed.
 * @param {string} command
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, timeLimitMs?: number, onLine?: (line: string) => void}} [options]
 * @returns {Promise<{code: number, output: string}>} never rejects: a command that cannot be started has code 127
 */
export function run(command, args, { cwd = ROOT, env = {}, timeLimitMs, onLine } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = timeLimitMs && setTimeout(() => child.kill('SIGKILL'), timeLimitMs);
    let output = '';
    const read = (/** @type {Buffer} */ chunk) => {
      output = (output + chunk).slice(-OUTPUT_KEPT_CHARS);
      const line = chunk.toString().trim().split('\n').at(-1);
      if (line) onLine?.(line);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    const end = (/** @type {number} */ code) => {
      clearTimeout(timer);
      resolve({ code, output });
    };
    child.on('error', (error) => {
      output += String(error);
      end(127);
    });
    child.on('close', (code, signal) => end(exitCode(code, signal)));
  });
}

/** Runs the program that all this is for: same terminal, signals passed on, its exit code is ours. @param {string} command @param {string[]} args @returns {Promise<number>} */
export function runInForeground(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'inherit' });
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        // A terminal sends Ctrl-C to the whole group: passed on as well, it would arrive twice.
        const hasItAlready = signal === 'SIGINT' && process.stdin.isTTY;
        if (!hasItAlready) child.kill(signal);
      });
    }
    child.on('error', (error) => {
      console.error(String(error));
      resolve(127);
    });
    child.on('exit', (code, signal) => resolve(exitCode(code, signal)));
  });
}

/** @param {number | null} code @param {NodeJS.Signals | null} signal */
function exitCode(code, signal) {
  return code ?? 128 + (signal ? constants.signals[signal] : 0);
}

/** The last lines of an output, for a message. @param {string} output @param {number} [lines] */
export function tail(output, lines = 15) {
  return output.trim().split('\n').slice(-lines).join('\n');
}

/** The first lines that are no warnings: npm says what is wrong before it explains its options. @param {string} output @param {number} [lines] */
export function head(output, lines = 15) {
  const said = output.split('\n').filter((line) => line.trim() && !/^npm (?:warn|notice)/.test(line));
  return said.slice(0, lines).join('\n');
}
