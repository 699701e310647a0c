import type { Level } from '@tocsin/protocol/common.ts';
import type { TimelineEntry } from '@tocsin/protocol/views.ts';

/** The lanes of the time bar, top to bottom. */
export const LANES = ['alarms', 'phone', 'radio', 'pa', 'text', 'video', 'orders'] as const;
export type LaneName = (typeof LANES)[number];

/** Something that lasts: a recording, an announcement, a time on air. */
export interface Clip {
  id: string;
  lane: LaneName;
  from: number;
  /** Absent while it goes on. */
  to?: number;
  label: string;
  /** What can be heard or seen of it. */
  media?: { kind: 'audio' | 'video'; url: string };
  entry: TimelineEntry;
}

/** Something that happens at a moment. */
export interface Mark {
  id: string;
  lane: LaneName;
  at: number;
  level?: Level;
  tone: 'plain' | 'red' | 'blue';
  entry: TimelineEntry;
}

export interface Model {
  clips: Clip[];
  marks: Mark[];
  first: number;
  last: number;
}

/** The names that decide where a recording belongs. */
export interface Names {
  /** A channel's id and its name in any language. */
  channels: readonly { id: string; name: string }[];
  nameOf: (entry: TimelineEntry) => string;
}

const LANE_OF: readonly [pattern: RegExp, lane: LaneName][] = [
  [/^alarm\./, 'alarms'],
  [/^(call|conference|hunt|queue|bridge)\./, 'phone'],
  [/^(channel|floor|radio)\./, 'radio'],
  [/^(announcement|page|zone)\./, 'pa'],
  [/^text\./, 'text'],
  [/^(feed|video)\./, 'video'],
  [/^(plan|run|incident|order|task|system|bell)\./, 'orders'],
];

/** Which lane a kind of entry stands on; undefined for what is only in the list. */
export function laneOf(kind: string): LaneName | undefined {
  return LANE_OF.find(([pattern]) => pattern.test(kind))?.[1];
}

/** Beginnings and ends of what lasts without being a recording, and the field that pairs them. */
const SPANS: readonly { began: string; ended: readonly string[]; by: readonly string[]; lane: LaneName }[] = [
  { began: 'channel.floor-granted', ended: ['channel.floor-released'], by: ['channel'], lane: 'radio' },
  { began: 'channel.speech-began', ended: ['channel.speech-ended'], by: ['channel'], lane: 'radio' },
  { began: 'announcement.started', ended: ['announcement.ended'], by: ['announcement'], lane: 'pa' },
  { began: 'feed.live', ended: ['feed.lost', 'feed.ended'], by: ['feed'], lane: 'video' },
];

/** These have no mark of their own: a clip tells it, or it is nothing to see. */
const NO_MARK =
  /^(recording\.|feed\.(recording|viewing)|channel\.(speech|floor|spoke)|announcement\.|text\.(sent|submitted|queued|ordered)|alarm\.(repeated|folded)|system\.started)/;

/** What a lane marks; the rest of its kinds is told by clips, or only in the list. */
const MARKED: Partial<Record<LaneName, RegExp>> = {
  alarms: /raised|acknowledged|cleared/,
  phone: /refused|unanswered|busy|voicemail|failed|unreachable/,
  radio: /patched|unpatched/,
  video: /^feed\.invited$/,
  orders:
    /^(plan\.|incident\.|order|task|system\.mode|run\.(started|ended|stopped|failed|step-(started|failed|skipped)|question|person))/,
};

