import type { CallView } from '@tocsin/protocol/views.ts';
import type { Call } from '#calls/call-list.ts';
import type { CallEnding } from '#calls/endings.ts';
import type { Kept, KeptCall } from '#calls/kept-calls.ts';
import { ringOn } from '#calls/ring-on.ts';
import { route } from '#calls/routing/route.ts';
import { SipLeg } from '#calls/sip-leg.ts';
import { releaseLeg, takeUpLeg, type TakenUpLeg } from '#calls/take-up-leg.ts';
import type { UserAgent } from '#sip/user-agent/user-agent.ts';
import type { Desk } from './desk.ts';
import { RING_FOR_MS, connect, connectTo, echo } from './answer-call.ts';
import { goOnTalking, type KeptTalks, sortTalks } from './go-on-talking.ts';
import { joinAgain, takeUpConference, tell } from './take-up-conference.ts';

/** A phone that has rung since before the restart rings on at least so long: its owner may be on his way to it. */
const RINGS_ON_AT_LEAST_MS = 10_000;

interface TakingUp {
  talks: KeptTalks;
  /** Phones that ring, by the call for which they do. */
  phones: ReadonlyMap<string, TakenUpLeg[]>;
  /** Legs that are in a conference. */
  joined: ReadonlySet<string>;
}

/** Calls that stand by themselves. A leg of another kind goes on when a conference has it; a radio is called anew. */
const GOES_ON: ReadonlySet<CallView['kind']> = new Set(['two-party', 'echo']);

/**
 * Goes on with the calls that the process before this one had when it was killed. Every phone is given our new media
 * address by a re-INVITE; who is still there talks on, in the same call or conference as before. Nothing is left
 * hanging: a leg that no call wants is hung up, and so is one whose partner has gone. What fails, fails for its own call.
 */
export async function takeUpCalls(userAgent: UserAgent, desk: Desk): Promise<void> {
  const kept = await desk.kept.left();
  if (kept.legs.length + kept.calls.length + kept.conferences.length === 0) return;
  const joined = new Set(kept.conferences.flatMap(({ participants }) => participants.map(({ leg }) => leg)));
  const wanted = joined.union(new Set(kept.calls.flatMap(({ view, legs }) => (GOES_ON.has(view.kind) ? legs : []))));
  const ringOnFor = new Set(kept.calls.filter(({ view }) => isRinging(view)).map(({ view }) => view.id));
  const legs = new Map<string, SipLeg>();
  const phones = new Map<string, TakenUpLeg[]>();
  await Promise.all(
    kept.legs.map(async (each) => {
      const ringsFor = each.at.kind === 'ringing' && ringOnFor.has(each.call ?? '') ? each.call! : undefined;
      if (!wanted.has(each.id) && ringsFor === undefined) return releaseLeg(each, userAgent);
      const taken = await takeUpLeg(each, otherOf(each, kept), { ...desk, userAgent });
      if (!taken) return;
      if (ringsFor === undefined) legs.set(taken.leg.id, taken.leg);
      else phones.set(ringsFor, [...(phones.get(ringsFor) ?? []), taken]);
    }),
  );
  for (const conference of kept.conferences) await takeUpConference(conference, legs, desk);
  await joinAgain(kept.conferences, desk);
  const talks = sortTalks(kept.calls, legs);
  // A consultation finds the call that it is about.
  const isAbout = ({ view }: KeptCall) => Number(view.about !== undefined);
  for (const call of kept.calls.toSorted((a, b) => isAbout(a) - isAbout(b)))
    takeUpCall(call, { talks, phones, joined }, desk);
  desk.kept.dropRest();
  desk.log.info('calls taken up', { legs: legs.size, of: kept.legs.length, calls: kept.calls.length });
}

/** The number at the other end of a leg's call. */
function otherOf({ id, call: ringsFor }: Kept['legs'][number], { calls, conferences }: Kept): string {
  const call = calls.find(({ view, legs }) => view.id === ringsFor || legs.includes(id));
  if (call) return call.legs[0] === id ? call.view.to.number : call.view.from.number;
  return conferences.find(({ participants }) => participants.some(({ leg }) => leg === id))?.facts.number ?? '';
}

/** The two talk on, the phones ring on, or the one hears himself; who is in a conference has been joined there. */
function takeUpCall({ view, legs: ids }: KeptCall, { talks, phones, joined }: TakingUp, desk: Desk): void {
  const legs = ids.flatMap((id) => talks.legs.get(id) ?? []);
  const [first] = legs;
  const absent = talks.asides.get(view.id)?.leg;
  const call = desk.calls.takeUp(
    view,
    legs.filter(({ id }) => id !== absent),
  );
  const ringing = phones.get(view.id) ?? [];
  for (const { leg } of ringing) desk.calls.rings(view.id, leg);
  const goOn = async (): Promise<CallEnding> => {
    if (ids.some((id) => joined.has(id))) return (await first?.ended) ?? 'signalling-lost';
    switch (view.kind) {
      case 'two-party':
        if (first instanceof SipLeg && isRinging(view)) return await goOnRinging(first, call, ringing, desk);
        for (const { leg } of ringing) void leg.hangUp('abandoned');
        return await goOnTalking(call, ids, talks, desk);
      case 'echo':
        if (first) await echo(first, desk);
        break;
      default:
        break;
    }
    return (await first?.ended) ?? 'signalling-lost';
  };
  goOn()
    .catch(async (error: unknown): Promise<CallEnding> => {
      tell('call.not-taken-up', { call: view.id, from: view.from.number, to: view.to.number }, error, desk);
      const left = [...call.legs, ...ringing.map(({ leg }) => leg)];
      await Promise.allSettled(left.map((leg) => leg.hangUp('signalling-lost')));
      return 'failed';
    })
    .then((reason) => desk.calls.end(call, reason))
    .catch(() => {});
}

/** What rings goes on ringing; behind a group, and behind a phone that was not being rung just then, the search goes on. */
async function goOnRinging(caller: SipLeg, call: Call, phones: TakenUpLeg[], desk: Desk): Promise<CallEnding> {
  const { from, to, startedAt } = call.view;
  const { account, trunk } = caller.party;
  const question = { dialled: to.number, calling: from.number, account, trunk, atMs: desk.clock.now() };
  const { destination } = route(question, desk.routingBook);
  const isGroup = destination.kind === 'group';
  const leftMs = isGroup ? 0 : startedAt + RING_FOR_MS - desk.clock.now();
  const ring = (signal: AbortSignal) =>
    ringOn(phones, { ringForMs: Math.max(RINGS_ON_AT_LEAST_MS, leftMs), signal }, desk.clock);
  if (destination.kind !== 'account' && destination.kind !== 'trunk' && !isGroup)
    return await connectTo(caller, call, ring, desk);
  return await connect(caller, call, destination, undefined, desk, async (signal) => {
    if (phones.length === 0) return undefined;
    const outcome = await ring(signal);
    return isGroup && outcome.kind === 'unanswered' ? undefined : outcome;
  });
}

const isRinging = ({ kind, state }: CallView): boolean => kind === 'two-party' && state === 'ringing';
