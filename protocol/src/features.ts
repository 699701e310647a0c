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
});
export type DialledCode = keyof z.infer<typeof DialledCodes>;

/** What a phone of ours presses while it talks; the far end does not hear it. */
export const PressedCodes = z.object({
  /** A number follows: hands the other party on to it. */
  transfer: Code.default('*1'),
  /** A number follows: talks with it while the other party waits. Again: back. */
  consult: Code.default('*2'),
  park: Code.default('*70'),
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
});
export type CallFeatures = z.infer<typeof CallFeatures>;
