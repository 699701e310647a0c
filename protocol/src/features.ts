import { z } from 'zod';
import { Id, Name } from './common.ts';

const Code = z.string().regex(/^[*#0-9]{1,6}$/, 'a code has 1-6 of 0-9, * and #');

/** What a phone dials to use a feature of the exchange; some take a number right behind the code. */
export const DialledCodes = z.object({
  /** Dialled on a second line: parks the call that this phone holds. As the target of a transfer: parks that caller. */
  park: Code.default('*70'),
  /** Takes back the call that this phone has parked last. A slot's own number takes back whatever is parked there. */
  retrieve: Code.default('*71'),
  /** Alone: takes the call that rings longest in a pick-up group of this phone. With a number behind it: that phone's. */
  pickUp: Code.default('*8'),
  /** With a number behind it: calls both when that phone is free. */
  campOn: Code.default('*37'),
  /** With HHMM and a number behind it: calls both at that time. */
  book: Code.default('*55'),
  /** With the number of one who talks: hears the two, and is heard by nobody. Keys 4, 5, 6 then listen, whisper, barge in. */
  listen: Code.default('*41'),
  /** Likewise, and is heard by that number alone. */
  whisper: Code.default('*42'),
  /** Likewise, and is heard by both: a forced insert. */
  barge: Code.default('*43'),
  /** Whoever talks with that number is hung up, and the two talk: a forced release. */
  preEmpt: Code.default('*44'),
  /** Forwards all calls of this phone to the number behind it; alone: no longer. */
  forwardAlways: Code.default('*21'),
  forwardBusy: Code.default('*67'),
  forwardNoAnswer: Code.default('*61'),
  forwardUnreachable: Code.default('*62'),
  /** Nobody rings this phone but who may; again: they do. */
  doNotDisturb: Code.default('*78'),
  /** With 0: who calls while this phone talks hears that it is busy. With 1: its second line rings. With 2: it hears a tone. */
  callWaiting: Code.default('*58'),
  /** The phones of its owner's follow-me list ring along, or no longer. */
  followMe: Code.default('*76'),
  /** With a short code of one or two digits behind it: calls the number that is kept there. */
  speedDial: Code.default('*0'),
  /** With a short code of two digits and a number behind it: keeps the number there; the code alone: forgets it. */
  keepNumber: Code.default('*75'),
});
export type DialledCode = keyof z.infer<typeof DialledCodes>;

/** What a phone of ours presses while it talks; the far end does not hear it. */
export const PressedCodes = z.object({
  /** A number follows: hands the other party on to it. */
  transfer: Code.default('*1'),
  /** A number follows: talks with it while the other party waits. Again: back. */
  consult: Code.default('*2'),
  /** A number follows: it is called into the talk. */
  addParty: Code.default('*3'),
  park: Code.default('*70'),
  /** The talk is recorded from here on; again: no longer, unless a rule of the site wants it. */
  record: Code.default('*4'),
  /** What follows stays out of the recording, which phones may where they began it; again: it goes on. */
  pauseRecording: Code.default('*5'),
  /** Takes the call that waits, while the other party waits instead; again: back. The recall key (flash) does the same. */
  takeWaiting: Code.default('*6'),
});
export type PressedCode = keyof z.infer<typeof PressedCodes>;

/** Phones that may take each other's ringing calls. */
export const PickUpGroup = z.object({ id: Id, name: Name, accounts: z.array(z.string()).min(2).max(200) });

/** Features of a call as this site has them. */
export const CallFeatures = z.object({
  dialled: DialledCodes.prefault({}),
  pressed: PressedCodes.prefault({}),
  /** In what language the exchange speaks to phones. */
  language: z.enum(['zh', 'en']).default('zh'),
  parking: z
    .object({
      /** Number of the first slot. */
      first: z.number().int().min(10).max(99_999).default(701),
      slots: z.number().int().min(1).max(99).default(9),
      /** After so long the parker is called again. */
      ringBackS: z.number().int().min(5).max(3600).default(90),
    })
    .prefault({}),
  pickUpGroups: z.array(PickUpGroup).default([]),
  /** Answers that a seat lets a caller hear: a sound file beside the site's files, or words. */
  answers: z
    .array(
      z.object({
        id: Id,
        name: Name,
        file: z
          .string()
          .regex(/^[A-Za-z0-9_-][A-Za-z0-9._/-]*\.wav$/)
          .refine((path) => !path.includes('..'))
          .optional(),
        text: z.string().max(1000).optional(),
        language: z.enum(['zh', 'en']).default('zh'),
      }),
    )
    .max(200)
    .default([]),
});
export type CallFeatures = z.infer<typeof CallFeatures>;
