import { spawnSync } from 'node:child_process';

/** The ffmpeg that tests use. */
export const ffmpegPath = (): string => process.env['TOCSIN_FFMPEG'] ?? process.env['FFMPEG_BIN'] ?? 'ffmpeg';

/**
 * What ffmpeg makes of the input: the judge of our codecs. A machine without it cannot tell whether they are right, so a test
 * fails there and does not pass by.
 *
 * @throws Error with what ffmpeg says, or that it is not there
 */
export function ffmpeg(from: readonly string[], to: readonly string[], input: Uint8Array): Uint8Array {
  const args = ['-v', 'error', ...from, '-i', '-', ...to, '-'];
  const { stdout, stderr, status, error } = spawnSync(ffmpegPath(), args, { input, maxBuffer: 1 << 26 });
  if (error) throw new Error(`the tests need ffmpeg: ${error.message}`);
  if (status !== 0) throw new Error(`ffmpeg ended with ${status}: ${stderr.toString()}`);
  return new Uint8Array(stdout);
}
