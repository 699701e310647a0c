import { DispatchError } from '#kernel/errors.ts';
import type { Conference } from './conference.ts';

interface Tie {
  ends: [Conference, Conference];
  line: Promise<{ close(): Promise<void> }>;
}

/**
 * Which conferences are joined: everybody in one hears everybody in the other, and each goes on with its own chair, number and
 * recording. They may be joined as a tree; a second way between two would let sound go round.
 */
export class ConferenceTies {
  readonly #ties = new Set<Tie>();

  /** @throws DispatchError CONFERENCE_JOINED when the two hear each other already, or are one */
  async join(a: Conference, b: Conference): Promise<void> {
    if (this.#reachedFrom(a).has(b)) throw new DispatchError('CONFERENCE_JOINED', `${a.number}, ${b.number}`);
    const tie: Tie = { ends: [a, b], line: a.media.tie(b.media) };
    this.#ties.add(tie);
    try {
      await tie.line;
    } catch (error) {
      this.#ties.delete(tie);
      throw error;
    }
    a.tied(b, true);
    b.tied(a, true);
  }

  /** @throws DispatchError NOT_FOUND when the two are not joined to one another */
  async separate(a: Conference, b: Conference): Promise<void> {
    const tie = [...this.#ties].find(({ ends }) => ends.includes(a) && ends.includes(b));
    if (!tie) throw new DispatchError('NOT_FOUND', `${a.number}, ${b.number}`);
    await this.#untie(tie);
  }

  /** A conference has ended. */
  async release(conference: Conference): Promise<void> {
    for (const tie of this.#ties) if (tie.ends.includes(conference)) await this.#untie(tie);
  }

  async #untie(tie: Tie): Promise<void> {
    if (!this.#ties.delete(tie)) return;
    await (await tie.line).close();
    const [a, b] = tie.ends;
    a.tied(b, false);
    b.tied(a, false);
  }

  /** All that can be heard from a conference, itself too. */
  #reachedFrom(from: Conference): Set<Conference> {
    const reached = new Set([from]);
    // Those that are added while it is gone through are gone through as well.
    for (const each of reached)
      for (const { ends } of this.#ties) if (ends.includes(each)) for (const end of ends) reached.add(end);
    return reached;
  }
}
