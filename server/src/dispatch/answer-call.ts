import type { Words } from '@tocsin/protocol/reaching.ts';
import type { CallView } from '@tocsin/protocol/views.ts';
import type { Call } from '#calls/call-list.ts';
import type { DialOutcome, HangUpReason, Leg, Party } from '#calls/leg.ts';
import { route } from '#calls/routing/route.ts';
import type { Destination } from '#calls/routing/routing.ts';
import { ECHO_NUMBER } from '#calls/routing/stages/echo-test.ts';
import { srtpFor } from '#calls/media-security.ts';
import { SipLeg } from '#calls/sip-leg.ts';
import { statusOf } from '#calls/trunks/causes.ts';
import { LIMITS } from '#kernel/limits.ts';
import type { IncomingInvite } from '#sip/session/incoming-invite.ts';
import { hasTwoCalls } from './call-waiting.ts';
import type { Desk } from './desk.ts';
import { isUrgentFrom } from './dial-for.ts';
import { enterChannel } from './enter-channel.ts';
import { enterRoom } from './enter-room.ts';
import { limitCall } from './limit-call.ts';
import { EarlyMedia } from './early-media.ts';
import { takeRinging } from './pick-up-call.ts';
import { readCall } from './read-call.ts';
import { ringCallee } from './ring-callee.ts';
import { takeOver, takeOverOf } from './take-over-call.ts';
import { talk } from './talk.ts';
import { useFeature } from './use-feature.ts';

/** How long a called phone rings before the caller is told that nobody answers. */
export const RING_FOR_MS = 60_000;

/** What a call is called that is no talk of two. */
const KINDS: Partial<Record<Destination['kind'], CallView['kind']>> = {
  room: 'conference',
  echo: 'echo',
  channel: 'channel',
};

/** Q.850: the call is not wanted, though the called party could take it. */
const CALL_REJECTED = 21;

/** Somebody has dialled: find out what the number means, and put the caller through. */
export async function answerCall(invite: IncomingInvite, desk: Desk): Promise<void> {
  const { question, line, isAnonymous } = readCall(invite, desk);
  const { destination, facts } = route(question, desk.routingBook);
  const region = desk.directory.site.regions.find(({ id }) => id === facts.region)?.name;
  const from = {
    ...callerOf(invite, facts.calling, desk),
    ...(region ? { region } : {}),
    ...(isAnonymous ? { isAnonymous } : {}),
    ...(facts.vip ? { isVip: true, vip: facts.vip } : {}),
  };
  const number = facts.called;
  if (invite.replaces !== undefined) return await takeTheirPlace(invite, invite.replaces, from, desk);
  if (destination.kind === 'unknown') {
    await noteRefusal(desk, from, number, 'unknown-number');
    return invite.refuse(404);
  }
  if (destination.kind === 'refused') {
    if (destination.because === 'barred') desk.countMisdeed(invite.source.host, 'barredCalls');
    await noteRefusal(desk, from, number, destination.because, { words: destination.words });
    return invite.refuse(403, undefined, CALL_REJECTED);
  }
  if (desk.calls.running >= LIMITS.callsAtOnce) {
    await noteRefusal(desk, from, number, 'line-limit');
    return invite.refuse(503, undefined, 34);
  }

  const caller = await takeUp(invite, from, line, desk);
  if (!caller) return;
  if (destination.kind === 'feature') return await useFeature(caller, destination, desk);
  const to = desk.directory.personByNumber(number);
  const call = desk.calls.begin(
    {
      kind: KINDS[destination.kind] ?? 'two-party',
      from,
      to: { number, ...(to ? { person: to.id, name: to.name } : {}) },
      ...(invite.trunk === undefined ? {} : { trunk: invite.trunk }),
    },
    caller,
  );
  const reason = await putThrough(caller, call, destination, invite.source.host, desk).catch(async (error: unknown) => {
    await caller.hangUp('signalling-lost');
    desk.calls.end(call, 'failed');
    throw error;
  });
  desk.calls.end(call, reason);
}

