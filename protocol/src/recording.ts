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
