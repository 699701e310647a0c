/** What the owner of a phone wants done with the calls to it; set by the keys of the phone, at the desk, or by the API. */
import { z } from 'zod';

const Dial = z.string().regex(/^[0-9*#+]{2,24}$/, 'a number has 2-24 digits, *, # or +');

/** One more phone that rings along. */
export const FollowMeNumber = z.object({
  dial: Dial,
  /** Seconds after the desk phone has begun to ring. */
  afterS: z.number().int().min(0).max(120).default(0),
  /** `press-1` keeps the voicemail of a mobile from taking the call. */
  confirm: z.enum(['press-1', 'none']).default('press-1'),
});
export type FollowMeNumber = z.infer<typeof FollowMeNumber>;

export const CallSettings = z.object({
  /** Nobody rings it but who may. */
  doNotDisturb: z.boolean().default(false),
  /**
   * What becomes of a call while its phone talks: `line` goes to the phone, for those with a second line; `tone` lets a phone
   * with one line hear that somebody waits; `off` is busy.
   */
  callWaiting: z.enum(['line', 'tone', 'off']).default('line'),
  forwardAlways: Dial.optional(),
  /** Whoever sets it wants no second call beside the first. */
  forwardBusy: Dial.optional(),
  forwardNoAnswer: z.object({ to: Dial, afterS: z.number().int().min(5).max(120).default(20) }).optional(),
  /** Its phone is not registered, or does not respond. */
  forwardUnreachable: Dial.optional(),
  /** Rings along while it is on, and by itself while the owner is away by the directory. */
  followMe: z
    .object({ isOn: z.boolean().default(false), numbers: z.array(FollowMeNumber).max(5).default([]) })
    .default({ isOn: false, numbers: [] }),
  /** Short codes of one or two digits. */
  speedDial: z
    .record(z.string().regex(/^[0-9]{1,2}$/, 'a short code has one or two digits'), Dial)
    .refine((codes) => Object.keys(codes).length <= 100)
    .default({}),
});
export type CallSettings = z.infer<typeof CallSettings>;

/** What is to be changed; `null` takes a forwarding away, what is not named stays. */
export const CallSettingsChange = z
  .object({
    doNotDisturb: z.boolean(),
    callWaiting: z.enum(['line', 'tone', 'off']),
    forwardAlways: CallSettings.shape.forwardAlways.nullable(),
    forwardBusy: CallSettings.shape.forwardBusy.nullable(),
    forwardNoAnswer: CallSettings.shape.forwardNoAnswer.nullable(),
    forwardUnreachable: CallSettings.shape.forwardUnreachable.nullable(),
    followMe: z.object({ isOn: z.boolean(), numbers: z.array(FollowMeNumber).max(5) }).partial(),
    speedDial: z.record(z.string().regex(/^[0-9]{1,2}$/), Dial.nullable()),
  })
  .partial();
export type CallSettingsChange = z.infer<typeof CallSettingsChange>;
