import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#kernel/clock.ts';
import { unpackOpus } from '#media/opus-file.ts';

/** WAVs kept for who hears them piece by piece; with more, those that nobody has asked for longest go. */
const KEPT = 50;

/** Packed recordings as WAV: for players and programs that want that, and for being played into a call. */
export class UnpackedRecordings {
  readonly #folder: string;
  readonly #ffmpeg: string;
  readonly #clock: Clock;
  readonly #unpacking = new Map<string, Promise<string>>();

  constructor({ folder, ffmpeg, clock }: { folder: string; ffmpeg: string; clock: Clock }) {
    this.#folder = folder;
    this.#ffmpeg = ffmpeg;
    this.#clock = clock;
  }

  /** The path of a WAV of this file; of one that is a WAV already its own. @param sha256 of the file */
  async wavOf(path: string, sha256: string): Promise<string> {
    if (!path.endsWith('.opus')) return path;
    let unpacking = this.#unpacking.get(sha256);
    if (!unpacking) {
      unpacking = this.#unpack(path, sha256).finally(() => this.#unpacking.delete(sha256));
      this.#unpacking.set(sha256, unpacking);
    }
    return await unpacking;
  }

  /** The recording is deleted: nothing of it stays here. */
  async forget(sha256: string): Promise<void> {
    await this.#unpacking.get(sha256)?.catch(() => {});
    await rm(join(this.#folder, `${sha256}.wav`), { force: true });
  }

  async #unpack(from: string, sha256: string): Promise<string> {
    const to = join(this.#folder, `${sha256}.wav`);
    const now = new Date(this.#clock.now());
    const isThere = await utimes(to, now, now).then(
      () => true,
      () => false,
    );
    if (isThere) return to;
    await mkdir(this.#folder, { recursive: true });
    await unpackOpus({ ffmpeg: this.#ffmpeg, from, to: `${to}.part` });
    await rename(`${to}.part`, to);
    await this.#forgetOldest();
    return to;
  }

  async #forgetOldest(): Promise<void> {
    const names = await readdir(this.#folder);
    if (names.length <= KEPT) return;
    const files = await Promise.all(
      names.map(async (name) => ({ name, at: (await stat(join(this.#folder, name))).mtimeMs })),
    );
    files.sort((a, b) => a.at - b.at);
    for (const { name } of files.slice(0, files.length - KEPT)) await rm(join(this.#folder, name), { force: true });
  }
}
