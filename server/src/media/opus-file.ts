import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';

/** Narrowband speech of good quality; two channels take twice that. */
const BITS_PER_SECOND = 24_000;
const RATE_HZ = 8000;
/** The codec's own frames may round the end by so much. */
const LENGTH_TOLERANCE_MS = 40;
/** What coding may change of the loudness of the whole. */
const LEVEL_TOLERANCE_DB = 3;
const SILENT_DB = -55;

export type PackOutcome =
  | { kind: 'packed' }
  /** ffmpeg is not there, or cannot encode Opus. */
  | { kind: 'unavailable'; why: string }
  /** What came out is not what went in: nobody may throw the WAV away for it. */
  | { kind: 'unlike'; why: string };

/** What a sound is as a whole: to tell whether two files have the same. */
interface Measure {
  durationMs: number;
  levelDb: number;
}

/**
 * Makes Ogg Opus (RFC 7845) of a WAV recording, and decodes it again to see that its length and loudness are those of the WAV. Runs in
 * a process of low priority: calls come first.
 */
export async function packOpus(options: {
  ffmpeg: string;
  from: string;
  to: string;
  channels: number;
}): Promise<PackOutcome> {
  const { ffmpeg, from, to, channels } = options;
  const bits = String(BITS_PER_SECOND * channels);
  const encoded = await run(ffmpeg, [
    ...['-y', '-f', 'wav', '-i', from, '-map', '0:a', '-c:a', 'libopus', '-b:a', bits, '-application', 'voip'],
    ...['-fflags', '+bitexact', '-flags:a', '+bitexact', '-map_metadata', '-1', '-f', 'ogg', to],
  ]);
  if (encoded.why !== undefined) return { kind: 'unavailable', why: encoded.why };
  const [before, after] = [await measure(ffmpeg, from, channels), await measure(ffmpeg, to, channels)];
  if (Math.abs(before.durationMs - after.durationMs) > LENGTH_TOLERANCE_MS)
    return { kind: 'unlike', why: `${after.durationMs} ms of ${before.durationMs}` };
  const isSilent = before.levelDb < SILENT_DB && after.levelDb < SILENT_DB;
  if (!isSilent && Math.abs(before.levelDb - after.levelDb) > LEVEL_TOLERANCE_DB)
    return { kind: 'unlike', why: `${after.levelDb.toFixed(1)} dB of ${before.levelDb.toFixed(1)}` };
  return { kind: 'packed' };
}

/** Makes a WAV of 8 kHz, 16 bits, of a packed recording. @throws Error with what ffmpeg says */
export async function unpackOpus(options: { ffmpeg: string; from: string; to: string }): Promise<void> {
  const { ffmpeg, from, to } = options;
  const decoded = await run(ffmpeg, [
    ...['-y', '-i', from, '-ar', String(RATE_HZ), '-c:a', 'pcm_s16le', '-fflags', '+bitexact', '-f', 'wav', to],
  ]);
  if (decoded.why !== undefined) throw new Error(`unpacking ${from}: ${decoded.why}`);
}

async function measure(ffmpeg: string, path: string, channels: number): Promise<Measure> {
  let samples = 0;
  let energy = 0;
  let odd: Buffer | undefined;
  const format = ['-ar', String(RATE_HZ), '-ac', String(channels), '-f', 's16le', '-'];
  const { why } = await run(ffmpeg, ['-i', path, ...format], (chunk) => {
    const bytes = odd ? Buffer.concat([odd, chunk]) : chunk;
    const even = bytes.length & ~1;
    for (let at = 0; at < even; at += 2) energy += bytes.readInt16LE(at) ** 2;
    samples += even / 2;
    odd = even < bytes.length ? bytes.subarray(even) : undefined;
  });
  if (why !== undefined) throw new Error(`reading ${path}: ${why}`);
  const mean = energy / Math.max(1, samples) / 32_768 ** 2;
  return { durationMs: (samples / channels / RATE_HZ) * 1000, levelDb: 10 * Math.log10(Math.max(mean, 1e-9)) };
}

/** `why`: what it says when it fails, or that it is not there. */
function run(ffmpeg: string, args: string[], onOutput?: (chunk: Buffer) => void): Promise<{ why: string | undefined }> {
  return new Promise((resolve) => {
    const child = spawn(ffmpeg, ['-hide_banner', '-loglevel', 'error', '-nostdin', '-threads', '1', ...args], {
      stdio: ['ignore', onOutput ? 'pipe' : 'ignore', 'pipe'],
    });
    if (child.pid !== undefined) {
      try {
        setPriority(child.pid, constants.priority.PRIORITY_LOW);
      } catch {
        // It has ended already, or may not be made humbler.
      }
    }
    let said = '';
    child.stderr!.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-400)));
    if (onOutput) child.stdout!.on('data', onOutput);
    child.once('error', (error) => resolve({ why: error.message }));
    child.once('close', (code) =>
      resolve({ why: code === 0 ? undefined : said.trim() || `ffmpeg ended with ${code}` }),
    );
  });
}
