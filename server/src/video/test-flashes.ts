import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const ffmpeg = process.env['TOCSIN_FFMPEG'] ?? 'ffmpeg';

const run = promisify(execFile);

/** Picture minus sound in ms, at each flash of a recording that has a beep beside it. */
export async function skewsIn(file: string): Promise<{ skews: number[]; flashes: number[]; beeps: number[] }> {
  const flashes = await flashesIn(file);
  const beeps = await beepsIn(file);
  const skews = flashes.flatMap((flash) => {
    const beep = beeps.find((each) => Math.abs(each - flash) < 0.5);
    return beep === undefined ? [] : [Math.round((flash - beep) * 1000)];
  });
  return { skews, flashes, beeps };
}

/** Which kinds of streams a finished file has. */
export async function kindsIn(file: string): Promise<string[]> {
  const { stderr } = await run(ffmpeg, ['-hide_banner', '-i', file, '-t', '1', '-f', 'null', '-']);
  assert.match(stderr, /Duration: 00:00:\d/, 'the index was not written');
  return [
    ...new Set(
      [...stderr.split('Output #0')[0]!.matchAll(/Stream #0:\d+.*?: (Video|Audio):/g)].map(([, kind]) =>
        kind!.toLowerCase(),
      ),
    ),
  ].sort();
}

/** Seconds at which the picture turns bright: the time of each frame beside its mean brightness. */
export async function flashesIn(file: string): Promise<number[]> {
  const filter = 'signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-';
  const { stdout } = await run(ffmpeg, ['-v', 'error', '-i', file, '-vf', filter, '-an', '-f', 'null', '-']);
  const frames = [...stdout.matchAll(/pts_time:([\d.]+)\s+lavfi\.signalstats\.YAVG=([\d.]+)/g)];
  return risesOf(
    frames.map(([, at, brightness]) => [Number(at), Number(brightness)]),
    128,
  );
}

/** Seconds at which the beep begins, to 5 ms. */
async function beepsIn(file: string): Promise<number[]> {
  // `aresample=async=1` fills what is missing, so that a sample's place is its time; first_pts=0 keeps a late start late.
  const filter = 'aresample=async=1:first_pts=0';
  const { stdout } = await run(
    ffmpeg,
    ['-v', 'error', '-i', file, '-vn', '-af', filter, '-ar', '8000', '-ac', '1', '-f', 's16le', '-'],
    { encoding: 'buffer', maxBuffer: 64 << 20 },
  );
  const loudness: [number, number][] = [];
  for (let at = 0; at + 80 <= stdout.length; at += 80) {
    let sum = 0;
    for (let i = 0; i < 80; i += 2) sum += Math.abs(stdout.readInt16LE(at + i));
    loudness.push([at / 16_000, sum / 40]);
  }
  return risesOf(loudness, 1500);
}

/** When the value goes from below the threshold to above, at most once a second. */
function risesOf(values: [atS: number, value: number][], threshold: number): number[] {
  const rises: number[] = [];
  for (const [index, [at, value]] of values.entries()) {
    const before = values[index - 1]?.[1] ?? Infinity;
    if (before < threshold && value >= threshold && at - (rises.at(-1) ?? -1) > 1) rises.push(at);
  }
  return rises;
}
