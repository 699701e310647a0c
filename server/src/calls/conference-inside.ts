import type { Name } from '@tocsin/protocol/common.ts';
import type { ParticipantView } from '@tocsin/protocol/views.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Directory } from '#directory/directory.ts';
import type { MediaBridge } from '#media/bridge.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { Timeline } from '#timeline/timeline.ts';
import type { Reaching } from './call-in.ts';
import type { Dialler } from './dialler.ts';
import type { AddRequest, NewParticipant, Participant } from './participant.ts';
import type { Recordings } from './recording.ts';

/** The parts of the house that a conference works with. */
export interface ConferenceParts {
  dialler: Dialler;
  engine: MediaEngine;
  directory: Directory;
  recordings: Recordings;
  timeline: Timeline;
  clock: Clock;
  chance: Chance;
  log: Log;
}

export interface ConferenceFacts {
  number: string;
  name: Name;
  run?: string;
  /** The step of the run that has opened it. */
  step?: string;
  incident?: string;
  isDrill: boolean;
  isRecorded: boolean;
  /** Participants at most; absent: what the system can hold. */
  limit?: number | undefined;
  /** A tone is heard when somebody comes or goes. */
  hasTones?: boolean | undefined;
  openedBy: string;
  /** How telephones take the floor of patched channels: with * and #, or by speaking; absent: with their keys. */
  keying?: 'keys' | 'voice';
}

/** What the chair, the radio and the doors of a conference share with it; nobody else sees it. */
export interface ConferenceInside {
  readonly id: string;
  readonly facts: ConferenceFacts;
  readonly parts: ConferenceParts;
  readonly bridge: MediaBridge;
  readonly participants: Map<string, Participant>;
  /** What the calling-in of people may do here. */
  readonly reaching: Reaching;
  add(request: AddRequest): Participant;
  place(facts: NewParticipant, request?: AddRequest): Participant;
  /** A participant's state has changed: to the timeline, to whoever asked for him, to the desks. */
  tell(participant: Participant, isSettled?: boolean): void;
  /** Something else about a participant, or about nobody, is to be shown. */
  change(participant?: Participant, change?: Partial<ParticipantView>): void;
  note(kind: string, data: Record<string, unknown>, participant?: Participant): void;
}
