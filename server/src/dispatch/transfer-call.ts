import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { Call } from '#calls/call-list.ts';
import type { DialOutcome, Leg, TransferRequest } from '#calls/leg.ts';
import { DispatchError } from '#kernel/errors.ts';
import { parseReplaces } from '#sip/session/replaces.ts';
import { sleep } from '#kernel/clock.ts';
import { featureOf } from '#calls/feature-codes.ts';
import { comeBack } from './come-back.ts';
import { dialFor } from './dial-for.ts';
import type { Actor, Desk } from './desk.ts';
import { park, tellSlot } from './park-call.ts';

/** How long the third party may ring. */
const RING_FOR_MS = 60_000;
/** A phone that is told of a failed transfer may hang up at once; longer than this and it has gone back to its talk. */
const GOES_BACK_AFTER_MS = 1_500;

/** Who wants it, for the timeline: a phone by its number, or a user at a desk. */
interface By {
  by: string;
  actor?: string;
}

/** A phone of the call asks by REFER to be replaced. */
export function handOnAsAsked(asker: Leg, request: TransferRequest, call: Call, desk: Desk): void {
  // Only our own phones may send calls to where it costs money.
  if (asker.party.account === undefined) return request.refuse(403);
  const handing =
    request.replaces === undefined ? blind(asker, request, call, desk) : joined(asker, request, call, desk);
  handing.catch((error: unknown) => desk.log.error('transfer failed', { callId: call.view.id, error }));
}

async function blind(asker: Leg, request: TransferRequest, call: Call, desk: Desk): Promise<void> {
  const feature = featureOf(request.number, desk.directory.site.features);
  if (feature?.feature === 'park') return await parkAsAsked(asker, request, feature.rest, call, desk);
  const progress = request.accept();
  await handOn(asker, request.number, { by: asker.party.number }, call, desk, {
    onRinging: () => progress.tell(180, 'Ringing'),
    async onSettled(outcome) {
      progress.tell(...statusOf(outcome));
      if (outcome.kind !== 'answered') await sleep(desk.clock, GOES_BACK_AFTER_MS, asker.gone).catch(() => {});
    },
  });
}

/** A transfer to the park code: the phone is told that it is done, and shows or says where by itself if it can. */
async function parkAsAsked(asker: Leg, request: TransferRequest, slot: string, call: Call, desk: Desk): Promise<void> {
  const parked = await park(asker, call, desk, slot ? { slot } : {}).catch((error: unknown) => {
    if (error instanceof DispatchError) return undefined;
    throw error;
  });
  if (!parked) return request.refuse(486);
  const progress = request.accept();
  await tellSlot(asker, parked.slot, desk);
  progress.tell(200, 'OK');
  await asker.hangUp('parked');
}

/** The desk hands a party on: whoever is on `leaves`, or the actor's own seat, drops out. */
export async function transferCall({ call: id, to, leaves }: CommandOf<'call.transfer'>, actor: Actor, desk: Desk) {
  const call = desk.calls.get(id);
  const number = leaves ?? actor.account;
  const leaving = call.bridge?.legs().find(({ party }) => party.number === number || party.account === number);
  if (!leaving) throw new DispatchError('CALL_STATE', id);
  void handOn(leaving, to, { by: leaving.party.number, actor: actor.user }, call, desk).catch((error: unknown) =>
    desk.log.error('transfer failed', { callId: id, error }),
  );
}

/**
 * Hands the partner of a leg on to a number: he hears music until it answers. When it does not, he comes back to whoever
 * handed him on, who is called again if he has hung up. Resolves when it is settled where the partner is.
 */
export async function handOn(
  asker: Leg,
  number: string,
  { by, actor }: By,
  call: Call,
  desk: Desk,
  { onRinging, onSettled }: { onRinging?: () => void; onSettled?: (outcome: DialOutcome) => Promise<void> } = {},
): Promise<DialOutcome> {
  const bridge = call.bridge;
  const partner = bridge?.other(asker);
  if (!bridge || !partner) return { kind: 'cancelled' };
  desk.calls.note(call, 'call.transfer-asked', { by, to: number }, actor);
  await bridge.take(asker);
  const outcome = await dialFor(asker, number, desk, {
    from: partner.party,
    ringForMs: RING_FOR_MS,
    signal: partner.gone,
    ...(onRinging ? { onRinging } : {}),
  });
  if (outcome.kind === 'answered') {
    await bridge.add(outcome.leg);
    desk.calls.replaced(call, asker, outcome.leg);
    desk.calls.note(call, 'call.transferred', { by, to: number }, actor);
    await onSettled?.(outcome);
    await asker.hangUp('transferred');
    return outcome;
  }
  desk.calls.note(call, 'call.transfer-failed', { by, to: number, because: outcome.kind }, actor);
  // Told first: a phone may hang up when it hears that, and the call then comes back to it as a new one.
  await onSettled?.(outcome);
  if (bridge.isOver) await asker.hangUp('transferred');
  else if (asker.state === 'ended') await comeBackOrEnd(asker, partner, call, desk);
  else await bridge.add(asker);
  return outcome;
}

