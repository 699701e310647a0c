import type { CallView } from '@tocsin/protocol/views.ts';
import type { Call } from '#calls/call-list.ts';
import type { CallEnding } from '#calls/endings.ts';
import { GoneLeg } from '#calls/gone-leg.ts';
import type { KeptCall } from '#calls/kept-calls.ts';
import type { Leg } from '#calls/leg.ts';
import { titleOf } from './answer-call.ts';
import { goOnWithBoth } from './call-waiting.ts';
import { goOnConsulting } from './consult.ts';
import type { Desk } from './desk.ts';
import { limitAgain } from './limit-call.ts';
import { parkAgain } from './park-call.ts';
import { talk } from './talk.ts';

/** A leg that two calls have: it is aside from one, and talks in the other. */
interface Aside {
  leg: string;
  /** The call in which it talks. */
  talksIn: KeptCall;
}

/** Talks of two of the process before this one, and those of their legs that are still there. */
export interface KeptTalks {
  calls: ReadonlyMap<string, KeptCall>;
  legs: ReadonlyMap<string, Leg>;
  /** By the call that the leg is aside from. */
  asides: ReadonlyMap<string, Aside>;
}

/** Sorts out which leg is in which call: the asker of a consultation, and a phone that has put a call aside, are in two. */
export function sortTalks(kept: readonly KeptCall[], legs: ReadonlyMap<string, Leg>): KeptTalks {
  const talks = kept.filter(({ view }) => view.kind === 'two-party' && view.state !== 'ringing');
  const asides = new Map<string, Aside>();
  for (const { view, legs: ids } of talks)
    for (const other of talks) {
      const leg = other.view.id === view.id ? undefined : ids.find((id) => other.legs.includes(id));
      // A call whose other party has gone meanwhile keeps nobody from the one that is left.
      if (leg === undefined || !other.legs.every((id) => legs.has(id))) continue;
      if (other.view.about === view.id || (isHeld(view) && !isHeld(other.view)))
        asides.set(view.id, { leg, talksIn: other });
    }
  return { calls: new Map(kept.map((each) => [each.view.id, each])), legs, asides };
}

/**
 * Two talk on; of a call that was parked, or put aside for another, one waits on with music. Whose partner has gone is let
 * go, but for one who has another call. Resolves with the reason when it is over.
 */
export async function goOnTalking(
  call: Call,
  ids: readonly string[],
  kept: KeptTalks,
  desk: Desk,
): Promise<CallEnding> {
  const { view } = call;
  const title = titleOf(view);
  const [first, second] = ids.map((id) => kept.legs.get(id));
  if (!first || !second) {
    const left = first ?? second;
    if (left && view.parked) return await waitOn(call, left, left === first ? ids[1] : ids[0], desk);
    if (left && !hasAnother(left.id, view, kept)) await left.hangUp('signalling-lost');
    return 'signalling-lost';
  }
  limitAgain(call, desk);
  const aside = kept.asides.get(view.id);
  const absent = [first, second].find(({ id }) => id === aside?.leg);
  const isOnHold = absent ?? [first, second].some(({ isHeldByPeer }) => isHeldByPeer);
  if (isHeld(view) && !isOnHold) desk.calls.held(call, false);

  const consultation = view.about === undefined ? undefined : kept.asides.get(view.about);
  const partner = consultation && partnerOf(consultation.leg, view.about!, kept);
  if (consultation && partner) {
    const [by, third] = first.id === consultation.leg ? [first, second] : [second, first];
    await goOnConsulting(call, { by, third, partner }, desk.calls.get(view.about!), desk);
    return 'consultation-ended';
  }
  const talking = talk(call, [first, second], { title, absent }, desk);
  // The other call is there, in whichever order the two were kept, when this turn is over.
  if (absent && aside && aside.talksIn.view.about !== view.id)
    queueMicrotask(() => goOnWithBoth(absent, desk.calls.get(aside.talksIn.view.id), call, desk));
  return await talking;
}

async function waitOn(call: Call, waiting: Leg, leavingId: string | undefined, desk: Desk): Promise<CallEnding> {
  const { from, to } = call.view;
  const isFrom = waiting.party.number === from.number;
  const party = isFrom ? to : from;
  const account = desk.directory.account(party.number) ? { account: party.number } : {};
  const gone = new GoneLeg(leavingId ?? '', { ...party, ...account });
  if (!parkAgain(call, waiting, gone, desk)) {
    await waiting.hangUp('signalling-lost');
    return 'signalling-lost';
  }
  const title = titleOf(call.view);
  return await talk(call, isFrom ? [waiting, gone] : [gone, waiting], { title, absent: gone }, desk);
}

function hasAnother(leg: string, { id }: CallView, { calls }: KeptTalks): boolean {
  return [...calls.values()].some((other) => other.view.id !== id && other.legs.includes(leg));
}

function partnerOf(leg: string, call: string, { calls, legs }: KeptTalks): Leg | undefined {
  const other = calls.get(call)?.legs.find((id) => id !== leg);
  return other === undefined ? undefined : legs.get(other);
}

const isHeld = ({ state }: CallView): boolean => state === 'held';