/** Resolves with the reason when the call is over. */
async function putThrough(
  caller: SipLeg,
  call: Call,
  destination: Destination,
  source: string,
  desk: Desk,
): Promise<HangUpReason> {
  switch (destination.kind) {
    case 'echo':
      await takeEcho(caller, call, desk);
      break;
    case 'room':
      await enterRoom(caller, call, destination.number, desk);
      break;
    case 'channel':
      await enterChannel(caller, call, destination.id, desk);
      break;
    case 'account':
    case 'trunk':
    case 'group':
      return await connect(caller, call, destination, source, desk);
    case 'refused':
    case 'feature':
    case 'unknown':
      break;
  }
  return await caller.ended;
}

/** A phone wants the place of another leg, with which its user has talked (RFC 3891). */
async function takeTheirPlace(invite: IncomingInvite, replaces: string, from: Party, desk: Desk): Promise<void> {
  const place = takeOverOf(replaces, invite.account, desk);
  if (place.kind === 'refused') return invite.refuse(place.status);
  const leg = await takeUp(invite, from, undefined, desk);
  if (!leg) return;
  if (place.kind === 'ringing') await takeRinging(place.call, leg, desk);
  else await takeOver(leg, place.leg, desk);
}

async function takeEcho(caller: SipLeg, call: Call, desk: Desk): Promise<void> {
  if (!(await caller.accept())) return;
  desk.calls.answered(call);
  await echo(caller, desk);
}

/** The caller hears himself. */
export async function echo(caller: Pick<Leg, 'node' | 'ended'>, desk: Desk): Promise<void> {
  const bridge = await desk.engine.openBridge({ label: `echo ${ECHO_NUMBER}` });
  await bridge.add(caller.node, { hears: [caller.node.id] });
  await caller.ended;
  await bridge.close();
}

/**
 * Rings the called party and lets the two talk. `begun`: what has rung since before a restart; undefined when the search has
 * to go on behind it.
 */
export async function connect(
  caller: SipLeg,
  call: Call,
  way: Extract<Destination, { kind: 'account' | 'trunk' | 'group' }>,
  source: string | undefined,
  desk: Desk,
  begun: (signal: AbortSignal) => Promise<DialOutcome | undefined> = async () => undefined,
): Promise<HangUpReason> {
  const { number } = call.view.to;
  await using early = new EarlyMedia(caller, desk);
  const { isAnonymous, account, trunk } = caller.party;
  const dial = (signal: AbortSignal) =>
    desk.seeker.seek(number, way, {
      ringForMs: RING_FOR_MS,
      isUrgent: isUrgentFrom(caller.party, desk),
      note: (kind, data) => desk.calls.note(call, kind, data),
      from: {
        number: caller.party.number,
        ...(caller.party.name ? { name: caller.party.name.zh } : {}),
        ...(isAnonymous ? { isAnonymous } : {}),
      },
      party: { number, ...(call.view.to.person ? { person: call.view.to.person, name: call.view.to.name! } : {}) },
      asks: {
        ...(account === undefined ? {} : { account }),
        ...(trunk === undefined ? {} : { trunk }),
        ...(source === undefined ? {} : { source }),
      },
      call: call.view.id,
      signal,
      like: caller.offeredCodecs,
      onRinging: () => early.ring(),
      onEarlyMedia: (far) => early.hear(far),
      onWaiting: () => early.wait(desk.directory.site.features.language),
    });
  const dialAndTell = async (signal: AbortSignal) => {
    const outcome = (await begun(signal)) ?? (await dial(signal));
    await early.stopWaiting();
    return outcome;
  };
  return await connectTo(caller, call, dialAndTell, desk);
}

/** Lets the caller talk with whom `dial` reaches, or tells him why not. */
export async function connectTo(
  caller: SipLeg,
  call: Call,
  dial: (signal: AbortSignal) => Promise<DialOutcome>,
  desk: Desk,
): Promise<HangUpReason> {
  const outcome = await ringCallee(call, caller, dial);
  if (outcome.kind !== 'answered') {
    const cause = 'cause' in outcome ? outcome.cause : undefined;
    if (cause) call.view.cause = cause;
    const [status, reason] = refusalOf(outcome);
    await caller.refuse(cause ? statusOf(cause) : status, reason, { q850: cause?.q850 });
    return await caller.ended;
  }
  if (outcome.via) call.view.trunk = outcome.via.trunk;
  const callee = outcome.leg;
  call.legs.add(callee);
  if (!(await caller.accept(callee instanceof SipLeg ? callee : undefined))) {
    if (!hasTwoCalls(callee)) await callee.hangUp('abandoned');
    return await caller.ended;
  }
  desk.calls.answered(call);
  const { talkLimitS } = desk.directory.account(caller.party.account ?? '') ?? {};
  if (talkLimitS) limitCall(call, talkLimitS * 1000, desk);
  const greeting = caller.party.account === undefined ? greetingOf(callee.party, desk) : undefined;
  const title = titleOf(call.view);
  return await talk(call, [caller, callee], { title, ...(greeting ? { greeting } : {}) }, desk);
}

