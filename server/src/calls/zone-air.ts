import type { AnnouncementPriority } from '@tocsin/protocol/common.ts';

/** What may sound over what. Of two of the same rank the newer takes the older's place. */
const RANK: Record<AnnouncementPriority, number> = { music: 0, routine: 1, urgent: 2, emergency: 3 };

/** One announcement that wants to sound in a zone. */
export interface Turn {
  id: string;
  priority: AnnouncementPriority;
  /** It sounds from now on: for the first time, or again. */
  granted(): void;
  /** Something of a higher rank sounds; it is granted again when that has ended. */
  preempted(by: string): void;
  /** A newer one of its own rank has taken its place, or the zone was silenced: over for good. */
  dismissed(why: 'replaced' | 'stopped'): void;
}

/** Who sounds in one zone: one at a time, the highest rank; what was interrupted comes back. */
export class ZoneAir {
  /** The one that sounds is first; the others wait in the order of their rank. */
  #turns: Turn[] = [];

  get current(): Turn | undefined {
    return this.#turns[0];
  }

  /** Announcements that wait for the current one to end. */
  get waiting(): number {
    return Math.max(0, this.#turns.length - 1);
  }

  /** Asks for the zone. It is granted at once or later, or never. */
  enter(turn: Turn): void {
    const before = this.current;
    const rank = RANK[turn.priority];
    const replaced = this.#turns.filter((each) => RANK[each.priority] === rank);
    const others = this.#turns.filter((each) => RANK[each.priority] !== rank);
    this.#turns = [...others, turn].sort((a, b) => RANK[b.priority] - RANK[a.priority]);
    for (const each of replaced) each.dismissed('replaced');
    if (this.current !== turn) return;
    if (before && !replaced.includes(before)) before.preempted(turn.id);
    turn.granted();
  }

  /** It has ended by itself, or could not be heard. The next one sounds. */
  leave(id: string): void {
    const before = this.current;
    this.#turns = this.#turns.filter((each) => each.id !== id);
    if (this.current && this.current !== before) this.current.granted();
  }

  /** Silences the zone: whatever sounds or waits is over. */
  clear(): void {
    const turns = this.#turns;
    this.#turns = [];
    for (const turn of turns) turn.dismissed('stopped');
  }
}
