import type { Name } from '@tocsin/protocol/common.ts';
import type { Listenable } from '#kernel/emitter.ts';
import type { Answerer } from '#media/answerer.ts';
import type { BridgeNode } from '#media/bridge.ts';
import type { NetworkCause } from './trunks/causes.ts';

/** Why a leg ended; kept on the timeline and sent to SIP peers as a Reason header (RFC 3326). */
export type HangUpReason =
  | 'caller-hung-up'
  | 'callee-hung-up'
  | 'dispatcher-ended'
  | 'removed-by-chair'
  | 'pre-empted'
  | 'wrong-pin'
  | 'conference-full'
  | 'conference-locked'
  | 'conference-ended'
  | 'plan-ended'
  | 'announcement-finished'
  | 'announcement-stopped'
  | 'answered-elsewhere'
  | 'transferred'
  | 'parked'
  | 'time-limit'
  | 'not-confirmed'
  | 'declined'
  | 'busy'
  | 'unreachable'
  | 'abandoned'
  | 'nobody-answered'
  | 'media-lost'
  | 'signalling-lost'
  | 'media-refused'
  | 'feed-ended'
  | 'channel-left'
  | 'line-limit'
  | 'server-stopping';

/** Who is at the far end of a leg. */
export interface Party {
  number: string;
  name?: Name;
  /** Person's id, when the number belongs to one. */
  person?: string;
  /** Important by the site's list: rings also who does not want to be disturbed. */
  isVip?: boolean;
  /** The same, 1 to 5. */
  vip?: number;
  /** Where the number is from, by the site's list. */
  region?: Name;
  /** SIP account, when it is one of ours. */
  account?: string;
  /** The trunk he is reached by, or comes by. */
  trunk?: string;
  /** He does not want to be named outside; our own desks see him all the same. */
  isAnonymous?: boolean;
}

export type LegState = 'dialling' | 'ringing' | 'answered' | 'ended';

export type LegEvents = {
  ringing: [];
  answered: [];
  digit: [digit: string];
  /** The far end put us on hold, or took us back. */
  held: [isHeld: boolean];
  /** The far end, or we, have agreed anew on the session. */
  renegotiated: [];
  /** No sign of life from the far end's media, or it is back. */
  troubled: [isTroubled: boolean];
  /** The far end asks us to put its partner through to somebody else (REFER, RFC 3515). */
  'transfer-asked': [request: TransferRequest];
  ended: [reason: HangUpReason];
};

/** A dialog as RFC 3261 §12 names it, with our tag and the far end's. */
export interface DialogId {
  callId: string;
  localTag: string;
  remoteTag: string;
}

/** A transfer that a phone asks for. Exactly one of the two is to be called. */
export interface TransferRequest {
  /** Whom its partner shall talk with. */
  number: string;
  /** The phone has talked with him already and wants that call taken over: `call-id;to-tag=…;from-tag=…` (RFC 3891). */
  replaces?: string;
  /** Takes it on; then tell how it fares, in SIP's own statuses: a final one ends the telling. */
  accept(): { tell(status: number, words: string): void };
  refuse(status: number): void;
}

/**
 * One party's connection in a call: everything that speaks or listens is a leg.
 * A bridge, not the leg, says whom it hears.
 */
export interface Leg extends Listenable<LegEvents> {
  readonly id: string;
  readonly direction: 'inbound' | 'outbound';
  readonly party: Party;
  readonly state: LegState;
  readonly isHeldByPeer: boolean;
  /** What its far end calls it by; absent before it is answered, and for a leg that is not signalled by SIP. */
  readonly dialog?: DialogId | undefined;
  /** The same while it rings and has not been answered; a proxy may have made several. */
  readonly earlyDialogs?: readonly DialogId[];
  /** Listens from now on who has answered; absent where nobody can tell. */
  whoAnswers?(): Promise<Answerer>;
  /** What a bridge joins. */
  readonly node: BridgeNode;
  /** Aborted when the leg ends, whoever ended it. */
  readonly gone: AbortSignal;
  readonly ended: Promise<HangUpReason>;
  /** Ends the leg; the first reason counts, later calls wait for the same end. */
  hangUp(reason: HangUpReason): Promise<void>;
  /** Sends digits as telephone-events (RFC 4733). */
  sendDigits(digits: string): Promise<void>;
}

/** What became of a dial. Expected outcomes are values. `cause`: what the network told of why. */
export type DialOutcome =
  | { kind: 'answered'; leg: Leg; afterMs: number; via?: { trunk: string; line?: string } }
  | { kind: 'busy'; cause?: NetworkCause }
  | { kind: 'refused'; status: number; cause?: NetworkCause }
  | { kind: 'unanswered'; afterMs: number; cause?: NetworkCause }
  | {
      kind: 'unreachable';
      why:
        | 'unknown-number'
        | 'not-registered'
        | 'no-lines'
        | 'no-response'
        | 'network'
        | 'media-refused'
        /** Its owner's forwarding leads back to where the call has been. */
        | 'forward-loop';
      status?: number;
      cause?: NetworkCause;
    }
  | { kind: 'cancelled' };

/** The outcome in one word, for the timeline and the ledger. */
export type DialOutcomeKind = DialOutcome['kind'];
