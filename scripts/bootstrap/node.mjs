// The Node that everything after bootstrap runs on.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { isExecutable, ROOT } from './places.mjs';
import { CannotGoOn } from './progress.mjs';

const NEEDED_MAJOR = 24;

export function findNode() {
  const pinned = join(ROOT, 'node_modules/.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
  if (isExecutable(pinned) && majorOf(spawnSync(pinned, ['--version']).stdout) >= NEEDED_MAJOR) return pinned;
  if (majorOf(process.version) >= NEEDED_MAJOR) return process.execPath;
  throw new CannotGoOn(
    `Tocsin runs on Node ${NEEDED_MAJOR}. npm has no Node ${NEEDED_MAJOR} for ${process.platform} ${process.arch} that works here, ` +
      `and this is ${process.version}: install Node ${NEEDED_MAJOR} or newer and start again.`,
  );
}

/** @param {Buffer | string | null} version */
function majorOf(version) {
  return Number(/^v(\d+)/.exec(String(version))?.[1] ?? 0);
}
