import type { LiveNoun, LiveNouns } from '@tocsin/protocol/views.ts';
import type { Session } from '#directory/rights.ts';
import type { Desk } from '#dispatch/desk.ts';

/** Tells the console of one noun: everything there is now, and every change from now on. */
export interface NounDoor<Noun extends LiveNoun> {
  readonly noun: Noun;
  all(desk: Desk): LiveNouns[Noun][];
  /** Calls `changed` with an item, or with the id of one that is gone. */
  watch(desk: Desk, changed: (item: LiveNouns[Noun] | { removed: string }) => void): void;
  /** Whether this session may see the item; absent: everyone who may view. */
  visible?(item: LiveNouns[Noun], session: Session, desk: Desk): boolean;
}
