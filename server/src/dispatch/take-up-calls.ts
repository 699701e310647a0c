import type { CallView } from '@tocsin/protocol/views.ts';
import type { Call } from '#calls/call-list.ts';
import type { CallEnding } from '#calls/endings.ts';
import type { Kept, KeptCall, KeptConference } from '#calls/kept-calls.ts';
import type { KeptLeg } from '#calls/kept-leg.ts';
import { ringOn } from '#calls/ring-on.ts';
import { SipLeg } from '#calls/sip-leg.ts';
import type { UserAgent } from '#sip/user-agent/user-agent.ts';
import type { Desk } from './desk.ts';
import { RING_FOR_MS, echo, connectTo, titleOf } from './answer-call.ts';
import { talk } from './talk.ts';

/**
 * A far end that has not answered our re-INVITE after this long is taken to be gone. Those who are still there answer
 * within a round trip, and the others' call must not wait for one who is not.
 */
const RENEW_WITHIN_MS = 2000;

/** A phone that has rung since before the restart rings on at least so long: its owner may be on his way to it. */
const RINGS_ON_AT_LEAST_MS = 10_000;

/** Q.850, for a caller whose call could not be gone on with: he may call again. */
const TEMPORARY_FAILURE = 41;

interface TakingUp {
  legs: ReadonlyMap<string, SipLeg>;
  /** Phones that ring, by the call for which they do. */
  phones: ReadonlyMap<string | undefined, KeptLeg[]>;
  /** Legs that are in a conference. */
  joined: ReadonlySet<string>;
  userAgent: UserAgent;
}

/** Calls that stand by themselves. A leg of another kind goes on when a conference has it; a radio is called anew. */
const GOES_ON: ReadonlySet<CallView['kind']> = new Set(['two-party', 'echo']);

/**
 * Goes on with the calls that the process before this one had when it was killed. Every phone is given our new media
 * address by a re-INVITE; who is still there talks on, in the same call or conference as before. Nothing is left
 * hanging: a leg that no call wants is hung up, and so is one whose partner has gone.
 */
export async function takeUpCalls(userAgent: UserAgent, desk: Desk): Promise<void> {
  const kept = await desk.kept.take();
  if (kept.legs.length === 0) return;
  const joined = new Set(kept.conferences.flatMap(({ participants }) => participants.map(({ leg }) => leg)));
  const wanted = joined.union(new Set(kept.calls.flatMap(({ view, legs }) => (GOES_ON.has(view.kind) ? legs : []))));
  const legs = new Map<string, SipLeg>();
  const phones = Map.groupBy(
    kept.legs.filter(({ at }) => at.kind === 'ringing'),
    ({ call }) => call,
  );
  const goOnRinging = new Set(kept.calls.filter(({ view }) => isRinging(view)).map(({ view }) => view.id));
  await Promise.all(
    kept.legs.map(async (each) => {
      if (each.at.kind === 'ringing' && goOnRinging.has(each.call ?? '')) return;
      if (!wanted.has(each.id)) return release(each, userAgent);
      const leg = await takeUpLeg(each, otherOf(each.id, kept), userAgent, desk);
      if (leg) legs.set(leg.id, leg);
    }),
  );
  for (const conference of kept.conferences) await takeUpConference(conference, legs, desk);
  const takeUp = { legs, phones, joined, userAgent };
  for (const call of kept.calls) takeUpCall(call, takeUp, desk);
  desk.log.info('calls taken up', { legs: legs.size, of: kept.legs.length, calls: kept.calls.length });
}

/** The number at the other end of a leg's call. */
function otherOf(leg: string, { calls, conferences }: Kept): string {
  const call = calls.find(({ legs }) => legs.includes(leg));
  if (call) return call.legs[0] === leg ? call.view.to.number : call.view.from.number;
  return conferences.find(({ participants }) => participants.some((each) => each.leg === leg))?.facts.number ?? '';
}

