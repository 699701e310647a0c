import type { PartyChange, Words } from '@tocsin/protocol/reaching.ts';
import type { ParticipantState, ParticipantView } from '@tocsin/protocol/views.ts';
import type { Leg } from './leg.ts';

/** How somebody is called in. */
export interface AddRequest {
  /** A person, or a bare number. */
  person?: string;
  number?: string;
  confirm: 'press-1' | 'none';
  announcement?: Words;
  ringForMs: number;
  retries: number;
  retryAfterMs: number;
  withDeputies: boolean;
  standsInFor?: string;
  isChair?: boolean;
  /** He asked for it himself: his phone may answer at once. */
  answersItself?: boolean;
  onState?(change: PartyChange): void;
}

/** States in which nobody is being called and nobody is in. */
const OUT: ReadonlySet<ParticipantState> = new Set([
  'refused',
  'busy',
  'unanswered',
  'unreachable',
  'voicemail',
  'left',
  'removed',
  'replaced',
]);

/** What is known of somebody who comes into a conference; the rest begins as nothing. */
export type NewParticipant = Pick<ParticipantView, 'kind' | 'name' | 'number' | 'bearer' | 'state'> &
  Partial<ParticipantView>;

/** One place in a conference: who it is for, how far he has been reached, and the leg once he is in. */
export class Participant {
  readonly view: ParticipantView;
  leg?: Leg;
  /** Level of what he says, dB below full scale; told to the desks while he speaks. */
  levelDb = -127;
  /** Ends the reaching of this participant; a new one for each attempt to reach. */
  stop = new AbortController();
  /** How he was asked for, so that he can be called again. */
  request?: AddRequest;
  /** Whoever asked for him, and wants to know how he fares. */
  readonly watchers = new Set<(change: PartyChange) => void>();

  constructor(id: string, at: number, facts: NewParticipant, request?: AddRequest) {
    this.view = {
      id,
      role: '',
      stateSince: at,
      attempts: 0,
      isChair: false,
      isMuted: false,
      isSpeaking: false,
      ...facts,
    };
    this.request = request;
    if (request?.onState) this.watchers.add(request.onState);
  }

  get id(): string {
    return this.view.id;
  }

  /** Neither in nor being called. */
  get isOut(): boolean {
    return OUT.has(this.view.state);
  }

  get isIn(): boolean {
    return this.view.state === 'in' || this.view.state === 'held';
  }

  /** How he fares, for whoever asked for him; undefined for a bare number, which nobody asks after. */
  changed(isSettled: boolean): PartyChange | undefined {
    const { person, state, stateSince, number, attempts, standsInFor, because } = this.view;
    if (person === undefined) return undefined;
    return {
      person,
      state,
      at: stateSince,
      number,
      attempts,
      ...(standsInFor ? { standsInFor } : {}),
      ...(because ? { detail: because } : {}),
      isSettled,
    };
  }

  moveTo(state: ParticipantState, at: number, because?: string): void {
    this.view.state = state;
    this.view.stateSince = at;
    if (because === undefined) delete this.view.because;
    else this.view.because = because;
  }
}
