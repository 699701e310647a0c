import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** One picture: its NAL units without start codes, and whether a decoder can begin with it. */
export interface AccessUnit {
  units: Buffer[];
  isKey: boolean;
}

export interface Clip {
  framesPerSecond: number;
  pictures: AccessUnit[];
}

const FRAMES_PER_SECOND = 10;
const SECONDS = 6;

/**
 * A moving picture of some seconds that goes round: counting seconds on colours that change, each camera its own hue.
 * Baseline profile, a key frame each second, as a camera's second stream is set for viewing.
 */
export async function makeClip({ ffmpeg, hue }: { ffmpeg: string; hue: number }): Promise<Clip> {
  const source = `testsrc2=size=640x360:rate=${FRAMES_PER_SECOND},hue=h=${hue}`;
  const { stdout } = await run(
    ffmpeg,
    [
      ...['-hide_banner', '-loglevel', 'error', '-f', 'lavfi', '-i', source, '-t', String(SECONDS)],
      ...['-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-preset', 'ultrafast', '-profile:v', 'baseline', '-b:v', '600k'],
      ...['-g', String(FRAMES_PER_SECOND), '-x264-params', 'scenecut=0:repeat-headers=1:sliced-threads=0:slices=1'],
      ...['-threads', '1', '-f', 'h264', '-'],
    ],
    { encoding: 'buffer', maxBuffer: 32 << 20 },
  );
  return clipOf(stdout);
}

/** Cuts a byte stream (ITU-T H.264 annex B) of one slice a picture into its pictures. */
function clipOf(bytes: Buffer): Clip {
  const pictures: AccessUnit[] = [];
  let waiting: Buffer[] = [];
  for (const unit of unitsOf(bytes)) {
    const type = unit[0]! & 0x1f;
    // Access unit delimiters and supplemental information say nothing that a picture needs.
    if (type === 9 || type === 6) continue;
    waiting.push(unit);
    if (type !== 1 && type !== 5) continue;
    pictures.push({ units: waiting, isKey: type === 5 });
    waiting = [];
  }
  return { framesPerSecond: FRAMES_PER_SECOND, pictures };
}

function unitsOf(bytes: Buffer): Buffer[] {
  const starts: number[] = [];
  for (let at = bytes.indexOf(START); at >= 0; at = bytes.indexOf(START, at + 3)) starts.push(at);
  return starts.map((start, index) => {
    let end = starts[index + 1] ?? bytes.length;
    while (end > start + 3 && bytes[end - 1] === 0) end -= 1;
    return bytes.subarray(start + 3, end);
  });
}

const START = Buffer.from([0, 0, 1]);
