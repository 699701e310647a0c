import { z } from 'zod';
import { Id, Name } from './common.ts';
import { NumberPattern } from './routing.ts';

/**
 * `always`: from the first word to the last. `voice`: only what is said is kept, the rest is silence that takes no room.
 * `on-demand`: when somebody asks for it, by key or from a desk. `never`: nobody can.
 */
export const RecordingMode = z.enum(['always', 'voice', 'on-demand', 'never']);
export type RecordingMode = z.infer<typeof RecordingMode>;

const Some = z.array(z.string().min(1).max(40)).min(1).max(1000);

/** What fits everything under `when` is recorded as the rule says. The first that fits counts. */
export const RecordingRule = z.object({
  id: Id,
  name: Name,
  when: z
    .object({
      of: z
        .array(z.enum(['call', 'conference', 'channel', 'announcement']))
        .min(1)
        .optional(),
      /** An account of the house that has a part in it. */
      account: Some.optional(),
      /** It goes or comes by one of these trunks. */
      trunk: Some.optional(),
      /** A person of one of these groups has a part in it. */
      group: Some.optional(),
      calling: z.array(NumberPattern).min(1).max(1000).optional(),
      called: z.array(NumberPattern).min(1).max(1000).optional(),
      /** The number of a conference. */
      conference: Some.optional(),
      channel: Some.optional(),
      /** A calendar that is open, or closed, when it begins. */
      during: Id.optional(),
      outside: Id.optional(),
    })
    .strict(),
  mode: RecordingMode,
  /** `apart`: who called to the left, everyone else to the right. */
  sides: z.enum(['together', 'apart']).default('together'),
});
export type RecordingRule = z.infer<typeof RecordingRule>;

/** How a site records. */
export const RecordingSettings = z.object({
  rules: z.array(RecordingRule).max(500).default([]),
  /** What no rule fits. */
  otherwise: RecordingMode.default('always'),
  /** So long after its end a recording is packed as Opus, in seconds; without ffmpeg it stays WAV. */
  packAfterS: z.number().int().min(0).max(31_536_000).default(3600),
});
export type RecordingSettings = z.infer<typeof RecordingSettings>;

const Moment = z.coerce.number().int().min(0).max(8.64e15);
const NumberPart = z.string().trim().max(40);

/** What recordings are searched by; everything that is given must fit. Times in milliseconds since 1970. */
export const RecordingQuery = z.object({
  /** Begun at this time or later … */
  from: Moment.optional(),
  /** … and before this one. */
  to: Moment.optional(),
  caller: NumberPart.optional(),
  called: NumberPart.optional(),
  /** A part of either number. */
  number: NumberPart.optional(),
  /** An account of the house that had a part in it. */
  agent: NumberPart.optional(),
  direction: z.enum(['in', 'out', 'internal']).optional(),
  of: z.enum(['call', 'conference', 'channel', 'announcement', 'video']).optional(),
  channel: z.string().max(64).optional(),
  call: z.string().max(64).optional(),
  incident: z.string().max(64).optional(),
  /** Length in seconds. */
  leastS: z.coerce.number().min(0).max(1e6).optional(),
  mostS: z.coerce.number().min(0).max(1e6).optional(),
  /** Those that were deleted too. */
  withDeleted: z.stringbool().default(false).or(z.boolean()),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  offset: z.coerce.number().int().min(0).max(10_000_000).default(0),
});
export type RecordingQuery = z.infer<typeof RecordingQuery>;

/** A stretch of a recording, in milliseconds from its beginning. */
interface Stretch {
  fromMs: number;
  toMs: number;
}

export interface RecordingView {
  id: string;
  startedAt: number;
  /** Absent while it runs. */
  ms?: number;
  of: 'call' | 'conference' | 'channel' | 'announcement' | 'video';
  title: string;
  caller?: string;
  called?: string;
  direction?: 'in' | 'out' | 'internal';
  /** Accounts of the house that had a part in it. */
  accounts: string[];
  call?: string;
  conference?: string;
  channel?: string;
  incident?: string;
  isDrill: boolean;
  /** `lost`: a crash left nothing of it. */
  state: 'running' | 'kept' | 'lost' | 'deleted';
  /** wav, opus, webm, mkv. */
  format: string;
  /** Of its file as it lies now, and where that is fetched. */
  sha256?: string;
  url?: string;
  /** Where it was paused. */
  gaps: Stretch[];
  /** Of a recording by voice: where somebody speaks. */
  voiced?: Stretch[];
  deleted?: { at: number; by: string; because: string };
}

export interface RecordingList {
  /** All that fit, not only those told here. */
  total: number;
  totalMs: number;
  /** The newest first. */
  recordings: RecordingView[];
}

export interface RecordingBackup {
  /** On the server's disk. */
  folder: string;
  files: number;
  /** What is not in it as it was sealed. */
  left: { id: string; because: 'gone' | 'changed' }[];
  /** Of SHA256SUMS. */
  sha256: string;
}
