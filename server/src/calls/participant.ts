import type { ParticipantState, ParticipantView } from '@tocsin/protocol/views.ts';
import type { Leg } from './leg.ts';

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

/** One place in a conference: who it is for, how far he has been reached, and the leg once he is in. */
export class Participant {
  readonly view: ParticipantView;
  leg?: Leg;
  /** Level of what he says, dB below full scale; told to the desks while he speaks. */
  levelDb = -127;
  /** Ends the reaching of this participant; a new one for each attempt to reach. */
  stop = new AbortController();
  /** How he was asked for, so that he can be called again. */
  readonly request?: unknown;

  constructor(view: ParticipantView, request?: unknown) {
    this.view = view;
    this.request = request;
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

  moveTo(state: ParticipantState, at: number, because?: string): void {
    this.view.state = state;
    this.view.stateSince = at;
    if (because === undefined) delete this.view.because;
    else this.view.because = because;
  }
}
