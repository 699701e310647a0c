/** How calls and announcements fare, in the words that whoever asked for them is told: a plan, a desk, a phone. */
import type { ParticipantState } from './views.ts';

/** Words to be spoken to someone. */
export interface Words {
  text: string;
  language: 'zh' | 'en';
}

/** A change of one participant. `dialling` is told when the INVITE is on the wire, with that moment as `at`. */
export interface PartyChange {
  person: string;
  state: ParticipantState;
  at: number;
  /** The number tried. */
  number?: string;
  attempts: number;
  standsInFor?: string;
  /** In the user's words, where there is something to say. */
  detail?: string;
  /** Nothing more will be tried by itself: he is in, or has been given up, or is replaced by one who will report. */
  isSettled: boolean;
}

/** How a call to one person, for a message and a key, has ended. */
export type CallPartyOutcome =
  | { kind: 'confirmed' }
  | { kind: 'answered' }
  | { kind: 'declined' }
  | { kind: 'refused' }
  | { kind: 'busy' }
  | { kind: 'unanswered' }
  | { kind: 'unreachable'; detail?: string }
  | { kind: 'voicemail' }
  | { kind: 'aborted' };

export type AnnouncementPart =
  /** The frequencies sound in turn, each for `onMs`, again and again for `forMs`. */
  | { kind: 'tone'; hz: number[]; onMs: number; offMs: number; forMs: number }
  /** Below the site's folder. */
  | { kind: 'file'; path: string }
  | ({ kind: 'speech' } & Words);

/** `playing` is told with the moment of the first packet on the wire. */
export interface ZoneChange {
  zone: string;
  state: 'calling' | 'playing' | 'played' | 'part-silent' | 'failed';
  at: number;
  hornsPlaying?: number;
  hornsTotal?: number;
  detail?: string;
}

export type ZoneOutcome =
  | { kind: 'played'; hornsPlaying?: number; hornsTotal?: number }
  | { kind: 'unavailable'; detail?: string }
  | { kind: 'stopped' };

/** What became of joining a radio channel to a conference. */
export type PatchOutcome = { kind: 'patched' } | { kind: 'unavailable'; detail?: string };
