import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { sleep, type Clock } from '#kernel/clock.ts';
import type { RecordingTap } from '#sfu/recording-tap.ts';

/** Times of a recorder process. */
const TIMES = {
  /** From its start to its ports bound. */
  startWithinMs: 5000,
  /** Where the system does not tell whether ports are bound. */
  startBlindMs: 700,
  /** From the goodbye to a signal, for a recorder that has not yet seen what it records. */
  askAgainAfterMs: 1000,
  /** From the request to stop to its end; then it is killed, and the file lacks its index but plays. */
  stopWithinMs: 5000,
  /**
   * Without a packet for so long, the recorder writes the index and ends itself. While the worker lives its RTCP reports keep
   * it going, also through a phone's silence; so this is what ends it when the server has been killed.
   */
  orphanAfterS: 10,
} as const;

/** Characters of the recorder's complaints that are kept for the log. */
const COMPLAINT_CHARACTERS = 4000;

/**
 * One run of ffmpeg that writes camera and microphone into one file as they come, without transcoding: VP8 into WebM, H.264
 * into Matroska. A cluster is closed every second, so whatever kills it costs at most that.
 */
export class Recorder {
  readonly #child: ChildProcess;
  readonly #tap: RecordingTap;
  readonly #clock: Clock;
  #complaint = '';
  /** Resolves when the process has ended, however. */
  readonly ended: Promise<{ code: number | null; complaint: string }>;

  private constructor(child: ChildProcess, tap: RecordingTap, clock: Clock) {
    this.#child = child;
    this.#tap = tap;
    this.#clock = clock;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-COMPLAINT_CHARACTERS);
    });
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve({ code: null, complaint: error.message }));
      child.once('exit', (code) => resolve({ code, complaint: this.#complaint.trim() }));
    });
  }

  /** Starts it, waits until it listens, and lets the media flow. Resolves with undefined when it did not start. */
  static async start(options: {
    ffmpeg: string;
    tap: RecordingTap;
    file: string;
    clock: Clock;
  }): Promise<{ kind: 'recording'; recorder: Recorder } | { kind: 'failed'; why: string }> {
    const { ffmpeg, tap, file, clock } = options;
    const child = spawn(ffmpeg, recorderArguments(file, tap.videoCodec), { stdio: ['pipe', 'ignore', 'pipe'] });
    const recorder = new Recorder(child, tap, clock);
    child.stdin?.on('error', () => {});
    child.stdin?.end(tap.description);
    const isUp = await Promise.race([listens(tap, clock), recorder.ended.then(() => false)]);
    if (!isUp) {
      await recorder.stop();
      return { kind: 'failed', why: (await recorder.ended).complaint || 'ffmpeg did not open its ports' };
    }
    await tap.resume();
    return { kind: 'recording', recorder };
  }

  /**
   * Lets it write its index and end; resolves when it has. A signal alone does not do: ffmpeg does not see it while it waits for a
   * packet that will not come, and a second one keeps it from writing the index.
   */
  async stop(): Promise<void> {
    await this.#tap.sayGoodbye();
    const again = this.#clock.after(TIMES.askAgainAfterMs, () => this.#child.kill('SIGINT'));
    const late = this.#clock.after(TIMES.stopWithinMs, () => this.#child.kill('SIGKILL'));
    await this.ended;
    again.cancel();
    late.cancel();
  }
}

/** Size and SHA-256 of a finished file; undefined when there is none or it is empty. */
export async function seal(file: string): Promise<{ bytes: number; sha256: string } | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (!found || found.size === 0) return undefined;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return { bytes: found.size, sha256: hash.digest('hex') };
}

function recorderArguments(file: string, videoCodec: string | undefined): string[] {
  return [
    ...['-hide_banner', '-loglevel', 'warning', '-nostdin', '-y'],
    // Sound and picture are joined by the RTCP sender reports; the queue mends what overtook on the way.
    ...['-protocol_whitelist', 'pipe,udp,rtp', '-f', 'sdp', '-listen_timeout', String(TIMES.orphanAfterS)],
    ...['-analyzeduration', '10M', '-probesize', '5M', '-reorder_queue_size', '256', '-max_delay', '500000'],
    ...['-i', 'pipe:0', '-map', '0', '-c', 'copy'],
    ...['-cluster_time_limit', '1000', '-flush_packets', '1'],
    ...['-f', containerOf(videoCodec) === 'webm' ? 'webm' : 'matroska', file],
  ];
}

/** The file's kind by the picture's codec; sound alone is Opus in WebM. */
export const containerOf = (videoCodec: string | undefined): 'webm' | 'mkv' => (videoCodec === 'h264' ? 'mkv' : 'webm');

async function listens(tap: RecordingTap, clock: Clock): Promise<boolean> {
  if (process.platform !== 'linux') await sleep(clock, TIMES.startBlindMs);
  for (let waitedMs = 0; waitedMs < TIMES.startWithinMs; waitedMs += 20) {
    if (await tap.isListenedTo()) return true;
    await sleep(clock, 20);
  }
  return false;
}
