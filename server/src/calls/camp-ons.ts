import type { Timer } from '#kernel/clock.ts';

/** Somebody waits for somebody to be free. */
export interface CampOn {
  by: string;
  to: string;
  /** Until the wish is forgotten. */
  timer: Timer;
  stop(): void;
}

/** Who waits for whom to be free, in memory. */
export class CampOns {
  readonly wishes = new Map<string, CampOn>();
}
