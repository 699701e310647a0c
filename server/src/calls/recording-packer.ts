import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { packOpus } from '#media/opus-file.ts';
import type { Store } from '#store/store.ts';
import type { Timeline } from '#timeline/timeline.ts';
import type { RecordingOf } from './recording.ts';
import { recordingIds } from './recording.ts';

/** Recordings packed in one go; then it looks again. */
const AT_ONCE = 20;
const LOOK_EVERY_MS = { least: 1_000, most: 60_000 } as const;
/** A killed packer may have left the WAV of what it had packed; older ones were cleared by the starts before. */
const CLEAR_AFTER_START_MS = 7 * 86_400_000;

interface Row {
  id: string;
  file: string;
  sha256: string;
  duration_ms: number;
  facts: RecordingOf;
}

/**
 * Packs sealed recordings as Opus some time after their end, one by one in the background. The WAV's hash stays on the timeline, in
 * the entry that sealed it; `recording.packed` says which Opus was made of it, and has that one's hash. The WAV goes only when the
 * Opus was decoded and found alike, and its entry is on disk.
 */
export class RecordingPacker implements AsyncDisposable {
  readonly #parts: {
    store: Store;
    timeline: Timeline;
    clock: Clock;
    log: Log;
    folder: string;
    ffmpeg: string;
    afterMs: number;
  };
  /** What could not be packed is not tried again before the next start. */
  readonly #failed = new Set<string>();
  #timer: Timer | undefined;
  #working: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(parts: {
    store: Store;
    timeline: Timeline;
    clock: Clock;
    log: Log;
    /** The data folder. */
    folder: string;
    ffmpeg: string;
    /** So long after their end. */
    afterMs: number;
  }) {
    this.#parts = parts;
  }

  /** Clears what a killed packer has left, and begins. */
  start(): void {
    this.#working = this.#clear().catch((error: unknown) =>
      this.#parts.log.error('packed recordings not cleared', { error }),
    );
    this.#lookLater();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#working;
  }

  #lookLater(): void {
    if (this.#isClosed) return;
    const { clock, afterMs } = this.#parts;
    const everyMs = Math.min(LOOK_EVERY_MS.most, Math.max(LOOK_EVERY_MS.least, afterMs / 4));
    this.#timer = clock.after(everyMs, () => {
      this.#working = this.#working
        .then(() => this.#look())
        .catch((error: unknown) => this.#parts.log.error('recordings not packed', { error }))
        .then(() => this.#lookLater());
    });
  }

  async #look(): Promise<void> {
    const { store, clock, afterMs } = this.#parts;
    const rows = await store.query<Row>(
      `select id, file, sha256, duration_ms, facts from recordings
       where closed_at <= $1 and sha256 is not null and packed_at is null and deleted_at is null
         and file like '%.wav' and not (id = any($2)) order by closed_at limit $3`,
      [new Date(clock.now() - afterMs), [...this.#failed], AT_ONCE],
    );
    for (const row of rows) {
      if (this.#isClosed) return;
      await this.#pack(row);
    }
  }

  async #pack({ id, file, sha256, duration_ms: ms, facts }: Row): Promise<void> {
    const { store, timeline, clock, log, folder, ffmpeg } = this.#parts;
    const wav = join(folder, file);
    const part = `${wav.slice(0, -'.wav'.length)}.opus.part`;
    try {
      const channels = await channelsOf(wav);
      // What is not what was sealed is evidence of something: it is left as it is.
      if ((await sha256Of(wav)) !== sha256) throw new Error('the file is not what was sealed');
      const outcome = await packOpus({ ffmpeg, from: wav, to: part, channels });
      if (outcome.kind !== 'packed') throw new Error(`${outcome.kind}: ${outcome.why}`);
      const packed = await sha256Of(part);
      await flush(part);
      // Named by its content: should we be killed before the row is written, the next one is no other file of the same name.
      const opus = `${file.slice(0, -'.wav'.length)}-${packed.slice(0, 8)}.opus`;
      await rename(part, join(folder, opus));
      await timeline.append({
        ...recordingIds(facts),
        kind: 'recording.packed',
        data: { recording: id, title: facts.title, wavSha256: sha256 },
        blobs: [{ sha256: packed, kind: 'audio', path: opus, ms }],
      });
      const updated = await store.query(
        `update recordings set file = $2, packed_sha256 = $3, packed_at = $4
         where id = $1 and deleted_at is null returning id`,
        [id, opus, packed, new Date(clock.now())],
      );
      // Deleted while it was packed: then nothing of it stays.
      if (updated.length === 0) await rm(join(folder, opus), { force: true });
      await rm(wav, { force: true });
      log.info('recording packed', { recordingId: id });
    } catch (error) {
      this.#failed.add(id);
      log.warn('recording not packed; it stays a WAV', { recordingId: id, error });
      await rm(part, { force: true }).catch(() => {});
    }
  }

  async #clear(): Promise<void> {
    const { store, clock, folder } = this.#parts;
    const rows = await store.query<{ id: string; file: string }>(
      `select id, file from recordings where packed_at > $1`,
      [new Date(clock.now() - CLEAR_AFTER_START_MS)],
    );
    for (const { file } of rows) await rm(join(folder, file.replace(/-[0-9a-f]{8}\.opus$/, '.wav')), { force: true });
  }
}

async function channelsOf(wav: string): Promise<number> {
  await using file = await open(wav);
  const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 22);
  return buffer.readUInt16LE(0);
}

async function flush(path: string): Promise<void> {
  await using file = await open(path, 'r+');
  await file.datasync();
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
