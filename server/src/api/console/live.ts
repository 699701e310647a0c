import type { LiveChange, LiveNoun, LiveNouns } from '@tocsin/protocol/views.ts';
import type { Session } from '#directory/rights.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import type { Desk } from '#dispatch/desk.ts';
import type { NounDoor } from './noun-door.ts';
import { NOUNS } from './nouns/all.ts';

/** Changes within this time go out together, each item once, as it is at the end: a burst costs one message. */
const GATHER_FOR_MS = 40;

/** The live state of the house, gathered from every noun and sent out in small batches. */
export class Live extends Emitter<{ changes: [changes: LiveChange[]] }> {
  readonly #desk: Desk;
  readonly #clock: Clock;
  #waiting = new Map<string, LiveChange>();
  #timer?: Timer;

  constructor(desk: Desk) {
    super();
    this.#desk = desk;
    this.#clock = desk.clock;
    for (const door of NOUNS) this.#watch(door as NounDoor<LiveNoun>);
  }

  /** Everything that this session may see, noun by noun. */
  snapshot(session: Session): { [Noun in LiveNoun]: LiveNouns[Noun][] } {
    const entries = (NOUNS as readonly NounDoor<LiveNoun>[]).map((door) => [
      door.noun,
      door.all(this.#desk).filter((item) => door.visible?.(item, session, this.#desk) ?? true),
    ]);
    return Object.fromEntries(entries) as { [Noun in LiveNoun]: LiveNouns[Noun][] };
  }

  /** The changes of a batch that this session may see. */
  visible(changes: LiveChange[], session: Session): LiveChange[] {
    return changes.filter((change) => {
      if ('removed' in change) return true;
      const door = (NOUNS as readonly NounDoor<LiveNoun>[]).find((each) => each.noun === change.noun);
      return door?.visible?.(change.item, session, this.#desk) ?? true;
    });
  }

  close(): void {
    this.#timer?.cancel();
  }

  #watch<Noun extends LiveNoun>(door: NounDoor<Noun>): void {
    door.watch(this.#desk, (item) => {
      const id = 'removed' in item ? item.removed : item.id;
      const change = 'removed' in item ? { noun: door.noun, removed: id } : { noun: door.noun, item };
      this.#waiting.set(`${door.noun}/${id}`, change as LiveChange);
      this.#timer ??= this.#clock.after(GATHER_FOR_MS, () => this.#send());
    });
  }

  #send(): void {
    this.#timer = undefined;
    const changes = [...this.#waiting.values()];
    this.#waiting = new Map();
    this.emit('changes', changes);
  }
}
