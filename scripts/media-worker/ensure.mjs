// ensure.mjs: sees to it that there is a media worker that works, and says in the status file how far it is.
// Order: a worker that someone named, the cache, the official prebuilt, a compile here. Two of these may run at once; one works,
// the other waits. Ends when whoever started it is gone (its IPC channel closes), with the compile kept for next time.
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { acceptedWorker, candidates, handshakeFailure, refusal, rememberAcceptance } from './accept.mjs';
import { compileWorker } from './compile.mjs';
import { waitForLock } from './lock.mjs';
import { places } from './places.mjs';
import { fetchPrebuilt } from './prebuilt.mjs';
import { stopAll } from './run.mjs';
import { writeStatus } from './status.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MEDIASOUP = join(ROOT, 'node_modules/mediasoup');
const REPORT_EVERY_MS = 500;
const { cache, worker, status, lock, log, build } = places();

/** Held while we are the one that works. @type {Disposable | undefined} */
let held;
let last = { state: '', at: 0 };

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, () => stop(signal));
process.on('disconnect', () => stop('the program that asked for it ended'));

mkdirSync(cache, { recursive: true });
const failure = await ensure().catch((error) => String(error));
if (failure) writeStatus(status, { state: 'failed', detail: failure });
leave(failure ? 1 : 0);

/** @returns {Promise<string | undefined>} the reason when there is no worker */
async function ensure() {
  held = await waitForLock(lock, () => acceptedWorker() !== undefined);
  const found = await firstThatPasses();
  return found ? ready(found, found === worker ? 'from the cache' : 'as configured') : makeOne();
}

async function firstThatPasses() {
  for (const candidate of candidates()) {
    if (acceptedWorker() !== candidate) report({ state: 'testing', detail: `${candidate} is being tested` });
    const reason = await refusal(candidate);
    if (!reason) return candidate;
    console.error(`${candidate} is not usable: ${reason}`);
  }
  return undefined;
}

async function makeOne() {
  const fresh = `${worker}.new`;
  report({ state: 'downloading', detail: 'the official media worker is being looked for' });
  const isPrebuilt = await fetchPrebuilt(MEDIASOUP, fresh, log);
  let reason = isPrebuilt ? await test(fresh) : 'it could not be downloaded';
  if (!reason) return take(fresh, 'official');
  console.error(`official worker: ${reason}`);

  reason = await compileWorker({ sources: join(MEDIASOUP, 'worker'), build, destination: fresh, log, report });
  reason ??= await test(fresh);
  if (reason) return reason;
  rmSync(build, { recursive: true, force: true });
  return take(fresh, 'compiled here');
}

/** @param {string} fresh */
async function test(fresh) {
  report({ state: 'testing', detail: 'a DTLS handshake is being tried' });
  return handshakeFailure(fresh);
}

/** @param {string} fresh @param {string} origin */
function take(fresh, origin) {
  renameSync(fresh, worker);
  rememberAcceptance(worker);
  return ready(worker, origin);
}

/** @param {string} path @param {string} detail */
function ready(path, detail) {
  writeStatus(status, { state: 'ready', path, detail });
  return undefined;
}

/** At most twice a second, but every change of state. @param {Parameters<import('./compile.mjs').Job['report']>[0]} now */
function report(now) {
  const isNews = now.state !== last.state || performance.now() - last.at > REPORT_EVERY_MS;
  if (!isNews) return;
  last = { state: now.state, at: performance.now() };
  writeStatus(status, now);
}

/** @param {string} why */
function stop(why) {
  stopAll();
  if (held) writeStatus(status, { state: 'failed', detail: `stopped: ${why}` });
  leave(1);
}

/** @param {number} code */
function leave(code) {
  held?.[Symbol.dispose]();
  process.exit(code);
}
