import { createReadStream } from 'node:fs';
import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import type { Log } from '#kernel/log.ts';
import type { MediaBridge } from '#media/bridge.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { Recorder, RecordingResult, Stretch } from '#media/recorder.ts';
import { repairWav } from '#media/wav-file.ts';
import type { Store } from '#store/store.ts';
import type { NewEntry } from '#timeline/entry.ts';
import { noteSoon } from '#timeline/note-soon.ts';
import type { Timeline } from '#timeline/timeline.ts';
import type { RecordableTalk, RecordedParties, RecordingDecision } from './recording-rules.ts';

/** What a recording is of: the ids that its timeline entries carry. */
export interface RecordingOf extends RecordedParties {
  call?: string;
  conference?: string;
  /** The conference's number. */
  number?: string;
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
  /** Resolves when it cannot go on; what is in the file stays. */
  readonly failed: Promise<void>;
  /** Ends it; resolves when the file is whole, hashed and on the timeline. */
  stop(actor?: string): Promise<void>;
  /** What follows is silence in the file, of its own length, until it goes on. */
  pause(actor?: string): Promise<void>;
  resume(actor?: string): Promise<void>;
}

/** Why and how something is recorded. */
export interface RecordingHow {
  /** The rule of the site that wants it. */
  rule?: string;
  /** The user, or the number of the phone, that asked for it. */
  by?: string;
  byVoice?: boolean;
  /** Who called to the left, everyone else to the right. */
  apart?: boolean;
  isPaused?: boolean;
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
  readonly #rules: (talk: RecordableTalk) => RecordingDecision;
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
    /** How the site wants something recorded that begins now. */
    rules: (talk: RecordableTalk) => RecordingDecision;
  }) {
    super();
    this.#engine = parts.engine;
    this.#store = parts.store;
    this.#timeline = parts.timeline;
    this.#clock = parts.clock;
    this.#chance = parts.chance;
    this.#log = parts.log;
    this.#folder = parts.folder;
    this.#rules = parts.rules;
  }

  /** What the site's rules say of this. */
  decide(of: RecordingOf): RecordingDecision {
    const { caller, called, direction, accounts, people, trunk, number, channel } = of;
    return this.#rules({
      of: of.conference ? 'conference' : of.channel ? 'channel' : of.call ? 'call' : 'announcement',
      ...{ caller, called, direction, accounts, people, trunk, channel, conference: number },
    } as RecordableTalk);
  }

  /** Records a bridge where the rules want that by themselves. */
  async startByRule(bridge: MediaBridge, of: RecordingOf): Promise<Recording | undefined> {
    const { mode, rule, sides } = this.decide(of);
    if (mode === 'never' || mode === 'on-demand') return undefined;
    return await this.start(bridge, of, {
      ...(rule ? { rule } : {}),
      ...{ byVoice: mode === 'voice', apart: sides === 'apart' },
    });
  }

  /** Records everything that is said on a bridge. A recording that cannot be made never stops the call: it raises `failed`. */
  async start(bridge: MediaBridge, of: RecordingOf, how: RecordingHow = {}): Promise<Recording | undefined> {
    const id = this.#chance.id('rec');
    const startedAt = this.#clock.now();
    const file = `recordings/${new Date(startedAt).toISOString().slice(0, 10)}/${id}.wav`;
    const hasFailed = Promise.withResolvers<void>();
    let recorder: Recorder;
    try {
      const { byVoice = false, apart = false } = how;
      recorder = await this.#engine.openRecorder({ file, byVoice, channels: apart ? 2 : 1 });
      if (how.isPaused) await recorder.pause();
      await bridge.add(recorder, { heardBy: 'nobody' });
    } catch (error) {
      this.#log.error('recording not started', { title: of.title, error });
      await this.#failed(of, error instanceof Error ? error.message : String(error));
      return undefined;
    }
    recorder.on('failed', (because) => {
      this.#log.error('recording failed', { recordingId: id, because });
      void this.#failed(of, because, id);
      hasFailed.resolve();
    });
    // The row is written beside the call, not before it: nobody waits for the disk to be put through.
    const isNoted = this.#note(id, file, startedAt, of, how);
    let stopping: Promise<void> | undefined;
    const recording: Recording = {
      id,
      file: recorder.file,
      failed: hasFailed.promise,
      stop: (actor) => (stopping ??= this.#stop(recording, recorder, isNoted, of, actor)),
      pause: async (actor) => {
        const atMs = await recorder.pause();
        await this.#mark(id, 'recording.paused', { of, recorder, isNoted, atMs, actor });
      },
      resume: async (actor) => {
        const atMs = await recorder.resume();
        await this.#mark(id, 'recording.resumed', { of, recorder, isNoted, atMs, actor });
      },
    };
    this.#running.add(recording);
    return recording;
  }

  /** Closes what a killed process has left open: mends the files, hashes them, and says so on the timeline. */
  async recover(): Promise<number> {
    const left = await this.#store.query<{ id: string; file: string; facts: RecordingOf; gaps: Stretch[] }>(
      'select id, file, facts, gaps from recordings where closed_at is null order by started_at',
    );
    for (const { id, file, facts, gaps } of left) {
      const path = `${this.#folder}/${file}`;
      try {
        const repaired = await repairWav(path);
        if (!repaired) throw new Error('the file is no recording');
        const { durationMs } = repaired;
        await this.#closed(
          id,
          { file, sha256: await sha256Of(path), durationMs, gaps: ended(gaps, durationMs) },
          facts,
          {
            because: 'server-restarted',
          },
        );
      } catch (error) {
        this.#log.warn('recording lost', { recordingId: id, file, error });
        await this.#store.query('update recordings set closed_at = $2, because = $3 where id = $1', [
          id,
          new Date(this.#clock.now()),
          'file-missing',
        ]);
        await this.#timeline.append({ ...recordingIds(facts), kind: 'recording.lost', data: { recording: id, file } });
      }
    }
    return left.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#running].map((recording) => recording.stop()));
  }

  async #note(id: string, file: string, startedAt: number, of: RecordingOf, how: RecordingHow): Promise<void> {
    try {
      await this.#store.query(
        `insert into recordings (id, file, started_at, facts, caller, called, direction, accounts)
         values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [
          ...[id, file, new Date(startedAt), JSON.stringify(of)],
          ...[of.caller ?? null, of.called ?? null, of.direction ?? null, of.accounts ?? []],
        ],
      );
      const { rule, by, byVoice, isPaused } = how;
      await this.#tell({
        ...recordingIds(of),
        kind: 'recording.started',
        at: startedAt,
        ...(by ? { actor: by } : {}),
        data: {
          ...{ recording: id, ...sourceOf(of) },
          ...(rule ? { rule } : {}),
          ...(byVoice ? { byVoice } : {}),
          ...(isPaused ? { isPaused } : {}),
        },
      });
    } catch (error) {
      this.#log.error('recording not noted', { recordingId: id, error });
    }
  }

  /** A pause, or its end: on the timeline, and in the row for the case that we do not live to close it. */
  async #mark(
    id: string,
    kind: 'recording.paused' | 'recording.resumed',
    about: { of: RecordingOf; recorder: Recorder; isNoted: Promise<void>; atMs: number; actor: string | undefined },
  ): Promise<void> {
    const { of, recorder, isNoted, atMs, actor } = about;
    await isNoted;
    await this.#store
      .query('update recordings set gaps = $2 where id = $1', [id, JSON.stringify(recorder.gaps)])
      .catch((error: unknown) => this.#log.error('pause of a recording not noted', { recordingId: id, error }));
    await this.#tell({
      ...recordingIds(of),
      kind,
      ...(actor ? { actor } : {}),
      data: { recording: id, ...sourceOf(of), atMs },
    });
  }

  async #failed(of: RecordingOf, because: string, id?: string): Promise<void> {
    this.emit('failed', of.title, because);
    const data = { ...(id ? { recording: id } : {}), ...sourceOf(of), because };
    await this.#tell({ ...recordingIds(of), kind: 'recording.failed', data });
  }

  async #tell(entry: NewEntry): Promise<void> {
    await noteSoon(entry, { timeline: this.#timeline, clock: this.#clock, log: this.#log });
  }

  async #stop(
    recording: Recording,
    recorder: Recorder,
    isNoted: Promise<void>,
    of: RecordingOf,
    actor?: string,
  ): Promise<void> {
    this.#running.delete(recording);
    const [result] = await Promise.all([recorder.close(), isNoted]);
    try {
      await this.#closed(recording.id, result, of, { actor });
    } catch (error) {
      // The file is whole; its row stays open and is closed at the next start. The call must end all the same.
      this.#log.error('recording not noted as closed', { recordingId: recording.id, error });
    }
  }

  async #closed(
    id: string,
    { file, sha256, durationMs, gaps, voiced }: RecordingResult,
    of: RecordingOf,
    { because, actor }: { because?: string; actor?: string | undefined },
  ): Promise<void> {
    const relative = file.startsWith(`${this.#folder}/`) ? file.slice(this.#folder.length + 1) : file;
    await this.#store.query(
      `update recordings set closed_at = $2, sha256 = $3, duration_ms = $4, because = $5, gaps = $6, voiced = $7
       where id = $1`,
      [
        ...[id, new Date(this.#clock.now()), sha256, Math.round(durationMs), because ?? null, JSON.stringify(gaps)],
        voiced ? JSON.stringify(voiced) : null,
      ],
    );
    await this.#tell({
      ...recordingIds(of),
      kind: 'recording.closed',
      ...(actor ? { actor } : {}),
      data: {
        ...{ recording: id, ...sourceOf(of), ms: Math.round(durationMs) },
        ...(gaps.length > 0 ? { gaps } : {}),
        ...(because ? { because } : {}),
      },
      blobs: [{ sha256, kind: 'audio', path: relative, ms: Math.round(durationMs) }],
    });
  }
}

/** A pause that a crash left open lasted to the end of the file. */
function ended(gaps: readonly Stretch[], durationMs: number): Stretch[] {
  // JSON has no infinity: an open end is null.
  return gaps.map(({ fromMs, toMs }) => ({ fromMs, toMs: Math.min((toMs as number | null) ?? Infinity, durationMs) }));
}

/** What was recorded, for whoever lays it beside the rest. */
function sourceOf({ title, conference, channel }: RecordingOf) {
  return { title, ...(conference ? { conference } : {}), ...(channel ? { channel } : {}) };
}

/** The ids that every entry about a recording carries. */
export function recordingIds(of: RecordingOf) {
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
