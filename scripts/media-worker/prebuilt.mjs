// The official prebuilt worker, by mediasoup's own install script.
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';

const TIME_LIMIT_MS = 90_000;

/** @param {string} mediasoup the package's folder @param {string} destination @param {string} log @returns {Promise<boolean>} */
export async function fetchPrebuilt(mediasoup, destination, log) {
  const fetched = join(mediasoup, 'worker/out/Release/mediasoup-worker');
  // Without Python its second way, compiling with sources from the internet, ends at once: ours comes next.
  const env = { ...process.env, PYTHON: 'no-python-here', MEDIASOUP_WORKER_BIN: '' };
  await run(process.execPath, ['npm-scripts.mjs', 'postinstall'], {
    cwd: mediasoup,
    env,
    log,
    timeLimitMs: TIME_LIMIT_MS,
  });
  if (!existsSync(fetched)) return false;
  copyFileSync(fetched, destination);
  return true;
}