/** Reads entries, oldest first, into what the time bar draws. */
export function readModel(entries: readonly TimelineEntry[], names: Names): Model {
  const clips: Clip[] = [];
  const marks: Mark[] = [];
  const open = new Map<string, Clip>();
  const recordings = new Map<string, Clip>();

  for (const entry of entries) {
    const { kind, at, data } = entry;
    if (kind === 'recording.started') {
      const clip: Clip = {
        id: `${data['recording']}`,
        lane: recordingLane(entry, names),
        from: at,
        label: `${data['title'] ?? ''}`,
        entry,
      };
      recordings.set(clip.id, clip);
      clips.push(clip);
      continue;
    }
    if (kind === 'recording.closed' || kind === 'recording.lost') {
      closeRecording(entry, recordings, clips, names);
      continue;
    }
    // The same sound once more, in another file.
    if (kind === 'recording.packed') continue;
    if (kind === 'feed.recording-part-finished') {
      clips.push(videoPart(entry, names));
      continue;
    }
    const span = SPANS.find(({ began, ended }) => began === kind || ended.includes(kind));
    if (span) {
      const key = `${span.began} ${span.by.map((field) => `${data[field]}`).join(' ')}`;
      const running = open.get(key);
      if (running) {
        running.to = at;
        open.delete(key);
      }
      if (span.began === kind) {
        const clip: Clip = { id: entry.id, lane: span.lane, from: at, label: names.nameOf(entry), entry };
        open.set(key, clip);
        clips.push(clip);
      }
    } else {
      const sound = entry.blobs.find((blob) => blob.kind === 'audio' || blob.kind === 'video');
      const lane = laneOf(kind);
      if (sound && (sound.kind === 'audio' || sound.kind === 'video') && lane) {
        clips.push({
          id: entry.id,
          lane,
          from: at,
          to: at + (sound.ms ?? 0),
          label: names.nameOf(entry),
          media: { kind: sound.kind, url: sound.url },
          entry,
        });
      }
    }
    const mark = markOf(entry);
    if (mark) marks.push(mark);
  }
  joinVideo(clips);
  joinAnnouncements(clips);
  const first = entries[0]?.at ?? 0;
  const starts = clips.map(({ from }) => from);
  return {
    clips,
    marks,
    first: Math.min(first, ...starts),
    last: Math.max(entries.at(-1)?.at ?? 0, ...clips.map(({ to, from }) => to ?? from)),
  };
}

function markOf(entry: TimelineEntry): Mark | undefined {
  const lane = laneOf(entry.kind);
  if (!lane || NO_MARK.test(entry.kind)) return undefined;
  const wanted = MARKED[lane];
  if (wanted && !wanted.test(entry.kind)) return undefined;
  const level = entry.data['level'];
  const isLevel = entry.kind === 'alarm.raised' && (level === 1 || level === 2 || level === 3 || level === 4);
  return {
    id: entry.id,
    lane: lane,
    at: entry.at,
    tone: /failed|refused|unanswered|lost|unreachable/.test(entry.kind)
      ? 'red'
      : /started/.test(entry.kind)
        ? 'blue'
        : 'plain',
    entry,
    ...(isLevel ? { level: level as Level } : {}),
  };
}

function recordingLane({ data }: TimelineEntry, { channels }: Names): LaneName {
  const title = String(data['title'] ?? '');
  if (typeof data['channel'] === 'string' || channels.some(({ name }) => name === title)) return 'radio';
  if (typeof data['announcement'] === 'string' || /^(广播|announcement)/i.test(title)) return 'pa';
  return 'phone';
}

function closeRecording(entry: TimelineEntry, recordings: Map<string, Clip>, clips: Clip[], names: Names): void {
  const { at, data, blobs } = entry;
  const id = `${data['recording']}`;
  const ms = typeof data['ms'] === 'number' ? data['ms'] : (blobs[0]?.ms ?? 0);
  let clip = recordings.get(id);
  if (!clip) {
    // It began before what was read.
    clip = { id, lane: recordingLane(entry, names), from: at - ms, label: `${data['title'] ?? ''}`, entry };
    clips.push(clip);
  }
  // A file that a crash left open was closed long after its last sample.
  clip.to = ms > 0 ? clip.from + ms : at;
  const sound = blobs.find(({ kind }) => kind === 'audio');
  if (sound) clip.media = { kind: 'audio', url: sound.url };
}