/** What callers from outside hear of this account first: who serves them. */
function greetingOf({ account }: Party, desk: Desk): Words | undefined {
  const text = desk.directory.account(account ?? '')?.greeting;
  const { language } = desk.directory.site.features;
  return text === undefined ? undefined : { text: text.replaceAll('{number}', [...account!].join(' ')), language };
}

/** What a recording of the call is called. */
export const titleOf = ({ from, to }: CallView): string => `${from.number} → ${to.number}`;

/** What a caller is told who does not get through. */
function refusalOf(outcome: Exclude<DialOutcome, { kind: 'answered' }>): [status: number, reason: HangUpReason] {
  switch (outcome.kind) {
    case 'busy':
      return [486, 'busy'];
    case 'refused':
      return [603, 'declined'];
    case 'unanswered':
      return [480, 'nobody-answered'];
    case 'unreachable':
      if (outcome.why === 'no-lines') return [503, 'line-limit'];
      return [outcome.why === 'unknown-number' ? 404 : 480, 'unreachable'];
    case 'cancelled':
      // He has hung up himself: there is nobody left to tell.
      return [487, 'abandoned'];
  }
}

/** Gives the caller a leg; undefined when there is no media for it, and he has been told so. */
async function takeUp(
  invite: IncomingInvite,
  from: Party,
  line: string | undefined,
  desk: Desk,
): Promise<SipLeg | undefined> {
  const srtp = srtpFor(desk.directory.account(from.account ?? ''), invite.source.transport);
  if (srtp === 'needs-tls') {
    await noteRefusal(desk, from, invite.dialled, 'srtp-needs-tls');
    invite.refuse(488, 'SRTP is required, and its keys need TLS');
    return undefined;
  }
  const taken = desk.lines.take(invite.trunk, {
    ...{ direction: 'in', number: from.number },
    ...(line === undefined ? {} : { line }),
  });
  if (!taken) {
    await noteRefusal(desk, from, invite.dialled, 'trunk-full');
    invite.refuse(503, undefined, 34);
    return undefined;
  }
  try {
    const media = await desk.openMedia(from.number, invite.isWebSocket, { srtp });
    const leg = SipLeg.inbound(desk.chance.id('leg'), from, invite, media);
    leg.trunk = invite.trunk;
    leg.once('ended', () => taken.giveBack());
    if (from.account !== undefined) desk.lamps.follow(from.account, leg, invite.dialled);
    desk.kept.follow(leg);
    return leg;
  } catch (error) {
    taken.giveBack();
    desk.log.warn('no media for an incoming call', { from: from.number, error });
    await noteRefusal(desk, from, invite.dialled, 'no-media');
    invite.refuse(503, undefined, 34);
    return undefined;
  }
}

/** Who calls: the account he has proven to be, or the number that the trunk tells. */
function callerOf(invite: IncomingInvite, number: string, desk: Desk): Party {
  const person = desk.directory.personByNumber(number);
  const name = person?.name ?? (invite.from.displayName ? { zh: invite.from.displayName.slice(0, 80) } : undefined);
  return {
    number,
    ...(name ? { name } : {}),
    ...(person ? { person: person.id } : {}),
    ...(invite.account ? { account: invite.account } : {}),
    ...(invite.trunk === undefined ? {} : { trunk: invite.trunk }),
  };
}

async function noteRefusal(
  desk: Desk,
  from: Party,
  number: string,
  because: string,
  more: Record<string, unknown> = {},
): Promise<void> {
  desk.log.info('call refused', { from: from.number, to: number, because });
  await desk.timeline
    .append({ kind: 'call.refused', data: { from: from.number, to: number, because, ...more } })
    .catch((error: unknown) => desk.log.error('timeline entry lost', { error }));
}
