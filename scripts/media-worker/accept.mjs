// A worker is taken only after the handshake test; the result is remembered, so that the test runs once per binary.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { places, systemName } from './places.mjs';
import { run } from './run.mjs';

const TEST = fileURLToPath(new URL('handshake-test.mjs', import.meta.url));
const TEST_TIME_MS = 60_000;

/** The workers that may be there already, best first. @param {NodeJS.ProcessEnv} [env] @returns {string[]} */
export function candidates(env = process.env) {
  const named = [env.TOCSIN_MEDIASOUP_WORKER, env.MEDIASOUP_WORKER_BIN];
  return [...named, places(env).worker].filter((path) => path !== undefined && path !== '' && isFile(path));
}

/** A worker that has passed before, without starting anything. @param {NodeJS.ProcessEnv} [env] @returns {string | undefined} */
export function acceptedWorker(env = process.env) {
  const [first] = candidates(env);
  return first && wasAccepted(first, env) ? first : undefined;
}

/** Undefined when the worker is good, else the reason why not; a good one is remembered. @param {string} worker @returns {Promise<string | undefined>} */
export async function refusal(worker) {
  if (wasAccepted(worker)) return undefined;
  const reason = await handshakeFailure(worker);
  if (!reason) rememberAcceptance(worker);
  return reason;
}

/** @param {string} worker @returns {Promise<string | undefined>} */
export async function handshakeFailure(worker) {
  const { code, output } = await run(process.execPath, [TEST, worker], { timeLimitMs: TEST_TIME_MS });
  return code === 0 ? undefined : output.trim().split('\n').at(-1) || `the handshake test ended with ${code}`;
}

/** @param {string} worker */
export function rememberAcceptance(worker) {
  const stamp = stampFile(worker, process.env);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, fingerprint(worker));
}

/** @param {string} worker @param {NodeJS.ProcessEnv} [env] */
function wasAccepted(worker, env = process.env) {
  try {
    return readFileSync(stampFile(worker, env), 'utf8') === fingerprint(worker);
  } catch {
    return false;
  }
}

/** @param {string} worker @param {NodeJS.ProcessEnv} env */
function stampFile(worker, env) {
  const where = createHash('sha256').update(worker).digest('hex').slice(0, 8);
  return join(places(env).cache, `${basename(worker)}.${where}.accepted`);
}

/** @param {string} worker */
function fingerprint(worker) {
  const { size, mtimeMs } = statSync(worker);
  return JSON.stringify({ size, mtimeMs, system: systemName() });
}

/** @param {string} path */
function isFile(path) {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
