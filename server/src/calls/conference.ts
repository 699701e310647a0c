import type { ConferenceView, ParticipantView } from '@tocsin/protocol/views.ts';
import { Emitter } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import { LIMITS } from '#kernel/limits.ts';
import type { MediaBridge } from '#media/bridge.ts';
import type { NewEntry } from '#timeline/entry.ts';
import type { HangUpReason, Leg } from './leg.ts';
import { bearerOf, bringIn } from './call-in.ts';
import { ConferenceChannels } from './conference-channels.ts';
import { followKeys } from './conference-keys.ts';
import { ConferenceSounds } from './conference-sounds.ts';
import { Chair } from './conference-chair.ts';
import type { ConferenceFacts, ConferenceInside, ConferenceParts } from './conference-inside.ts';
import { type AddRequest, type NewParticipant, Participant } from './participant.ts';
import { type RecordingState, TalkRecording } from './talk-recording.ts';
import { Loudness } from './loudness.ts';
import { SpeakingLevels } from './speaking-levels.ts';

export type ConferenceEndReason =
  'plan-ended' | 'plan-step-skipped' | 'dispatcher-ended' | 'everybody-left' | 'two-left' | 'server-stopping';

/**
 * Three or more legs, mixed; who is in, who is being called, who has refused. It is a bridge and a list of
 * participants: reaching people is `reach`, their words are the bridge's, what the chair may do is `Chair`'s, the radio is a
 * `RadioChannel`'s.
 */
