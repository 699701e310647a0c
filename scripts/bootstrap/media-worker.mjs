// The media worker (mediasoup's), which may have to be compiled: minutes that must not hold up the start.
// A child process sees to it (scripts/media-worker/ensure.mjs), ends with us, and writes how far it is into the status file.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { acceptedWorker } from '../media-worker/accept.mjs';
import { places } from '../media-worker/places.mjs';
import { describe, readStatus, writeStatus } from '../media-worker/status.mjs';
import { ROOT } from './places.mjs';
import { Degraded } from './progress.mjs';

const LOOK_EVERY_MS = 500;

/** @typedef {{process?: import('node:child_process').ChildProcess}} MediaWorker */

/** @param {string} node @returns {MediaWorker} without a process when the worker is ready already */
export function startMediaWorker(node) {
  const { status } = places();
  process.env.TOCSIN_MEDIASOUP_WORKER_STATUS = status;
  const path = acceptedWorker();
  if (path) {
    const known = readStatus(status);
    if (known?.state !== 'ready' || known.path !== path) writeStatus(status, { state: 'ready', path });
    return {};
  }
  writeStatus(status, { state: 'checking', detail: 'a media worker is being looked for' });
  // A group of its own: a Ctrl-C in the terminal must not end it before its parts are in order. The channel ties it to us.
  const child = spawn(node, [join(ROOT, 'scripts/media-worker/ensure.mjs')], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  child.unref();
  child.channel?.unref();
  process.on('exit', () => child.connected && child.disconnect());
  return { process: child };
}

/** @param {MediaWorker} worker @param {(text: string) => void} progress */
export async function awaitMediaWorker({ process: child }, progress) {
  if (!child) return;
  const { status } = places();
  const show = () => progress(describe(readStatus(status)));
  show();
  const timer = setInterval(show, LOOK_EVERY_MS);
  const code = await new Promise((resolve) => child.once('exit', resolve));
  clearInterval(timer);
  if (code !== 0) throw new Degraded(`none; browser phones and video stay off: ${describe(readStatus(status))}`);
}
