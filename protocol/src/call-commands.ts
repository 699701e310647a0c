import { z } from 'zod';
import { Id } from './common.ts';
import { Target } from './target.ts';

const Dialled = z.string().regex(/^[0-9*#+]{2,24}$/);

const SupervisionMode = z.enum(['listen', 'whisper', 'barge']);

/** What one does with a call that is going on, from a desk or a script. */
export const CALL_COMMANDS = [
  /** Hands a party on: whoever is on `leaves`, or the user's own seat, drops out when `to` answers. */
  z.object({ do: z.literal('call.transfer'), call: Id, to: Dialled, leaves: z.string().max(40).optional() }),
  /** Lets a party wait in a slot: whoever is on `leaves`, or the user's own seat, drops out. */
  z.object({
    do: z.literal('call.park'),
    call: Id,
    slot: z.string().max(5).optional(),
    leaves: z.string().max(40).optional(),
  }),
  /** Calls others into a talk of two, which becomes a conference; when two are left it is a call of two again. */
  z.object({ do: z.literal('call.add'), call: Id, targets: z.array(Target).min(1).max(50) }),
  /** Plays an answer of the site, words, or an older recording: for both, or for one who then hears nothing else. */
  z.object({
    do: z.literal('call.play'),
    call: Id,
    sound: z.union([
      z.object({ answer: Id }),
      z.object({ say: z.string().min(1).max(1000), language: z.enum(['zh', 'en']).default('zh') }),
      z.object({ recording: z.string().regex(/^[0-9a-f]{64}$/, 'the hash of a recording') }),
    ]),
    /** The number of the one who is to hear it. */
    to: z.string().max(40).optional(),
  }),
  z.object({ do: z.literal('call.stop-playing'), call: Id }),
  /** Recording by hand, of a call or of a conference: one of the two. What is as it should be already stays so. */
  z.object({ do: z.literal('recording.start'), call: Id.optional(), conference: Id.optional() }),
  z.object({ do: z.literal('recording.stop'), call: Id.optional(), conference: Id.optional() }),
  /** What follows stays out: silence of the same length in the file. */
  z.object({ do: z.literal('recording.pause'), call: Id.optional(), conference: Id.optional() }),
  z.object({ do: z.literal('recording.resume'), call: Id.optional(), conference: Id.optional() }),
  /** From now on; both are warned before. */
  z.object({ do: z.literal('call.limit'), call: Id, seconds: z.number().int().min(5).max(86_400) }),
  /** The user's own phone is called, and takes a parked call. */
  z.object({ do: z.literal('call.retrieve'), call: Id }),
  /** The user's own phone is called, and takes a call that rings elsewhere. */
  z.object({ do: z.literal('call.pick-up'), call: Id }),
  /** The phone for which this call waits takes it, and lets its other party wait. */
  z.object({ do: z.literal('call.take-waiting'), call: Id }),
  /** Calls the user's own phone, or the one named, and `to`, when both are free. */
  z.object({ do: z.literal('call.camp-on'), to: Dialled, from: z.string().max(40).optional() }),
  z.object({ do: z.literal('call.cancel-camp-on'), to: Dialled, from: z.string().max(40).optional() }),
  /** Calls the user's own phone, or the one named, at this time (ms since 1970), and then `to`. */
  z.object({ do: z.literal('call.book'), to: Dialled, from: Dialled.optional(), at: z.number().int().positive() }),
  z.object({ do: z.literal('call.cancel-booking'), booking: Id }),
  /** The user's own phone is called and put where others talk; `towards` is whom a whisper is for. One of call and conference. */
  z.object({
    do: z.literal('supervision.begin'),
    call: Id.optional(),
    conference: Id.optional(),
    mode: SupervisionMode,
    towards: z.string().max(40).optional(),
  }),
  z.object({
    do: z.literal('supervision.change'),
    supervision: Id,
    mode: SupervisionMode,
    towards: z.string().max(40).optional(),
  }),
  z.object({ do: z.literal('supervision.end'), supervision: Id }),
  /** Breaks off a call of others; `take` goes on talking, with the user. */
  z.object({ do: z.literal('call.pre-empt'), call: Id, take: z.string().max(40).optional() }),
] as const;
