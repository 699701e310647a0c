import type { HuntGroup } from '@tocsin/protocol/directory.ts';

/** A member of a hunt group who can be rung now. */
export interface FreeMember {
  number: string;
  /** When his last talk ended; 0: none since the server's start. */
  freeSince: number;
}

/** In which order the free members are rung: one wave after another, all of a wave at the same time. */
export type Strategy = (members: readonly FreeMember[]) => FreeMember[][];

export const STRATEGIES: Record<HuntGroup['strategy'], Strategy> = {
  /** As the group lists them, always from the first. */
  'in-turn': (members) => members.map((member) => [member]),
  'all-at-once': (members) => (members.length === 0 ? [] : [[...members]]),
  /** Who has not talked for the longest time goes first; of equals, who is listed first. */
  'longest-idle': (members) => members.toSorted((a, b) => a.freeSince - b.freeSince).map((member) => [member]),
};