function videoPart(entry: TimelineEntry, names: Names): Clip {
  const part = (entry.data['part'] ?? {}) as { startedAtMs?: number; durationMs?: number };
  const blob = entry.blobs.find(({ kind }) => kind === 'video');
  const ms = part.durationMs ?? blob?.ms ?? 0;
  const from = part.startedAtMs ?? entry.at - ms;
  return {
    id: entry.id,
    lane: 'video',
    from,
    to: from + ms,
    label: names.nameOf(entry),
    ...(blob ? { media: { kind: 'video' as const, url: blob.url } } : {}),
    entry,
  };
}

/** A live picture and its recording are one bar: the span without media goes where its recording lies. */
function joinVideo(clips: Clip[]): void {
  const recorded = clips.filter(({ lane, media }) => lane === 'video' && media);
  for (let i = clips.length - 1; i >= 0; i--) {
    const clip = clips[i] as Clip;
    if (clip.lane !== 'video' || clip.media || clip.to === undefined) continue;
    const to = clip.to;
    if (recorded.some((one) => one.from < to && (one.to ?? Infinity) > clip.from)) clips.splice(i, 1);
  }
}

/** An announcement and the recording of it are one bar, with the announcement's name. */
function joinAnnouncements(clips: Clip[]): void {
  const spans = clips.filter(({ lane, entry }) => lane === 'pa' && entry.kind === 'announcement.started');
  for (let i = clips.length - 1; i >= 0; i--) {
    const recording = clips[i] as Clip;
    if (recording.lane !== 'pa' || recording.entry.kind.startsWith('announcement.')) continue;
    const of = spans.find(({ from, media }) => !media && Math.abs(from - recording.from) < 3000);
    if (!of) continue;
    of.from = recording.from;
    if (recording.to !== undefined) of.to = recording.to;
    if (recording.media) of.media = recording.media;
    clips.splice(i, 1);
  }
}

/** What can be heard or seen at a moment. */
export function playingAt(clips: readonly Clip[], at: number): Clip[] {
  return clips.filter(({ from, to, media }) => media && from <= at && (to ?? 0) > at);
}

/** Where the next sound or picture begins; undefined when there is none. */
export function nextSoundAfter(clips: readonly Clip[], at: number): number | undefined {
  let next: number | undefined;
  for (const { from, media } of clips) if (media && from > at && (next === undefined || from < next)) next = from;
  return next;
}

/** Rows inside a lane, so that clips of the same time do not lie on each other. */
export function stack(clips: readonly Clip[], mostRows: number, now: number): Map<string, number> {
  const rows: number[] = [];
  const at = new Map<string, number>();
  for (const clip of [...clips].sort((a, b) => a.from - b.from || (b.to ?? now) - (a.to ?? now))) {
    let row = rows.findIndex((end) => end <= clip.from);
    if (row < 0) row = rows.length < mostRows ? rows.length : rows.indexOf(Math.min(...rows));
    rows[row] = Math.max(rows[row] ?? 0, clip.to ?? now);
    at.set(clip.id, row);
  }
  return at;
}

/** Round steps of the axis, so that about one label stands every 140 px. */
const STEPS_MS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400].map(
  (seconds) => seconds * 1000,
);
export function axisTicks(from: number, to: number, width: number): { at: number; stepMs: number }[] {
  const wanted = ((to - from) / Math.max(1, width)) * 130;
  const stepMs = STEPS_MS.find((step) => step >= wanted) ?? 86_400_000;
  // Steps are counted from local midnight, or hours would stand askew in half the world.
  const shift = new Date(from).getTimezoneOffset() * 60_000;
  const ticks: { at: number; stepMs: number }[] = [];
  for (let at = Math.ceil((from - shift) / stepMs) * stepMs + shift; at <= to; at += stepMs) ticks.push({ at, stepMs });
  return ticks;
}
