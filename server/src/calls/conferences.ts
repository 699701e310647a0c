import type { Name } from '@tocsin/protocol/common.ts';
import type { ConferenceRoom } from '@tocsin/protocol/directory.ts';
import { Emitter } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { RadioChannel } from './channel.ts';
import { Conference } from './conference.ts';
import { ConferenceTies } from './conference-ties.ts';
import type { ConferenceFacts, ConferenceParts } from './conference-inside.ts';
import type { KeptConference } from './kept-calls.ts';
import type { Leg } from './leg.ts';

/** Conferences that are open now; an ended one is kept this many milliseconds, so that the desks can show how it ended. */
const SHOW_ENDED_FOR_MS = 60_000;

/** Conferences on numbers of their own when every room is taken. */
const BEYOND_ROOMS = 200;

/** All conferences, by id and by the number that leads into them. */
export class Conferences extends Emitter<{
  changed: [conference: Conference];
  removed: [id: string];
  opened: [conference: Conference];
}> {
  readonly #parts: ConferenceParts;
  readonly #channels: ReadonlyMap<string, RadioChannel>;
  readonly #open = new Map<string, Conference>();
  readonly #ties = new ConferenceTies();
  /** Those that are being opened, by number. */
  readonly #opening = new Map<string, Promise<Conference>>();

  constructor(parts: ConferenceParts, channels: ReadonlyMap<string, RadioChannel>) {
    super();
    this.#parts = parts;
    this.#channels = channels;
  }

  /**
   * Opens a conference on the number asked for, or on any free room; when none is free, on a number beyond the rooms.
   * @throws DispatchError LINES_EXHAUSTED when these are in use too
   */
  async open(facts: Omit<ConferenceFacts, 'number'> & { number?: string }): Promise<Conference> {
    const known = this.#ofStep(facts) ?? (facts.number === undefined ? undefined : this.byNumber(facts.number));
    if (known) return known;
    const number = facts.number ?? this.#freeNumber();
    // Those who dial a room at the same moment come into the same conference.
    const room = this.roomOf(number);
    const ofRoom = { limit: room?.limit, hasTones: room?.tones };
    const opening =
      this.#opening.get(number) ??
      Conference.open({ ...facts, number, ...ofRoom }, this.#parts).then((conference) => this.#keep(conference));
    this.#opening.set(number, opening);
    return await opening.finally(() => this.#opening.delete(number));
  }

  /**
   * Opens a conference of the process before this one again, under its id, with those whose legs are still there. The
   * step of a plan that had opened it will find it. `missing`: who could not come in again, and why.
   */
  async takeUp(
    kept: KeptConference,
    legs: ReadonlyMap<string, Leg>,
  ): Promise<{ conference: Conference; missing: { leg: Leg; error: unknown }[] }> {
    const conference = await Conference.open(kept.facts, this.#parts, kept);
    conference.chair.restore(kept);
    const missing: { leg: Leg; error: unknown }[] = [];
    for (const { view, leg: id } of kept.participants) {
      const leg = legs.get(id);
      if (leg) await conference.join(leg, view).catch((error: unknown) => missing.push({ leg, error }));
    }
    // Told only now: a conference that is kept half full would lose the others to a second kill.
    if (!conference.hasEnded) this.#keep(conference);
    return { conference, missing };
  }

  /**
   * Lets two running conferences hear each other, or no longer; each goes on by itself.
   * @throws DispatchError CONFERENCE_UNKNOWN, CONFERENCE_JOINED, NOT_FOUND
   */
  async join(id: string, other: string): Promise<void> {
    await this.#ties.join(this.get(id), this.get(other));
  }

  async separate(id: string, other: string): Promise<void> {
    await this.#ties.separate(this.get(id), this.get(other));
  }

  #keep(conference: Conference): Conference {
    this.#open.set(conference.id, conference);
    conference.on('changed', () => this.emit('changed', conference));
    conference.once('ended', () => {
      void this.#ties.release(conference).catch(() => {});
      this.#parts.clock.after(SHOW_ENDED_FOR_MS, () => {
        this.#open.delete(conference.id);
        this.emit('removed', conference.id);
      });
    });
    this.emit('opened', conference);
    this.emit('changed', conference);
    return conference;
  }

  /** What a step of a run has opened, before a restart or after. */
  #ofStep({ run, step }: Pick<ConferenceFacts, 'run' | 'step'>): Conference | undefined {
    if (run === undefined || step === undefined) return undefined;
    return this.all().find(({ facts, hasEnded }) => facts.run === run && facts.step === step && !hasEnded);
  }

  /** The running conference of a room that someone dialled, opened when it was not. */
  async room(number: string, openedBy: string): Promise<Conference> {
    const room = this.roomOf(number);
    const name: Name = room?.name ?? { zh: `会议 ${number}`, en: `Conference ${number}` };
    return this.byNumber(number) ?? (await this.open({ number, name, isDrill: false, isRecorded: true, openedBy }));
  }

  roomOf(number: string): ConferenceRoom | undefined {
    return this.#parts.directory.site.rooms.find((each) => each.number === number);
  }

  /** @throws DispatchError CONFERENCE_UNKNOWN */
  get(id: string): Conference {
    const conference = this.#open.get(id);
    if (!conference || conference.hasEnded) throw new DispatchError('CONFERENCE_UNKNOWN', id);
    return conference;
  }

  byNumber(number: string): Conference | undefined {
    return this.all().find((each) => each.number === number && !each.hasEnded);
  }

  all(): Conference[] {
    return [...this.#open.values()];
  }

  /** @throws DispatchError CHANNEL_UNKNOWN */
  channel(id: string): RadioChannel {
    const channel = this.#channels.get(id);
    if (!channel) throw new DispatchError('CHANNEL_UNKNOWN', id);
    return channel;
  }

  channels(): RadioChannel[] {
    return [...this.#channels.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.all().map((conference) => conference.end('server-stopping')));
  }

  #freeNumber(): string {
    const taken = new Set(
      this.all()
        .filter((each) => !each.hasEnded)
        .map((each) => each.number)
        .concat(...this.#opening.keys()),
    );
    const { rooms } = this.#parts.directory.site;
    const room = rooms.find((each) => !taken.has(each.number));
    if (room) return room.number;
    // An emergency is no time to want for a room: who is called in needs no number to dial.
    const last = rooms.at(-1)?.number ?? '8';
    const beyond = Array.from({ length: BEYOND_ROOMS }, (_, n) => `${last}${n + 101}`).find((each) => !taken.has(each));
    if (beyond === undefined) throw new DispatchError('LINES_EXHAUSTED', 'every conference room is in use');
    return beyond;
  }
}