/** Nobody took the call that was handed on, and whoever handed it on has hung up. */
async function comeBackOrEnd(asker: Leg, partner: Leg, call: Call, desk: Desk): Promise<void> {
  const outcome = await comeBack(asker, partner, call, desk);
  if (outcome.kind !== 'answered') await partner.hangUp('nobody-answered');
}

/** The phone has talked with both: its partner in this call and its partner in the other are joined. */
async function joined(asker: Leg, request: TransferRequest, call: Call, desk: Desk): Promise<void> {
  const partner = call.bridge?.other(asker);
  const other = replacedLeg(request.replaces!, desk);
  const otherCall = other && desk.calls.of(other);
  if (!partner || !call.bridge) return request.refuse(481);
  if (!other || !otherCall?.bridge) return await joinedElsewhere(asker, request, call, desk);
  // What one account set up, another may not take apart.
  if (other.party.account !== asker.party.account) return request.refuse(403);
  const third = otherCall.bridge.other(other);
  if (!third) return request.refuse(481);
  const progress = request.accept();
  await joinPartners({ asker, call }, { asker: other, call: otherCall }, desk);
  progress.tell(200, 'OK');
}

/** Two calls of one party become one between his partners; he is in neither. */
export async function joinPartners(
  first: { asker: Leg; call: Call },
  second: { asker: Leg; call: Call },
  desk: Desk,
): Promise<void> {
  const third = second.call.bridge!.other(second.asker)!;
  const by = first.asker.party.number;
  desk.calls.note(first.call, 'call.transferred', { by, to: third.party.number, after: 'consultation' });
  desk.calls.note(second.call, 'call.transferred', { by, into: first.call.view.id });
  await second.call.bridge!.take(third);
  second.call.legs.delete(third);
  await first.call.bridge!.take(first.asker);
  await first.call.bridge!.add(third);
  desk.calls.replaced(first.call, first.asker, third);
  await Promise.all([first.asker.hangUp('transferred'), second.asker.hangUp('transferred')]);
}

/** What is to be taken over is not a talk of two of ours: it is dialled, and the dialog goes along for its owner (RFC 3891). */
async function joinedElsewhere(asker: Leg, request: TransferRequest, call: Call, desk: Desk): Promise<void> {
  const other = replacedLeg(request.replaces!, desk);
  if (!other) return await takeOverFar(asker, request, call, desk);
  // It still rings: that is rung anew for the partner.
  const number = desk.calls.of(other)?.view.to.number ?? request.number;
  await other.hangUp('transferred');
  await blind(asker, { ...request, number }, call, desk);
}

async function takeOverFar(asker: Leg, request: TransferRequest, call: Call, desk: Desk): Promise<void> {
  const bridge = call.bridge!;
  const partner = bridge.other(asker)!;
  const progress = request.accept();
  await bridge.take(asker);
  const outcome = await dialFor(asker, request.number, desk, {
    from: partner.party,
    ringForMs: RING_FOR_MS,
    signal: partner.gone,
    replaces: request.replaces!,
  });
  if (outcome.kind === 'answered') {
    await bridge.add(outcome.leg);
    desk.calls.replaced(call, asker, outcome.leg);
    desk.calls.note(call, 'call.transferred', { by: asker.party.number, to: request.number, after: 'consultation' });
    progress.tell(200, 'OK');
    return await asker.hangUp('transferred');
  }
  progress.tell(...statusOf(outcome));
  if (asker.state === 'ended') await comeBackOrEnd(asker, partner, call, desk);
  else if (!bridge.isOver) await bridge.add(asker);
}

/** The leg that a Replaces means; undefined when it is none of ours or malformed. */
function replacedLeg(replaces: string, desk: Desk): Leg | undefined {
  try {
    return desk.calls.legOf(parseReplaces(replaces));
  } catch {
    return undefined;
  }
}

/** What the phone that asked is told (RFC 3515 §2.4.5). */
function statusOf(outcome: DialOutcome): [status: number, words: string] {
  switch (outcome.kind) {
    case 'answered':
      return [200, 'OK'];
    case 'busy':
      return [486, 'Busy Here'];
    case 'refused':
      return [603, 'Decline'];
    case 'unanswered':
      return [480, 'Temporarily Unavailable'];
    case 'unreachable':
      if (outcome.why === 'unknown-number') return [404, 'Not Found'];
      return outcome.why === 'not-registered' ? [480, 'Temporarily Unavailable'] : [503, 'Service Unavailable'];
    case 'cancelled':
      return [487, 'Request Terminated'];
  }
}
