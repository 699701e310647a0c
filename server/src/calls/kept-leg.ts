import type { KeptDialog } from '#sip/session/kept-dialog.ts';
import type { KeptIncoming, KeptOutgoing } from '#sip/session/kept-invite.ts';
import type { Leg, Party } from './leg.ts';

/** A leg as the next process needs it. */
export interface KeptLeg {
  id: string;
  direction: Leg['direction'];
  party: Party;
  /** The trunk whose line it holds. */
  trunk?: string;
  /** The call for which it rings. */
  call?: string;
  /** Where its signalling stands. */
  at:
    | { kind: 'answered'; dialog: KeptDialog }
    /** The caller hears ringing. */
    | { kind: 'waiting'; invite: KeptIncoming }
    /** The phone rings. */
    | { kind: 'ringing'; invite: KeptOutgoing };
}
