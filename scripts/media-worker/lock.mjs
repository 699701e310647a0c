// A lock file with its owner's pid, so that of two processes only one compiles, and a dead owner's lock does not last.
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_AGAIN_AFTER_MS = 500;

/** Takes the lock, or returns undefined when a living process holds it. @param {string} file @returns {Disposable | undefined} */
export function tryLock(file) {
  mkdirSync(dirname(file), { recursive: true });
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid) }));
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        linkSync(mine, file); // atomic, and the file is never seen without its content
        return { [Symbol.dispose]: () => rmSync(file, { force: true }) };
      } catch (error) {
        if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
        if (!isStale(file)) return undefined;
        rmSync(file, { force: true });
      }
    }
    return undefined;
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Waits for the lock. Gives up (undefined) when `enough` says that it is no longer needed. @param {string} file @param {() => boolean} enough */
export async function waitForLock(file, enough) {
  for (;;) {
    const lock = tryLock(file);
    if (lock) return lock;
    if (enough()) return undefined;
    await sleep(LOOK_AGAIN_AFTER_MS);
  }
}

/** A lock is stale when its owner is gone, or when another process has got the owner's pid since. @param {string} file */
export function isStale(file) {
  let owner;
  try {
    owner = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return exists(file); // unreadable: nobody can be named who holds it
  }
  if (!Number.isInteger(owner.pid) || !isAlive(owner.pid)) return true;
  return Boolean(owner.startedAt) && startOf(owner.pid) !== owner.startedAt;
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/** When the process began, in the kernel's ticks; empty where there is no /proc. @param {number} pid */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

/** @param {string} file */
function exists(file) {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}
