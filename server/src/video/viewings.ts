import type { Clock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Viewer } from '#sfu/viewer.ts';
import { FEED_LIMITS, type Viewing } from './feed-facts.ts';

/** Who watches one feed. */
export class Viewings {
  readonly #clock: Clock;
  readonly #viewings = new Map<string, Viewing>();
  #arriving = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many watch, and how many are just coming in. */
  get count(): number {
    return this.#viewings.size + this.#arriving;
  }

  list(): Omit<Viewing, 'viewer'>[] {
    return [...this.#viewings.values()].map(({ id, by, startedAtMs }) => ({ id, by, startedAtMs }));
  }

  /** Throws VIEWING_LIMIT, and what `open` throws. */
  async begin(by: string, open: () => Promise<Viewer>): Promise<Viewing> {
    // Those who are just coming in count too, or many pressing at once would all get past.
    if (this.count >= FEED_LIMITS.viewingsPerFeed) throw new DispatchError('VIEWING_LIMIT');
    this.#arriving += 1;
    const viewer = await open().finally(() => (this.#arriving -= 1));
    const viewing = { id: viewer.id, by, startedAtMs: this.#clock.now(), viewer };
    this.#viewings.set(viewing.id, viewing);
    return viewing;
  }

  /** Closes one and says which it was; undefined when it has ended already. */
  end(viewingId: string): Viewing | undefined {
    const viewing = this.#viewings.get(viewingId);
    this.#viewings.delete(viewingId);
    viewing?.viewer.close();
    return viewing;
  }
}