/** The leg with its far end; undefined when that is not there any more. */
async function takeUpLeg(kept: KeptLeg, other: string, userAgent: UserAgent, desk: Desk): Promise<SipLeg | undefined> {
  const giveBack = desk.lines.take(kept.trunk)?.giveBack;
  if (!giveBack) return void release(kept, userAgent);
  try {
    const isSecured = kept.at.kind === 'answered' && kept.at.dialog.isSecured;
    const media = await desk.openMedia(kept.party.number, false, isSecured ? { srtp: 'required' } : {});
    const leg = SipLeg.takenUp(kept, userAgent, media);
    leg.once('ended', giveBack);
    desk.kept.follow(leg);
    if (kept.party.account !== undefined) desk.lamps.follow(kept.party.account, leg, other);
    // Who waits for our answer needs none now; his phone knows the call by what it was told before.
    if (leg.state !== 'answered') return leg.state === 'ringing' ? leg : undefined;
    const late = desk.clock.after(RENEW_WITHIN_MS, () => void leg.hangUp('signalling-lost'));
    const isThere = await Promise.race([leg.renew(), leg.ended.then(() => false)]);
    late.cancel();
    return isThere ? leg : undefined;
  } catch (error) {
    giveBack();
    desk.log.warn('a leg could not be taken up', { legId: kept.id, number: kept.party.number, error });
    release(kept, userAgent);
    return undefined;
  }
}

/** Tells a phone that its call is over. */
function release({ at }: KeptLeg, userAgent: UserAgent): void {
  switch (at.kind) {
    case 'answered':
      return void userAgent.takeUp(at.dialog).bye({ cause: 'server-restarted' });
    case 'waiting':
      return userAgent.takeUpIncoming(at.invite).refuse(503, undefined, TEMPORARY_FAILURE);
    case 'ringing':
      return userAgent.takeUpOutgoing(at.invite).cancel('server-restarted');
  }
}

/** Who was in comes in again; what the plan wants besides, its step will do when the run is resumed. */
async function takeUpConference(kept: KeptConference, legs: ReadonlyMap<string, SipLeg>, desk: Desk): Promise<void> {
  if (!kept.participants.some(({ leg }) => legs.has(leg))) return;
  const conference = await desk.conferences.takeUp(kept, legs);
  if (kept.facts.run !== undefined) return;
  for (const id of kept.channels) {
    const channel = desk.conferences.channel(id);
    const patch = () => void (channel.isReady && !conference.hasEnded && conference.channels.patch(channel));
    const off = channel.on('changed', () => {
      if (!channel.isReady) return;
      off();
      patch();
    });
    patch();
  }
}

/** The two talk on, the phones ring on, or the one hears himself; who is in a conference has been joined there. */
function takeUpCall({ view, legs: ids }: KeptCall, kept: TakingUp, desk: Desk): void {
  const [first, second] = ids.map((id) => kept.legs.get(id));
  const call = desk.calls.takeUp(view);
  for (const leg of [first, second]) if (leg) call.legs.add(leg);
  const goOn = async (): Promise<CallEnding> => {
    if (ids.some((id) => kept.joined.has(id))) return (await first?.ended) ?? 'signalling-lost';
    switch (view.kind) {
      case 'two-party':
        if (first && isRinging(view)) return await ringOnFor(first, call, kept, desk);
        for (const phone of kept.phones.get(view.id) ?? []) release(phone, kept.userAgent);
        if (first && second) return await talk(call, [first, second], { title: titleOf(view) }, desk);
        await (first ?? second)?.hangUp('signalling-lost');
        return 'signalling-lost';
      case 'echo':
        if (first) await echo(first, desk);
        break;
      default:
        break;
    }
    return (await first?.ended) ?? 'signalling-lost';
  };
  goOn()
    .catch((error: unknown): CallEnding => {
      desk.log.error('a call could not be taken up', { callId: view.id, error });
      return 'failed';
    })
    .then((reason) => desk.calls.end(call, reason))
    .catch(() => {});
}

async function ringOnFor(caller: SipLeg, call: Call, { phones, userAgent }: TakingUp, desk: Desk): Promise<CallEnding> {
  const { id, startedAt } = call.view;
  const ringForMs = Math.max(RINGS_ON_AT_LEAST_MS, startedAt + RING_FOR_MS - desk.clock.now());
  return await connectTo(
    caller,
    call,
    (signal) => ringOn(phones.get(id) ?? [], { ringForMs, signal }, { ...desk, userAgent }),
    desk,
  );
}

const isRinging = ({ kind, state }: CallView): boolean => kind === 'two-party' && state === 'ringing';
