import type { CommandOf } from '@tocsin/protocol/console.ts';
import { Aside } from '#calls/aside.ts';
import type { Call } from '#calls/call-list.ts';
import { slotsOf } from '#calls/feature-codes.ts';
import type { Leg } from '#calls/leg.ts';
import type { ParkedCall } from '#calls/parked-calls.ts';
import { DispatchError } from '#kernel/errors.ts';
import { callSeat } from './call-seat.ts';
import { comeBack } from './come-back.ts';
import type { Actor, Desk } from './desk.ts';

/** After a restart the parker is called no sooner: phones have to find us again. */
const RING_BACK_AT_LEAST_MS = 5_000;

/** What the parker hears: the slot's number, key by key, so that it can be told on. */
const WORDS = {
  zh: (slot: string) => `已停泊在 ${[...slot].join(' ')}。`,
  en: (slot: string) => `Parked at ${[...slot].join(' ')}.`,
};

/** From the desk: whoever is on `leaves`, or the user's own seat, drops out; the other waits in the slot. */
export async function parkFromDesk(
  { call: id, slot, leaves }: CommandOf<'call.park'>,
  actor: Actor,
  desk: Desk,
): Promise<{ slot: string }> {
  const call = desk.calls.get(id);
  const number = leaves ?? actor.account;
  const leaving = call.bridge?.legs().find(({ party }) => party.number === number || party.account === number);
  if (!leaving) throw new DispatchError('CALL_STATE', id);
  const parked = await park(leaving, call, desk, { ...(slot ? { slot } : {}), actor: actor.user });
  await leaving.hangUp('parked');
  return { slot: parked.slot };
}

/** From a phone, by keys or by a transfer to the park code: it is told the slot's number and then hung up. */
export async function parkByPhone(by: Leg, call: Call, desk: Desk, slot?: string): Promise<void> {
  let parked: ParkedCall;
  try {
    parked = await park(by, call, desk, slot ? { slot } : {});
  } catch (error) {
    if (!(error instanceof DispatchError)) throw error;
    return desk.calls.note(call, 'call.park-refused', { by: by.party.number, because: error.code });
  }
  await tellSlot(by, parked.slot, desk);
  await by.hangUp('parked');
}

/** Says the number of a slot to a leg that is in no talk. */
export async function tellSlot(leg: Leg, slot: string, desk: Desk): Promise<void> {
  const { language } = desk.directory.site.features;
  await using aside = await Aside.open(leg, desk.engine);
  await aside.say({ text: WORDS[language](slot), language });
}

/**
 * Takes a leg out of its call; the other hears music in a slot until somebody takes it back. When nobody does in time,
 * the parker's phone is called, again and again.
 * @throws DispatchError CALL_STATE when there are not two who talk, PARKING_FULL
 */
export async function park(
  leaving: Leg,
  call: Call,
  desk: Desk,
  { slot, actor }: { slot?: string; actor?: string },
): Promise<ParkedCall> {
  const { bridge } = call;
  const waiting = bridge?.other(leaving);
  if (!bridge || bridge.isOver || !waiting) throw new DispatchError('CALL_STATE', call.view.id);
  const by = leaving.party;
  const parked = desk.parked.take({ call, waiting, leaving, by }, slotsOf(desk.directory.site.features), slot);
  if (!parked) throw new DispatchError('PARKING_FULL', slot);
  await bridge.take(leaving);
  void bridge.ended.then(() => leaveSlot(parked, desk));
  desk.calls.note(call, 'call.parked', { by: by.number, slot: parked.slot, waiting: waiting.party.number }, actor);
  desk.calls.change(call, { parked: { slot: parked.slot, by: by.number, since: desk.clock.now() } });
  ringBackInTime(parked, desk);
  return parked;
}

/**
 * After a restart: a party waits on in its slot, or in another when that is gone; its parker is called at the time that was
 * set before. False when there is no slot for it any more.
 */
export function parkAgain(call: Call, waiting: Leg, leaving: Leg, desk: Desk): boolean {
  const { slot: earlier, since } = call.view.parked!;
  const facts = { call, waiting, leaving, by: leaving.party };
  const slots = slotsOf(desk.directory.site.features);
  const parked = desk.parked.take(facts, slots, earlier) ?? desk.parked.take(facts, slots);
  if (!parked) return false;
  void waiting.ended.then(() => leaveSlot(parked, desk));
  desk.calls.change(call, { parked: { slot: parked.slot, by: leaving.party.number, since } });
  ringBackInTime(parked, desk, desk.clock.now() - since);
  return true;
}

/** Puts an answered leg to whoever waits in a slot. */
export async function retrieve(parked: ParkedCall, leg: Leg, desk: Desk, actor?: string): Promise<void> {
  const { call, leaving, slot } = parked;
  if (!leaveSlot(parked, desk)) throw new DispatchError('CALL_STATE', call.view.id);
  await call.bridge!.add(leg);
  desk.calls.replaced(call, leaving, leg);
  desk.calls.note(call, 'call.retrieved', { by: leg.party.number, slot }, actor);
}

/** The user's own phone is called and takes the parked call. */
export async function retrieveAtDesk({ call: id }: CommandOf<'call.retrieve'>, actor: Actor, desk: Desk) {
  const parked = desk.parked.of(desk.calls.get(id));
  if (!parked) throw new DispatchError('CALL_STATE', id);
  const { number, name } = parked.waiting.party;
  const seat = await callSeat(actor, { number, name: name?.zh ?? number }, desk);
  await retrieve(parked, seat, desk, actor.user).catch(async (error: unknown) => {
    await seat.hangUp('answered-elsewhere');
    throw error;
  });
}

function leaveSlot(parked: ParkedCall, desk: Desk): boolean {
  if (!desk.parked.leave(parked)) return false;
  desk.calls.change(parked.call, { parked: undefined });
  return true;
}

function ringBackInTime(parked: ParkedCall, desk: Desk, waitedMs = 0): void {
  const { ringBackS } = desk.directory.site.features.parking;
  desk.parked.after(parked, desk.clock, Math.max(ringBackS * 1000 - waitedMs, RING_BACK_AT_LEAST_MS), () => {
    void ringBack(parked, desk).catch((error: unknown) =>
      desk.log.error('parked call does not ring back', { callId: parked.call.view.id, error }),
    );
  });
}

/** Whoever takes it back while the parker's phone rings has it; the ringing then ends. */
async function ringBack(parked: ParkedCall, desk: Desk): Promise<void> {
  const { call, waiting, leaving } = parked;
  desk.calls.note(call, 'call.parked-too-long', { by: parked.by.number, slot: parked.slot });
  const outcome = await comeBack(leaving, waiting, call, desk, {
    isStillWanted: () => leaveSlot(parked, desk),
    signal: parked.left.signal,
  });
  if (outcome.kind !== 'answered' && desk.parked.in(parked.slot) === parked) ringBackInTime(parked, desk);
}
