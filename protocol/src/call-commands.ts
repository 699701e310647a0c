import { z } from 'zod';
import { Id } from './common.ts';

const Dialled = z.string().regex(/^[0-9*#+]{2,24}$/);

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
  /** The user's own phone is called, and takes a parked call. */
  z.object({ do: z.literal('call.retrieve'), call: Id }),
  /** The user's own phone is called, and takes a call that rings elsewhere. */
  z.object({ do: z.literal('call.pick-up'), call: Id }),
] as const;
