import type { CallView } from '@tocsin/protocol/views.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Chance } from '#kernel/chance.ts';
import { Emitter } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { Timeline } from '#timeline/timeline.ts';
import type { Bridge } from './bridge.ts';
import { type CallEnding, ENDINGS } from './endings.ts';
import type { DialogId, HangUpReason, Leg, Party } from './leg.ts';

/** An ended call is shown this long. */
const SHOW_ENDED_FOR_MS = 30_000;

/** Whether a talk whose legs were taken off its bridge goes on between two, and why not. */
export type Elsewhere = { kind: 'back'; legs: [from: Leg, to: Leg] } | { kind: 'over'; reason: HangUpReason };

/** One call as the desks see it, and what can be done with it. */
export class Call {
  readonly view: CallView;
  /** They are hung up to end it. */
  readonly legs = new Set<Leg>();
  /** Phones that ring for it. */
  readonly ringing = new Set<Leg>();
  /** Where its two talk; absent while it rings. */
  bridge?: Bridge;
  /** Set by whoever takes the legs off the bridge to bring them back later: to a conference, for one. */
  elsewhere?: Promise<Elsewhere>;
  /** While it rings: lets somebody else than the called one have it. False when it is too late. */
  takeBy?: (leg: Leg) => boolean;
  /** Set when it may last so long and no longer. */
  limit?: { cancel(): void };
  /** The legs of the two that `view.from` and `view.to` mean. */
  readonly sides: { from?: Leg; to?: Leg } = {};

  constructor(view: CallView) {
    this.view = view;
  }
}

/** The calls that are going on: what the desks see of them, and their entries on the timeline. */
export class CallList extends Emitter<{ changed: [call: Call]; removed: [id: string] }> {
  readonly #calls = new Map<string, Call>();
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #timeline: Timeline;
  readonly #log: Log;

  constructor({ clock, chance, timeline, log }: { clock: Clock; chance: Chance; timeline: Timeline; log: Log }) {
    super();
    this.#clock = clock;
    this.#chance = chance;
    this.#timeline = timeline;
    this.#log = log;
  }

