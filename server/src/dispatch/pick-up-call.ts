import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { Call } from '#calls/call-list.ts';
import type { SipLeg } from '#calls/sip-leg.ts';
import { DispatchError } from '#kernel/errors.ts';
import { callSeat } from './call-seat.ts';
import type { Actor, Desk } from './desk.ts';

/** A phone has dialled the pick-up code: alone, or with the number of the phone that rings. */
export async function pickUpByPhone(leg: SipLeg, number: string, desk: Desk): Promise<void> {
  const call = ringingFor(leg.party.account!, number, desk);
  if (!call) {
    const refusal = { by: leg.party.number, ...(number ? { of: number } : {}) };
    await desk.timeline.append({ kind: 'call.pick-up-refused', data: refusal }).catch(() => {});
    return await leg.refuse(403, 'declined');
  }
  await takeRinging(call, leg, desk);
}

/** A phone takes a call that rings elsewhere; somebody may have been faster. */
export async function takeRinging(call: Call, leg: SipLeg, desk: Desk): Promise<void> {
  if (!(await leg.accept())) return;
  if (!pickUp(call, leg, desk)) await leg.hangUp('answered-elsewhere');
}

/** Whether this account may take what rings at that one: when both are in a pick-up group. */
export function mayPickUp(account: string, ringing: string, desk: Pick<Desk, 'directory'>): boolean {
  return desk.directory.site.features.pickUpGroups.some(
    ({ accounts }) => accounts.includes(account) && accounts.includes(ringing),
  );
}

/** The user's own phone is called and takes a call that rings elsewhere. */
export async function pickUpAtDesk({ call: id }: CommandOf<'call.pick-up'>, actor: Actor, desk: Desk) {
  const call = desk.calls.get(id);
  if (!call.takeBy) throw new DispatchError('CALL_STATE', id);
  const { number, name } = call.view.from;
  const seat = await callSeat(actor, { number, name: name?.zh ?? number }, desk);
  if (pickUp(call, seat, desk, actor.user)) return;
  await seat.hangUp('answered-elsewhere');
  throw new DispatchError('CALL_STATE', id);
}

function pickUp(call: Call, leg: Parameters<NonNullable<Call['takeBy']>>[0], desk: Desk, actor?: string): boolean {
  const { number } = call.view.to;
  if (!call.takeBy?.(leg)) return false;
  const { person, name } = leg.party;
  desk.calls.change(call, {
    to: { number: leg.party.number, ...(name ? { name } : {}), ...(person ? { person } : {}) },
  });
  desk.calls.note(call, 'call.picked-up', { by: leg.party.number, from: number }, actor);
  return true;
}

/** The call that has rung longest among those that this account may take. */
function ringingFor(account: string, number: string, desk: Desk): Call | undefined {
  return desk.calls
    .all()
    .filter((call) => call.takeBy && mayPickUp(account, call.view.to.number, desk))
    .filter((call) => number === '' || call.view.to.number === number)
    .sort((a, b) => a.view.startedAt - b.view.startedAt)[0];
}
