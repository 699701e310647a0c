import type { SupervisionView } from '@tocsin/protocol/views.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { MediaBridge } from '#media/bridge.ts';
import type { NewEntry } from '#timeline/entry.ts';
import type { Leg } from './leg.ts';

export type SupervisionMode = SupervisionView['mode'];

/** Keys by which somebody who supervises from a phone changes how. */
export const MODE_KEYS: Readonly<Record<string, SupervisionMode>> = { '4': 'listen', '5': 'whisper', '6': 'barge' };

/** What can be supervised: a talk of two, or a conference. */
export interface Supervised {
  /** The bridge where it is spoken. */
  readonly media: MediaBridge;
  readonly call?: string;
  readonly conference?: string;
  readonly title: string;
}

interface Parts {
  clock: Clock;
  chance: Chance;
  append(entry: NewEntry): void;
}

/**
 * Who hears a supervisor: nobody, one of those who talk, or all. That is all that listening in, whispering and barging
 * in are: he is on the bridge where they talk, and hears them all.
 */
export function heardBy(mode: SupervisionMode, towards: Leg | undefined): 'nobody' | 'everyone' | string[] {
  switch (mode) {
    case 'listen':
      return 'nobody';
    case 'whisper':
      return towards ? [towards.node.id] : 'nobody';
    case 'barge':
      return 'everyone';
  }
}

/** Somebody of a higher rank on the bridge where others talk. */
class Supervision {
  readonly view: SupervisionView;
  readonly leg: Leg;
  readonly media: MediaBridge;
  towards: Leg | undefined;

  constructor(view: SupervisionView, leg: Leg, media: MediaBridge, towards: Leg | undefined) {
    this.view = view;
    this.leg = leg;
    this.media = media;
    this.towards = towards;
  }
}

/** All supervisions that go on; each is on the timeline from its beginning to its end. */
export class Supervisions extends Emitter<{ changed: [view: SupervisionView]; removed: [id: string] }> {
  readonly #going = new Map<string, Supervision>();
  readonly #parts: Parts;

  constructor(parts: Parts) {
    super();
    this.#parts = parts;
  }

  /**
   * Puts an answered leg onto the bridge where others talk, until it or the talk ends.
   *
   * @param options.towards whom he whispers to
   * @param options.by user's id, or the number of the phone
   */
  async begin(
    of: Supervised,
    leg: Leg,
    options: { mode: SupervisionMode; towards?: Leg | undefined; by: string },
  ): Promise<string> {
    const { mode, towards, by } = options;
    const id = this.#parts.chance.id('sup');
    const supervision = new Supervision(
      {
        id,
        mode,
        by,
        name: leg.party.name ?? { zh: leg.party.number },
        number: leg.party.number,
        title: of.title,
        ...(of.call ? { call: of.call } : {}),
        ...(of.conference ? { conference: of.conference } : {}),
        ...(towards ? { towards: towards.party.number } : {}),
        since: this.#parts.clock.now(),
      },
      leg,
      of.media,
      towards,
    );
    this.#going.set(id, supervision);
    await of.media.add(leg.node, { hears: 'everyone', heardBy: heardBy(mode, towards) });
    this.#note('supervision.began', supervision);
    this.emit('changed', supervision.view);
    const offClosed = of.media.once('closed', () => void leg.hangUp('conference-ended'));
    leg.on('digit', (digit) => {
      const wanted = MODE_KEYS[digit];
      if (wanted) void this.change(id, { mode: wanted }).catch(() => {});
    });
    leg.once('ended', () => {
      offClosed();
      this.#going.delete(id);
      this.#note('supervision.ended', supervision);
      this.emit('removed', id);
    });
    // It may have ended before anybody listened for its end.
    if (leg.state === 'ended') this.#going.delete(id);
    return id;
  }

  /** @throws DispatchError SUPERVISION_UNKNOWN */
  async change(id: string, change: { mode: SupervisionMode; towards?: Leg | undefined }): Promise<void> {
    const supervision = this.#get(id);
    const { view, leg, media } = supervision;
    if (change.towards) supervision.towards = change.towards;
    view.mode = change.mode;
    if (supervision.towards) view.towards = supervision.towards.party.number;
    await media.setHeardBy(leg.node, heardBy(view.mode, supervision.towards));
    this.#note('supervision.changed', supervision);
    this.emit('changed', view);
  }

  /** @throws DispatchError SUPERVISION_UNKNOWN */
  async end(id: string): Promise<void> {
    await this.#get(id).leg.hangUp('dispatcher-ended');
  }

  view(id: string): SupervisionView {
    return this.#get(id).view;
  }

  all(): SupervisionView[] {
    return [...this.#going.values()].map(({ view }) => view);
  }

  #get(id: string): Supervision {
    const supervision = this.#going.get(id);
    if (!supervision) throw new DispatchError('SUPERVISION_UNKNOWN', id);
    return supervision;
  }

  #note(kind: string, { view }: Supervision): void {
    const { mode, call, conference, towards, by, number } = view;
    this.#parts.append({
      kind,
      actor: by,
      ...(call ? { call } : {}),
      data: { mode, number, ...(conference ? { conference } : {}), ...(towards ? { towards } : {}) },
    });
  }
}
