/**
 * Limits that more than one part of the house must agree on. A limit that concerns one file lives in that file.
 * What happens at each is written in docs/failures.md.
 */
export const LIMITS = {
  /** Participants of one conference; the next is refused with CONFERENCE_FULL. */
  participantsPerConference: 400,
  /** Runs of plans at the same time; the next start is refused with RUN_LIMIT. */
  runsAtOnce: 50,
  /** Calls at the same time; the next is refused with 503 and LINES_EXHAUSTED. */
  callsAtOnce: 2000,
  /** Characters of a text message's body, before it is split into parts. */
  textCharacters: 1000,
} as const;
