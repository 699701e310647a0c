import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep, type Clock } from '#kernel/clock.ts';
import type { Publisher } from '#sfu/publisher.ts';
import { seal } from './recorder.ts';

/** One picture of a feed, as evidence. */
export interface Snapshot {
  /** Absolute path of a JPEG. */
  file: string;
  takenAtMs: number;
  bytes: number;
  sha256: string;
}

export type SnapshotOutcome = { kind: 'taken'; snapshot: Snapshot } | { kind: 'failed'; why: string };

/** From the press to the picture: a camera's next key frame may be some seconds away. */
const WITHIN_MS = 12_000;
/** A decoder that began in the middle asks for a key frame again after this time. */
const ASK_AGAIN_MS = 1000;

/**
 * Takes the next whole picture of what flows and writes it as JPEG. `takenAtMs` is when the picture was there, by our clock.
 */
export async function takeSnapshot(options: {
  publisher: Publisher;
  folder: string;
  ffmpeg: string;
  clock: Clock;
}): Promise<SnapshotOutcome> {
  const { publisher, folder, ffmpeg, clock } = options;
  await mkdir(folder, { recursive: true });
  const tap = await publisher.openTap({ host: '127.0.0.1', only: 'camera' });
  const name = new Date(clock.now()).toISOString().replaceAll(/[:.]/g, '-');
  const file = join(folder, `${name}.jpg`);
  const child = spawn(ffmpeg, snapshotArguments(file), { stdio: ['pipe', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-500)));
  child.stdin.on('error', () => {});
  child.stdin.end(tap.description);
  const over = new AbortController();
  const ended = new Promise<void>((resolve) => {
    child.once('error', ({ message }) => ((complaint = message), resolve()));
    child.once('exit', () => resolve());
  }).then(() => over.abort());
  const late = clock.after(WITHIN_MS, () => child.kill('SIGKILL'));
  try {
    while (!over.signal.aborted && !(await tap.isListenedTo())) await sleep(clock, 20);
    if (!over.signal.aborted) await tap.resume();
    while (!over.signal.aborted) {
      await sleep(clock, ASK_AGAIN_MS, over.signal).catch(() => {});
      if (!over.signal.aborted) await tap.requestKeyFrame();
    }
    await ended;
    const sealed = await seal(file);
    if (!sealed) return { kind: 'failed', why: complaint.trim().split('\n').at(-1) || 'no whole picture came' };
    return { kind: 'taken', snapshot: { file, takenAtMs: clock.now(), ...sealed } };
  } finally {
    late.cancel();
    tap.close();
  }
}

function snapshotArguments(file: string): string[] {
  return [
    ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-y', '-protocol_whitelist', 'pipe,udp,rtp', '-f', 'sdp'],
    // Nothing is guessed from what comes: the description says it all, and the first whole picture is wanted.
    ...['-fflags', 'nobuffer', '-analyzeduration', '1M', '-probesize', '500k', '-i', 'pipe:0', '-an'],
    ...['-frames:v', '1', '-q:v', '3', '-f', 'image2', '-update', '1', file],
  ];
}
