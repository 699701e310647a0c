import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BoundedQueue } from '#kernel/queue.ts';
import { wavHeader, WAV_HEADER_BYTES } from './wav.ts';

/** Chunks of 240 ms that may wait for the disk (about 6 s). What does not fit is lost, counted, and silent in the file. */
const WAITING_CHUNKS = 25;

/** As much of a file as writing needs; tests hand in one that fails. */
export interface WritableFile {
  write(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesWritten: number }>;
  close(): Promise<void>;
}

export type OpenFile = (path: string) => Promise<WritableFile>;

/** Makes a new file, and the folders above it. An existing one is never overwritten. */
export const createFile: OpenFile = async (path) => {
  await mkdir(dirname(path), { recursive: true });
  return open(path, 'wx');
};

/**
 * A 16-bit WAV file that grows. After every piece the header is set right, data first: a process that is killed leaves
 * a file that opens, short of what had not been handed over yet.
 */
export class WavFile {
  readonly path: string;
  readonly rateHz: number;
  readonly channels: number;
  /** Bytes of sound in the file, header not counted. */
  dataBytes = 0;
  /** Bytes that found the queue full. They are silent in the file, so that times stay right. */
  lostBytes = 0;
  readonly #file: WritableFile;
  readonly #queue = new BoundedQueue<Uint8Array>(WAITING_CHUNKS);
  readonly #onFailed: (error: NodeJS.ErrnoException) => void;
  #gapBytes = 0;
  #hasFailed = false;
  #writing: Promise<void> | undefined;

  private constructor(
    path: string,
    rateHz: number,
    channels: number,
    file: WritableFile,
    onFailed: (error: Error) => void,
  ) {
    this.path = path;
    this.rateHz = rateHz;
    this.channels = channels;
    this.#file = file;
    this.#onFailed = onFailed;
  }

  /** `onFailed` is called once at most, when the disk refuses; nothing is written after that. */
  static async create(options: {
    path: string;
    rateHz: number;
    channels: number;
    onFailed: (error: NodeJS.ErrnoException) => void;
    openFile?: OpenFile;
  }): Promise<WavFile> {
    const { path, rateHz, channels, onFailed, openFile = createFile } = options;
    const file = await openFile(path);
    try {
      await writeWhole(file, wavHeader({ rateHz, channels, dataBytes: 0 }), 0);
    } catch (error) {
      await file.close();
      throw error;
    }
    return new WavFile(path, rateHz, channels, file, onFailed);
  }

  /** Hands samples over, channels interleaved. Returns at once. */
  append(samples: Int16Array): void {
    if (this.#hasFailed || samples.length === 0) return;
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    if (this.#queue.push(bytes).kind === 'full') {
      this.lostBytes += bytes.length;
      this.#gapBytes += bytes.length;
      return;
    }
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
  }

  get durationMs(): number {
    return (this.dataBytes / (2 * this.channels * this.rateHz)) * 1000;
  }

  /** Waits until all is written, and closes. @returns the SHA-256 of the whole file, in hex */
  async close(): Promise<string> {
    await this.#writing;
    await this.#file.close();
    return sha256Of(this.path);
  }

  async #writeAll(): Promise<void> {
    try {
      for (let chunk = this.#queue.shift(); chunk; chunk = this.#queue.shift()) {
        await writeWhole(this.#file, chunk, WAV_HEADER_BYTES + this.dataBytes);
        this.dataBytes += chunk.length;
        // A hole in the file reads as zeros: silence.
        if (this.#queue.length === 0) this.dataBytes += this.#takeGap();
        const { rateHz, channels, dataBytes } = this;
        await writeWhole(this.#file, wavHeader({ rateHz, channels, dataBytes }), 0);
      }
    } catch (error) {
      this.#hasFailed = true;
      while (this.#queue.shift());
      this.#onFailed(error as NodeJS.ErrnoException);
    }
  }

  #takeGap(): number {
    const gap = this.#gapBytes;
    this.#gapBytes = 0;
    return gap;
  }
}

/**
 * Sets the header of a file right that was left behind, by the file's true length.
 * @returns its length in time, or undefined when it is no WAV file of ours
 */
export async function repairWav(path: string): Promise<{ durationMs: number; wasBroken: boolean } | undefined> {
  const file = await open(path, 'r+');
  try {
    const header = new Uint8Array(WAV_HEADER_BYTES);
    const { bytesRead } = await file.read(header, 0, WAV_HEADER_BYTES, 0);
    const text = Buffer.from(header).toString('latin1');
    if (bytesRead < WAV_HEADER_BYTES || !text.startsWith('RIFF') || text.slice(36, 40) !== 'data') return undefined;
    const view = new DataView(header.buffer);
    const channels = view.getUint16(22, true);
    const rateHz = view.getUint32(24, true);
    const frameBytes = channels * 2;
    if (view.getUint16(34, true) !== 16 || frameBytes === 0 || rateHz === 0) return undefined;
    const size = (await file.stat()).size - WAV_HEADER_BYTES;
    const dataBytes = size - (size % frameBytes);
    const wasBroken = view.getUint32(40, true) !== dataBytes || view.getUint32(4, true) !== 36 + dataBytes;
    if (wasBroken) {
      await file.truncate(WAV_HEADER_BYTES + dataBytes);
      await writeWhole(file, wavHeader({ rateHz, channels, dataBytes }), 0);
      await file.datasync();
    }
    return { durationMs: (dataBytes / frameBytes / rateHz) * 1000, wasBroken };
  } finally {
    await file.close();
  }
}

async function writeWhole(file: WritableFile | FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}
