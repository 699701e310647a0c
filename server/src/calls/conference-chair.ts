import type { Timer } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import { standIn } from './call-in.ts';
import type { ConferenceChannels } from './conference-channels.ts';
import type { ConferenceInside } from './conference-inside.ts';
import type { Participant } from './participant.ts';

/** What the chair of a conference may do, at a desk or by the keys of his phone: who may come in, speak, and stay. */
export class Chair {
  readonly #inside: ConferenceInside;
  readonly #channels: ConferenceChannels;
  #isLocked = false;
  #isMutedAll = false;
  #keeping?: { everyS: number; roundsLeft: number; timer: Timer };

  constructor(inside: ConferenceInside, channels: ConferenceChannels) {
    this.#inside = inside;
    this.#channels = channels;
  }

  get isLocked(): boolean {
    return this.#isLocked;
  }

  get isMutedAll(): boolean {
    return this.#isMutedAll;
  }

  /** Takes someone out. @throws DispatchError PARTICIPANT_UNKNOWN */
  async remove(id: string): Promise<void> {
    const participant = this.#participant(id);
    const channel = this.#channels.of(participant);
    if (channel) return await this.#channels.unpatch(channel);
    participant.stop.abort();
    participant.moveTo('removed', this.#inside.parts.clock.now(), 'removed-by-chair');
    this.#inside.tell(participant);
    await participant.leg?.hangUp('removed-by-chair');
  }

  /** @throws DispatchError PARTICIPANT_UNKNOWN */
  async mute(id: string, isMuted: boolean): Promise<void> {
    const participant = this.#participant(id);
    const { leg } = participant;
    if (leg) await this.#inside.bridge.setMuted(leg.node, isMuted || leg.isHeldByPeer);
    const kind = isMuted ? 'conference.participant-muted' : 'conference.participant-unmuted';
    this.#inside.note(kind, { participant: id }, participant);
    this.#inside.change(participant, { isMuted });
  }

  /** Mutes everybody but chairs and radio channels, also those who come later, or lets all speak again. */
  async muteAll(isMuted: boolean): Promise<void> {
    this.#isMutedAll = isMuted;
    const others = this.#all().filter((each) => each.isIn && !each.view.isChair && each.view.kind !== 'channel');
    await Promise.all(others.map((each) => this.mute(each.id, isMuted)));
    this.#inside.change();
  }

  /** What he had decided before a restart. */
  restore({ isLocked, isMutedAll }: { isLocked: boolean; isMutedAll: boolean }): void {
    this.#isLocked = isLocked;
    this.#isMutedAll = isMutedAll;
  }

  /** Somebody asks for the word, or no longer. @throws DispatchError PARTICIPANT_UNKNOWN */
  raiseHand(id: string, isUp: boolean): void {
    const participant = this.#participant(id);
    if (isUp === (participant.view.handUpSince !== undefined)) return;
    if (isUp) participant.view.handUpSince = this.#inside.parts.clock.now();
    else delete participant.view.handUpSince;
    this.#inside.note(isUp ? 'conference.hand-raised' : 'conference.hand-lowered', { participant: id }, participant);
    this.#inside.change();
  }

  /** Gives somebody the word: his hand goes down, and he is heard. @throws DispatchError PARTICIPANT_UNKNOWN */
  async letSpeak(id: string): Promise<void> {
    this.raiseHand(id, false);
    await this.mute(id, false);
  }

  /** Gives the word to whoever has had his hand up longest. */
  async letNextSpeak(): Promise<void> {
    const [next] = this.#all()
      .filter(({ view }) => view.handUpSince !== undefined)
      .sort((a, b) => a.view.handUpSince! - b.view.handUpSince!);
    if (next) await this.letSpeak(next.id);
  }

  /** How many are in, and how many were called and are not. */
  rollCall(): { present: number; missing: number } {
    const parties = this.#all().filter(({ view }) => view.kind !== 'channel');
    const gone = new Set(['left', 'removed', 'replaced']);
    return {
      present: parties.filter(({ isIn }) => isIn).length,
      missing: parties.filter(({ isIn, view }) => !isIn && !gone.has(view.state)).length,
    };
  }

  get keepsCalling(): { everyS: number; roundsLeft: number } | undefined {
    const { everyS, roundsLeft } = this.#keeping ?? {};
    return everyS === undefined || roundsLeft === undefined ? undefined : { everyS, roundsLeft };
  }

  /** Calls who is missing again by itself, so many rounds; 0 stops. */
  keepCalling({ rounds, everyS }: { rounds: number; everyS: number }): void {
    this.#keeping?.timer.cancel();
    this.#keeping = undefined;
    this.#inside.note('conference.keeps-calling', { rounds, everyS });
    if (rounds > 0) {
      const timer = this.#inside.parts.clock.every(everyS * 1000, () => this.#callMissing());
      this.#keeping = { everyS, roundsLeft: rounds, timer };
    }
    this.#inside.change();
  }

  /** The conference has ended: nobody is called any more. */
  close(): void {
    this.#keeping?.timer.cancel();
    this.#keeping = undefined;
  }

  #callMissing(): void {
    const keeping = this.#keeping;
    if (!keeping) return;
    for (const participant of this.#all()) if (isToBeCalledAgain(participant)) this.redial(participant.id);
    keeping.roundsLeft -= 1;
    if (keeping.roundsLeft === 0) this.close();
    this.#inside.change();
  }

  lock(isLocked: boolean): void {
    this.#isLocked = isLocked;
    this.#inside.note(isLocked ? 'conference.locked' : 'conference.unlocked', {});
    this.#inside.change();
  }

  /** Calls one missing participant again, or all who are missing. Returns how many are being called. */
  redial(id?: string): number {
    const missing = (id === undefined ? this.#all() : [this.#participant(id)]).filter(
      (each) => each.isOut && each.view.state !== 'removed' && each.request !== undefined,
    );
    const again = id === undefined ? missing.filter((each) => each.view.state !== 'replaced') : missing;
    for (const participant of again) {
      // What is still being tried for him by itself gives way.
      participant.stop.abort();
      this.#inside.participants.delete(participant.id);
      const called = this.#inside.add(participant.request!);
      for (const watcher of participant.watchers) called.watchers.add(watcher);
    }
    return again.length;
  }

  /** Calls a person again who was added and is not in. @throws DispatchError PARTICIPANT_UNKNOWN */
  redialPerson(person: string): void {
    const participant = this.#placeOf(person);
    if (participant.isOut) this.redial(participant.id);
  }

  /** Calls the next deputy of somebody who is not in, without waiting until he is given up. */
  callDeputyOf(person: string): void {
    const participant = this.#placeOf(person);
    const { parts, reaching, tell } = this.#inside;
    const who = parts.directory.person(person);
    const request = participant.request;
    if (!who || !request || participant.isIn) return;
    participant.stop.abort();
    participant.stop = new AbortController();
    if (!participant.isOut) participant.moveTo('unanswered', parts.clock.now(), 'deputy-called');
    void standIn(participant, request, who, reaching).then((isReplaced) => {
      if (!isReplaced) tell(participant);
    });
  }

  #all(): Participant[] {
    return [...this.#inside.participants.values()];
  }

  #placeOf(person: string): Participant {
    const found = this.#all().find((each) => each.view.person === person);
    if (!found) throw new DispatchError('PARTICIPANT_UNKNOWN', person);
    return found;
  }

  #participant(id: string): Participant {
    const participant = this.#inside.participants.get(id);
    if (!participant) throw new DispatchError('PARTICIPANT_UNKNOWN', id);
    return participant;
  }
}

/** Who did not come for want of a phone or an answer, or was cut off; not who said no, was sent away, or has gone. */
function isToBeCalledAgain({ isOut, request, view }: Participant): boolean {
  if (!isOut || request === undefined) return false;
  if (view.state === 'left') return view.because === 'media-lost' || view.because === 'signalling-lost';
  return ['busy', 'unanswered', 'unreachable', 'voicemail'].includes(view.state);
}
