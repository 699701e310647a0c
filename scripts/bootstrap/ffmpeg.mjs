// ffmpeg: named by the operator, from npm's ffmpeg-static, the system's, downloaded, or from apt; TOCSIN_FFMPEG says which.
// The system's goes before a download, so that a machine without internet does not wait for one to fail.
import { join } from 'node:path';
import { aptInstall } from './apt.mjs';
import { isExecutable, onPath, readStamp, ROOT, writeStamp } from './places.mjs';
import { Degraded } from './progress.mjs';
import { run } from './run.mjs';

const STATIC = join(ROOT, 'node_modules/ffmpeg-static');
const DOWNLOAD_TIME_MS = 60_000;
const TRY_AGAIN_AFTER_MS = 24 * 3600e3;
const STAMP = 'ffmpeg-not-found';

/** @param {(text: string) => void} progress */
export async function findFfmpeg(progress) {
  const found = installed() ?? (await fetched(progress));
  if (!found)
    throw new Degraded(
      'not found; video is not recorded, and cameras are not shown. Install ffmpeg, or set TOCSIN_FFMPEG',
    );
  process.env.TOCSIN_FFMPEG = found;
}

function installed() {
  const named = [process.env.TOCSIN_FFMPEG, process.env.FFMPEG_BIN].find((path) => path && isExecutable(path));
  const packaged = join(STATIC, process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg');
  return named ?? (isExecutable(packaged) ? packaged : onPath('ffmpeg'));
}

/** @param {(text: string) => void} progress */
async function fetched(progress) {
  if (Date.now() - Number(readStamp(STAMP)) < TRY_AGAIN_AFTER_MS) return undefined;
  progress('downloading');
  await run(process.execPath, ['install.js'], { cwd: STATIC, timeLimitMs: DOWNLOAD_TIME_MS });
  if (!installed()) await aptInstall(['ffmpeg'], progress);
  if (!installed()) writeStamp(STAMP, String(Date.now()));
  return installed();
}