export class Conference extends Emitter<{
  changed: [];
  ended: [reason: ConferenceEndReason];
  levels: [{ participant: string; levelDb: number }[]];
}> {
  readonly id: string;
  readonly facts: ConferenceFacts;
  readonly ended: Promise<ConferenceEndReason>;
  readonly openedAt: number;
  #waitsForOthers: boolean;
  readonly #parts: ConferenceParts;
  readonly #bridge: MediaBridge;
  readonly #participants = new Map<string, Participant>();
  readonly #end = Promise.withResolvers<ConferenceEndReason>();
  /** What the chair may do, and what he has decided. */
  readonly chair: Chair;
  readonly channels: ConferenceChannels;
  /** How loud each is heard. */
  readonly loudness: Loudness;
  readonly #inside: ConferenceInside;
  readonly #levels: SpeakingLevels;
  /** Ids of the conferences that it is joined with. */
  readonly #tied = new Set<string>();
  readonly #sounds: ConferenceSounds;
  readonly recording: TalkRecording;
  #ending?: Promise<void>;

  /** Opens it; `earlier` when the process before this one had it open already. */
  static async open(
    facts: ConferenceFacts,
    parts: ConferenceParts,
    earlier?: { id: string; openedAt: number } & Partial<RecordingState>,
  ): Promise<Conference> {
    const id = earlier?.id ?? parts.chance.id('conf');
    const bridge = await parts.engine.openBridge({ label: `conference ${facts.number}` });
    const conference = new Conference(id, facts, parts, bridge, earlier?.openedAt ?? parts.clock.now());
    const { number, name } = facts;
    conference.#note(earlier ? 'conference.taken-up' : 'conference.opened', { number, name });
    conference.recording.begin(earlier);
    return conference;
  }

  private constructor(
    id: string,
    facts: ConferenceFacts,
    parts: ConferenceParts,
    bridge: MediaBridge,
    openedAt: number,
  ) {
    super();
    this.id = id;
    this.facts = facts;
    this.ended = this.#end.promise;
    this.openedAt = openedAt;
    this.#waitsForOthers = facts.run !== undefined;
    this.#parts = parts;
    this.#bridge = bridge;
    const inside: ConferenceInside = {
      id,
      facts,
      parts,
      bridge,
      participants: this.#participants,
      reaching: {
        from: { number: facts.number, name: facts.name.zh },
        parts,
        hasEnded: () => this.hasEnded,
        add: (request) => this.add(request),
        changed: () => this.emit('changed'),
        tell: (participant, isSettled) => this.#tell(participant, isSettled),
        putThrough: (participant, leg) => this.#putThrough(participant, leg),
        settled: (participant) => this.#settled(participant),
      },
      add: (request) => this.add(request),
      place: (view, request) => this.#place(view, request),
      tell: (participant, isSettled) => this.#tell(participant, isSettled),
      change: (participant, change) => this.#change(participant, change),
      note: (kind, data, participant) => this.#note(kind, data, participant),
    };
    this.#inside = inside;
    this.recording = new TalkRecording({
      ...{ recordings: parts.recordings, bridge, onDemandOnly: !facts.isRecorded },
      of: {
        ...{
          conference: id,
          number: facts.number,
          called: facts.number,
          caller: facts.openedBy,
          direction: 'internal',
        },
        ...(facts.incident ? { incident: facts.incident } : {}),
        ...(facts.run ? { run: facts.run } : {}),
        isDrill: facts.isDrill,
        title: `${facts.name.zh} ${facts.number}`,
      },
      onChanged: () => this.emit('changed'),
    });
    this.loudness = new Loudness(inside);
    this.channels = new ConferenceChannels(inside);
    this.chair = new Chair(inside, this.channels);
    this.#sounds = new ConferenceSounds(bridge, facts.hasTones ?? false, parts);
    this.#levels = new SpeakingLevels(parts.clock, this.#participants, (levels) => this.emit('levels', levels));
    bridge.on('speaking', ({ nodeId, isSpeaking }) => {
      for (const participant of this.#participants.values())
        if (participant.leg?.node.id === nodeId) this.#change(participant, { isSpeaking });
    });
  }

  /** Where they talk: for whoever supervises them. */
  get media(): MediaBridge {
    return this.#bridge;
  }

  get number(): string {
    return this.facts.number;
  }

  /** As many are in, or being called, as it may hold. */
  get isFull(): boolean {
    const here = this.participants().filter((each) => !each.isOut).length;
    return here >= Math.min(this.facts.limit ?? Infinity, LIMITS.participantsPerConference);
  }

  get joinedWith(): string[] {
    return [...this.#tied];
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  participants(): readonly Participant[] {
    return [...this.#participants.values()];
  }

  view(): ConferenceView {
    const { number, name, run, incident, isDrill } = this.facts;
    const { isRecording, isRecordingPaused } = this.recording.state;
    return {
      id: this.id,
      number,
      name,
      ...(run ? { run } : {}),
      ...(incident ? { incident } : {}),
      openedAt: this.openedAt,
      isLocked: this.chair.isLocked,
      isRecording,
      ...(isRecordingPaused ? { isRecordingPaused } : {}),
      isMutedAll: this.chair.isMutedAll,
      ...(this.loudness.isAutomatic ? { isLevelled: true } : {}),
      isDrill,
      ...(this.#tied.size > 0 ? { joinedWith: this.joinedWith } : {}),
      ...(this.chair.keepsCalling ? { keepsCalling: this.chair.keepsCalling } : {}),
      participants: this.participants().map((participant) => ({ ...participant.view })),
    };
  }

  /**
   * Calls someone in. Returns at once; the INVITE leaves in the same turn where it can.
   * @throws DispatchError CONFERENCE_FULL, PERSON_UNKNOWN
   */
  add(request: AddRequest): Participant {
    this.#refuseWhenFull();
    const person = request.person === undefined ? undefined : this.#parts.directory.person(request.person);
    if (request.person !== undefined && !person) throw new DispatchError('PERSON_UNKNOWN', request.person);
    const number = request.number ?? person?.numbers[0]?.dial ?? '';
    const known = [...this.#participants.values()].find(
      (each) =>
        (person ? each.view.person === person.id : each.view.number === number) &&
        (!each.isOut || !this.#isSettled.has(each)),
    );
    if (known) {
      // One who was taken up from before a restart is asked for only now.
      known.request ??= request;
      this.#watch(known, request.onState);
      return known;
    }
    // Someone who is called again takes the place of his own earlier, ended entry: one row a person.
    for (const earlier of this.#participants.values())
      if (earlier.isOut && person && earlier.view.person === person.id) this.#participants.delete(earlier.id);
    const participant = this.#place(
      {
        kind: request.isChair ? 'seat' : person ? 'person' : 'number',
        ...(person ? { person: person.id, role: person.title } : {}),
        name: person?.name ?? { zh: number },
        number,
        bearer: bearerOf(person, number, request.isChair ?? false),
        state: 'queued',
        isChair: request.isChair ?? false,
        ...(request.standsInFor ? { standsInFor: request.standsInFor } : {}),
      },
      request,
    );
    this.emit('changed');
    void bringIn(participant, request, person, this.#inside.reaching).catch((error: unknown) =>
      this.#parts.log.error('reaching a participant failed', {
        conferenceId: this.id,
        participant: participant.id,
        error,
      }),
    );
    return participant;
  }

  /** It is joined with another from now on, or no longer; `ConferenceTies` ties their sound. */
  tied({ id, number }: Conference, isTied: boolean): void {
    if (isTied) this.#tied.add(id);
    else this.#tied.delete(id);
    if (this.hasEnded) return;
    this.#note(isTied ? 'conference.joined' : 'conference.separated', { number: this.number, with: number });
    this.emit('changed');
  }

  /** Takes in a leg that is already answered: someone who dialled the room, a field phone, a radio listener. */
  async join(
    leg: Leg,
    facts: Partial<ParticipantView> & Pick<ParticipantView, 'kind' | 'name' | 'bearer'>,
  ): Promise<Participant> {
    this.#refuseWhenFull();
    const earlier = [...this.#participants.values()].find(
      (each) => facts.person && each.view.person === facts.person && each.isOut,
    );
    if (earlier) this.#participants.delete(earlier.id);
    const participant = this.#place({ number: leg.party.number, state: 'in', attempts: 1, ...facts });
    await this.#putThrough(participant, leg);
    return participant;
  }

  /** Hangs up on everyone, with this named reason. Ending twice does nothing. */
  async end(reason: ConferenceEndReason): Promise<void> {
    this.#ending ??= this.#close(reason);
    await this.#ending;
  }

  /** Ends without hanging up on those who are in: whoever asks for it lets their legs talk on elsewhere. */
  async release(): Promise<Leg[]> {
    const legs = this.participants().flatMap((participant) => {
      const { leg } = participant;
      if (!leg || participant.view.kind === 'channel') return [];
      participant.leg = undefined;
      participant.moveTo('left', this.#parts.clock.now(), 'two-left');
      return [leg];
    });
    await this.end('two-left');
    return legs;
  }

  // --- coming and going ---

  /** Resolves when a participant is in (true) or will not come (false). */
  #settled(participant: Participant): Promise<boolean> {
    return new Promise((resolve) => {
      const look = () => {
        if (!participant.isIn && !participant.isOut && !this.hasEnded) return;
        if (participant.isOut && !participant.isIn && !this.#isSettled.has(participant) && !this.hasEnded) return;
        off();
        resolve(participant.isIn);
      };
      const off = this.on('changed', look);
      look();
    });
  }

  readonly #isSettled = new WeakSet<Participant>();

  async #putThrough(participant: Participant, leg: Leg): Promise<void> {
    participant.leg = leg;
    const mutedByAll = this.chair.isMutedAll && !participant.view.isChair;
    if (mutedByAll) participant.view.isMuted = true;
    await this.#bridge.add(leg.node, {
      isMuted: participant.view.isMuted || leg.isHeldByPeer,
      ...this.loudness.ofNewcomer(participant),
    });
    leg.on('held', (isHeld) => {
      if (participant.leg !== leg) return;
      // Someone on hold sends music or silence; neither belongs in a conference.
      void this.#bridge.setMuted(leg.node, isHeld || participant.view.isMuted);
      participant.moveTo(isHeld ? 'held' : 'in', this.#parts.clock.now());
      this.#tell(participant, false);
    });
    this.#levels.follow(participant, leg.node);
    this.channels.follow(participant, leg);
    followKeys(participant, leg, { chair: this.chair, sounds: this.#sounds });
    this.#sounds.tone('entered');
    leg.once('ended', (because) => {
      if (participant.leg === leg) this.#left(participant, because);
    });
    participant.moveTo('in', this.#parts.clock.now());
    if (leg.state === 'ended') return this.#left(participant, 'callee-hung-up');
    this.#tell(participant);
  }

  #left(participant: Participant, because: HangUpReason): void {
    participant.leg = undefined;
    participant.view.isSpeaking = false;
    delete participant.view.handUpSince;
    if (!this.hasEnded) this.#sounds.tone('left');
    if (participant.view.state !== 'removed') participant.moveTo('left', this.#parts.clock.now(), because);
    this.#tell(participant);
    this.#endWhenEmpty();
  }

  /** The run that has opened it is over: nobody else is to come, and it closes behind the last. */
  closeBehindLast(): void {
    this.#waitsForOthers = false;
    this.#endWhenEmpty();
  }

  /** A room that someone dialled closes behind the last; a plan's conference stays open for those still to come. */
  #endWhenEmpty(): void {
    if (this.#waitsForOthers || this.hasEnded) return;
    // Two channels that are joined to one another need nobody beside.
    const isInUse =
      this.channels.count > 1 || this.participants().some((each) => each.view.kind !== 'channel' && !each.isOut);
    if (!isInUse) void this.end('everybody-left');
  }

  async #close(reason: ConferenceEndReason): Promise<void> {
    const because: HangUpReason =
      reason === 'plan-ended' ? 'plan-ended' : reason === 'server-stopping' ? 'server-stopping' : 'conference-ended';
    this.chair.close();
    for (const participant of this.#participants.values()) participant.stop.abort();
    await Promise.allSettled([
      this.channels.detachAll(),
      ...this.participants().map((participant) =>
        participant.view.kind === 'channel' ? undefined : participant.leg?.hangUp(because),
      ),
    ]);
    await this.recording.close();
    await this.#bridge.close();
    this.#note('conference.ended', { number: this.number, because: reason });
    this.#end.resolve(reason);
    this.emit('changed');
    this.emit('ended', reason);
  }

  // --- telling ---

  /** A change of one participant goes to the timeline, to whoever asked for him, and to the desks. */
  #tell(participant: Participant, isSettled = true): void {
    const { view } = participant;
    if (isSettled) this.#isSettled.add(participant);
    else this.#isSettled.delete(participant);
    this.#note(
      `conference.participant-${view.state}`,
      {
        participant: view.id,
        name: view.name.zh,
        number: view.number,
        attempts: view.attempts,
        ...(view.because ? { because: view.because } : {}),
        ...(view.standsInFor ? { standsInFor: view.standsInFor } : {}),
      },
      participant,
    );
    const change = participant.changed(isSettled);
    if (change) for (const watcher of participant.watchers) watcher(change);
    this.emit('changed');
    if (isSettled && this.facts.run) this.#endWhenEmpty();
  }

  /** Tells from now on how a participant fares who is on his way or in already, beginning with where he is. */
  #watch(participant: Participant, watcher: AddRequest['onState']): void {
    if (!watcher || participant.watchers.has(watcher)) return;
    participant.watchers.add(watcher);
    const change = participant.changed(this.#isSettled.has(participant));
    if (change) watcher(change);
  }

  #change(participant?: Participant, change: Partial<ParticipantView> = {}): void {
    if (participant) Object.assign(participant.view, change);
    this.emit('changed');
  }

  #note(kind: string, data: Record<string, unknown>, participant?: Participant): void {
    const { incident, run, isDrill, openedBy } = this.facts;
    const entry: NewEntry = {
      kind,
      at: this.#parts.clock.now(),
      actor: openedBy,
      isDrill,
      ...(incident ? { incident } : {}),
      ...(run ? { run } : {}),
      ...(participant?.view.person ? { person: participant.view.person } : {}),
      data: { conference: this.id, ...data },
    };
    this.#parts.timeline
      .append(entry)
      .catch((error: unknown) => this.#parts.log.error('timeline entry lost', { kind, error }));
  }

  #place(facts: NewParticipant, request?: AddRequest): Participant {
    const { chance, clock } = this.#parts;
    const participant = new Participant(chance.id('part'), clock.now(), facts, request);
    this.#participants.set(participant.id, participant);
    return participant;
  }

  #refuseWhenFull(): void {
    if (this.isFull) throw new DispatchError('CONFERENCE_FULL', this.number);
  }
}