  /** `legs`: those that it begins with, the caller's first. */
  begin(
    facts: { kind: CallView['kind']; from: Party; to: Party } & Pick<
      CallView,
      'alarm' | 'channel' | 'conference' | 'about' | 'trunk'
    >,
    ...legs: Leg[]
  ): Call {
    const { from, to, ...rest } = facts;
    const call = new Call({
      id: this.#chance.id('call'),
      ...rest,
      from: ofParty(from),
      to: ofParty(to),
      state: 'ringing',
      startedAt: this.#clock.now(),
      isRecording: false,
    });
    for (const leg of legs) call.legs.add(leg);
    this.#calls.set(call.view.id, call);
    const { trunk } = call.view;
    this.#note(call, 'call.started', {
      ...{ from: from.number, to: to.number, kind: facts.kind },
      ...(trunk === undefined ? {} : { trunk }),
    });
    this.emit('changed', call);
    return call;
  }

  /** Goes on with a call of the process before this one, under its id, with those of its legs that are still there. */
  takeUp(view: CallView, legs: readonly Leg[]): Call {
    const call = new Call(view);
    // Before anybody hears of the call: a call that is kept without its legs would be one that the next process lets go.
    for (const leg of legs) call.legs.add(leg);
    this.#calls.set(view.id, call);
    this.#note(call, 'call.taken-up', { from: view.from.number, to: view.to.number, kind: view.kind });
    this.emit('changed', call);
    return call;
  }

  answered(call: Call, change: Partial<CallView> = {}): void {
    Object.assign(call.view, { state: 'answered', answeredAt: this.#clock.now() }, change);
    const { to, trunk } = call.view;
    this.#note(call, 'call.answered', { by: to.number, ...(trunk === undefined ? {} : { trunk }) });
    this.emit('changed', call);
  }

  held(call: Call, isHeld: boolean): void {
    if (call.view.state === 'ended') return;
    call.view.state = isHeld ? 'held' : 'answered';
    this.#note(call, isHeld ? 'call.held' : 'call.resumed', {});
    this.emit('changed', call);
  }

  /** Another leg has come in the place of one of the two. */
  replaced(call: Call, leaving: Leg, by: Leg): void {
    const side = call.sides.from === leaving ? 'from' : 'to';
    call.sides[side] = by;
    call.view[side] = ofParty(by.party);
    call.legs.delete(leaving);
    call.legs.add(by);
    this.emit('changed', call);
  }

  /** Something about the call is different on the desks from now on. */
  change(call: Call, change: Partial<CallView>): void {
    Object.assign(call.view, change);
    for (const [key, value] of Object.entries(change)) if (value === undefined) delete call.view[key as keyof CallView];
    this.emit('changed', call);
  }

  /** Puts on the timeline what was done with a call; `by` is the number of the phone, or the user, that did it. */
  note(call: Call, kind: string, data: Record<string, unknown>, actor?: string): void {
    this.#note(call, kind, data, actor);
  }

  end(call: Call, because: CallEnding): void {
    if (call.view.state === 'ended') return;
    call.limit?.cancel();
    const ending = ENDINGS[because];
    Object.assign(call.view, { state: 'ended', endedAt: this.#clock.now(), because, ending });
    this.#note(call, 'call.ended', {
      because,
      ending,
      ...(call.view.cause ? { cause: call.view.cause } : {}),
      ...(call.view.answeredAt ? { talkedMs: this.#clock.now() - call.view.answeredAt } : {}),
    });
    this.emit('changed', call);
    this.#clock.after(SHOW_ENDED_FOR_MS, () => {
      this.#calls.delete(call.view.id);
      this.emit('removed', call.view.id);
    });
  }

  /** @throws DispatchError CALL_UNKNOWN */
  get(id: string): Call {
    const call = this.#calls.get(id);
    if (!call) throw new DispatchError('CALL_UNKNOWN', id);
    return call;
  }

  all(): Call[] {
    return [...this.#calls.values()];
  }

  /** The call that a leg belongs to. */
  of(leg: Leg): Call | undefined {
    return this.all().find((call) => call.view.state !== 'ended' && call.legs.has(leg));
  }

  /** A phone rings for a call, from now until it is answered or still. */
  rings(id: string, leg: Leg): void {
    const ringing = this.#calls.get(id)?.ringing.add(leg);
    for (const event of ['answered', 'ended'] as const) leg.once(event, () => ringing?.delete(leg));
  }

  /** The phone that a Replaces means, while it rings because we have called it (RFC 3891 §3). */
  ringingOf(wanted: DialogId): { call: Call; leg: Leg } | undefined {
    for (const call of this.all())
      for (const leg of call.ringing)
        if (leg.earlyDialogs?.some((dialog) => isSame(dialog, wanted))) return { call, leg };
    return undefined;
  }

  /** The leg that a Replaces means. Its tags are taken in either order: phones differ in whose they name first. */
  legOf(wanted: DialogId): Leg | undefined {
    return this.all()
      .flatMap((call) => [...call.legs])
      .find(({ dialog }) => dialog && isSame(dialog, wanted));
  }

  /** Calls that are not over. */
  get running(): number {
    return this.all().filter((call) => call.view.state !== 'ended').length;
  }

  #note(call: Call, kind: string, data: Record<string, unknown>, actor?: string): void {
    const { id, alarm, from, to } = call.view;
    const person = to.person ?? from.person;
    this.#timeline
      .append({
        kind,
        call: id,
        ...(actor ? { actor } : {}),
        ...(alarm ? { alarm } : {}),
        ...(person ? { person } : {}),
        data,
      })
      .catch((error: unknown) => this.#log.error('timeline entry lost', { kind, error }));
  }
}

function ofParty({ number, name, person, region, vip }: Party): CallView['from'] {
  return {
    number,
    ...(name ? { name } : {}),
    ...(person ? { person } : {}),
    ...(region ? { region } : {}),
    ...(vip === undefined ? {} : { vip }),
  };
}

/** Whether two ids mean one dialog, whoever's tag each of them calls its own. */
function isSame(a: DialogId, b: DialogId): boolean {
  if (a.callId !== b.callId) return false;
  const isStraight = a.localTag === b.localTag && a.remoteTag === b.remoteTag;
  return isStraight || (a.localTag === b.remoteTag && a.remoteTag === b.localTag);
}
