// Where the media worker and everything about it lies. Outside the checkout, so that a fresh clone need not compile again.
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const MEDIASOUP_VERSION = '3.27.1';

/** Raise it when prepare.sh or shim/ changes what is compiled: older workers in the cache are then left alone. */
export const PATCH_LEVEL = 1;

/** @param {NodeJS.ProcessEnv} [env] */
export function places(env = process.env) {
  const cache = join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tocsin');
  const name = `mediasoup-worker-${MEDIASOUP_VERSION}-${process.platform}-${process.arch}-p${PATCH_LEVEL}`;
  const worker = join(cache, process.platform === 'win32' ? `${name}.exe` : name);
  return {
    cache,
    worker,
    /** How far the search for a worker is, as JSON: see status.mjs. */
    status: join(cache, `${name}.status.json`),
    /** Held by the one process that downloads or compiles. */
    lock: join(cache, `${name}.lock`),
    /** What apt, meson and ninja said. */
    log: join(cache, `${name}.log`),
    /** Kept until the worker is done: a compile that was stopped goes on where it was. */
    build: join(cache, `${name}.build`),
  };
}

/** The distribution a worker was accepted on: after an upgrade of the system it has to prove itself again. */
export function systemName() {
  try {
    const release = readFileSync('/etc/os-release', 'utf8');
    const field = (/** @type {string} */ name) => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(release)?.[1] ?? '';
    return `${field('ID')}-${field('VERSION_ID')}`;
  } catch {
    return process.platform;
  }
}
