import type { Call } from '#calls/call-list.ts';
import type { Leg } from '#calls/leg.ts';
import type { SipLeg } from '#calls/sip-leg.ts';
import { BadMessage } from '#sip/message/bad-message.ts';
import { parseReplaces } from '#sip/session/replaces.ts';
import type { Desk } from './desk.ts';
import { mayPickUp } from './pick-up-call.ts';

/**
 * What an INVITE with Replaces wants (RFC 3891 §3): the leg whose place it takes, the call of ours that rings a phone, or the
 * status that refuses it.
 */
export type TakeOver =
  | { kind: 'leg'; leg: Leg }
  | { kind: 'ringing'; call: Call }
  | { kind: 'refused'; status: 400 | 403 | 481 | 486 | 603 };

/** Finds whose place an INVITE is to take. Only who has proven to be one of our accounts may take another's. */
export function takeOverOf(replaces: string, account: string | undefined, desk: Desk): TakeOver {
  let wanted;
  try {
    wanted = parseReplaces(replaces);
  } catch (error) {
    if (error instanceof BadMessage) return { kind: 'refused', status: 400 };
    throw error;
  }
  const leg = desk.calls.legOf(wanted);
  if (!leg) return takeRinging(desk.calls.ringingOf(wanted), account, desk);
  if (leg.state === 'ended') return { kind: 'refused', status: 603 };
  if (wanted.isEarlyOnly) return { kind: 'refused', status: 486 };
  if (account === undefined) return { kind: 'refused', status: 403 };
  return { kind: 'leg', leg };
}

/** What rings may be taken by whoever may pick it up, and by another phone of the same account. */
function takeRinging(
  ringing: { call: Call; leg: Leg } | undefined,
  account: string | undefined,
  desk: Desk,
): Exclude<TakeOver, { kind: 'leg' }> {
  if (!ringing) return { kind: 'refused', status: 481 };
  const its = ringing.leg.party.account;
  if (account === undefined || its === undefined) return { kind: 'refused', status: 403 };
  if (account !== its && !mayPickUp(account, its, desk)) return { kind: 'refused', status: 403 };
  return { kind: 'ringing', call: ringing.call };
}

/** The new leg takes the place of the other, whose far end is told by a BYE. */
export async function takeOver(by: SipLeg, leaving: Leg, desk: Desk): Promise<void> {
  const call = desk.calls.of(leaving);
  if (!call?.bridge || call.bridge.isOver || !call.bridge.other(leaving)) return await by.refuse(481, 'unreachable');
  if (!(await by.accept())) return;
  await call.bridge.replace(leaving, by);
  desk.calls.replaced(call, leaving, by);
  desk.calls.note(call, 'call.transferred', { by: leaving.party.number, to: by.party.number, after: 'consultation' });
}
