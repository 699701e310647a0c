import { createReadStream } from 'node:fs';
import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import type { Log } from '#kernel/log.ts';
import type { MediaBridge } from '#media/bridge.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { Recorder } from '#media/recorder.ts';
import { repairWav } from '#media/wav-file.ts';
import type { Store } from '#store/store.ts';
import { noteSoon } from '#timeline/note-soon.ts';
import type { Timeline } from '#timeline/timeline.ts';

/** What a recording is of: the ids that its timeline entries carry. */
export interface RecordingOf {
  call?: string;
  conference?: string;
  channel?: string;
  incident?: string;
  run?: string;
  isDrill?: boolean;
  /** For people: 会议 8001, 1003 → 9196. */
  title: string;
}

/** One recording while it runs. */
export interface Recording {
  readonly id: string;
  /** The file while it grows: at most a quarter of a second behind. */
  readonly file: string;
  /** Ends it; resolves when the file is whole, hashed and on the timeline. */
  stop(): Promise<void>;
}

/**
 * Records bridges to WAV files, and answers for each: a row before the first sample is written, an entry with the
 * file's hash when it is closed, and the same for files that a crash has left open.
 */
export class Recordings extends Emitter<{ failed: [title: string, because: string] }> {
  readonly #engine: MediaEngine;
  readonly #store: Store;
  readonly #timeline: Timeline;
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #log: Log;
  readonly #folder: string;
  readonly #running = new Set<Recording>();

  constructor(parts: {
    engine: MediaEngine;
    store: Store;
    timeline: Timeline;
    clock: Clock;
    chance: Chance;
    log: Log;
    /** The data folder, below which the engine writes; names in the database are relative to it. */
    folder: string;
  }) {
    super();
    this.#engine = parts.engine;
    this.#store = parts.store;
    this.#timeline = parts.timeline;
    this.#clock = parts.clock;
    this.#chance = parts.chance;
    this.#log = parts.log;
    this.#folder = parts.folder;
  }

  /** Records everything that is said on a bridge. A recording that cannot be made never stops the call: it raises `failed`. */
  async start(bridge: MediaBridge, of: RecordingOf): Promise<Recording | undefined> {
    const id = this.#chance.id('rec');
    const startedAt = this.#clock.now();
    const file = `recordings/${new Date(startedAt).toISOString().slice(0, 10)}/${id}.wav`;
    let recorder: Recorder;
    try {
      recorder = await this.#engine.openRecorder({ file });
      await bridge.add(recorder, { heardBy: 'nobody' });
    } catch (error) {
      this.#log.error('recording not started', { title: of.title, error });
      this.emit('failed', of.title, error instanceof Error ? error.message : String(error));
      return undefined;
    }
    recorder.on('failed', (because) => {
      this.#log.error('recording failed', { recordingId: id, because });
      this.emit('failed', of.title, because);
    });
    // The row is written beside the call, not before it: nobody waits for the disk to be put through.
    const isNoted = this.#note(id, file, startedAt, of);
    let stopping: Promise<void> | undefined;
    const recording: Recording = {
      id,
      file: recorder.file,
      stop: () => (stopping ??= this.#stop(recording, recorder, isNoted, of)),
    };
    this.#running.add(recording);
    return recording;
  }

  /** Closes what a killed process has left open: mends the files, hashes them, and says so on the timeline. */
  async recover(): Promise<number> {
    const left = await this.#store.query<{ id: string; file: string; facts: RecordingOf }>(
      'select id, file, facts from recordings where closed_at is null order by started_at',
    );
    for (const { id, file, facts } of left) {
      const path = `${this.#folder}/${file}`;
      try {
        const repaired = await repairWav(path);
        if (!repaired) throw new Error('the file is no recording');
        const { durationMs } = repaired;
        await this.#closed(id, file, await sha256Of(path), durationMs, facts, 'server-restarted');
      } catch (error) {
        this.#log.warn('recording lost', { recordingId: id, file, error });
        await this.#store.query('update recordings set closed_at = $2, because = $3 where id = $1', [
          id,
          new Date(this.#clock.now()),
          'file-missing',
        ]);
        await this.#timeline.append({ ...idsOf(facts), kind: 'recording.lost', data: { recording: id, file } });
      }
    }
    return left.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#running].map((recording) => recording.stop()));
  }

  async #note(id: string, file: string, startedAt: number, of: RecordingOf): Promise<void> {
    try {
      await this.#store.query('insert into recordings (id, file, started_at, facts) values ($1, $2, $3, $4)', [
        id,
        file,
        new Date(startedAt),
        JSON.stringify(of),
      ]);
      await noteSoon(
        {
          ...idsOf(of),
          kind: 'recording.started',
          at: startedAt,
          data: { recording: id, ...sourceOf(of) },
        },
        { timeline: this.#timeline, clock: this.#clock, log: this.#log },
      );
    } catch (error) {
      this.#log.error('recording not noted', { recordingId: id, error });
    }
  }

  async #stop(recording: Recording, recorder: Recorder, isNoted: Promise<void>, of: RecordingOf): Promise<void> {
    this.#running.delete(recording);
    const [{ file, durationMs, sha256 }] = await Promise.all([recorder.close(), isNoted]);
    try {
      await this.#closed(recording.id, file, sha256, durationMs, of);
    } catch (error) {
      // The file is whole; its row stays open and is closed at the next start. The call must end all the same.
      this.#log.error('recording not noted as closed', { recordingId: recording.id, error });
    }
  }

  async #closed(id: string, file: string, sha256: string, durationMs: number, of: RecordingOf, because?: string) {
    const relative = file.startsWith(`${this.#folder}/`) ? file.slice(this.#folder.length + 1) : file;
    await this.#store.query(
      'update recordings set closed_at = $2, sha256 = $3, duration_ms = $4, because = $5 where id = $1',
      [id, new Date(this.#clock.now()), sha256, Math.round(durationMs), because ?? null],
    );
    await noteSoon(
      {
        ...idsOf(of),
        kind: 'recording.closed',
        data: { recording: id, ...sourceOf(of), ms: Math.round(durationMs), ...(because ? { because } : {}) },
        blobs: [{ sha256, kind: 'audio', path: relative, ms: Math.round(durationMs) }],
      },
      { timeline: this.#timeline, clock: this.#clock, log: this.#log },
    );
  }
}

/** What was recorded, for whoever lays it beside the rest. */
function sourceOf({ title, conference, channel }: RecordingOf) {
  return { title, ...(conference ? { conference } : {}), ...(channel ? { channel } : {}) };
}

function idsOf(of: RecordingOf) {
  const { call, incident, run, isDrill } = of;
  return {
    ...(call ? { call } : {}),
    ...(incident ? { incident } : {}),
    ...(run ? { run } : {}),
    ...(isDrill ? { isDrill } : {}),
  };
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
