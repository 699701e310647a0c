import type { DialledCode } from '@tocsin/protocol/features.ts';
import type { WantedFeature } from '#calls/feature-codes.ts';
import type { SipLeg } from '#calls/sip-leg.ts';
import { DispatchError } from '#kernel/errors.ts';
import { bookForPhone } from './book-call.ts';
import { campOnByPhone } from './camp-on.ts';
import {
  callWaiting,
  doNotDisturb,
  followMe,
  forwardAlways,
  forwardBusy,
  forwardNoAnswer,
  forwardUnreachable,
  keepNumber,
} from './call-settings-codes.ts';
import type { Desk } from './desk.ts';
import { park, retrieve, tellSlot } from './park-call.ts';
import { preEmptByPhone, superviseByPhone } from './supervise.ts';
import { pickUpByPhone } from './pick-up-call.ts';

/** What our phones can do by dialling a code; `rest` is what was dialled behind it. */
const DIALLED: { [Code in DialledCode]: (leg: SipLeg, rest: string, desk: Desk) => Promise<void> } = {
  park: parkHeld,
  retrieve: retrieveByPhone,
  pickUp: pickUpByPhone,
  campOn: campOnByPhone,
  book: bookForPhone,
  listen: superviseByPhone('listen'),
  whisper: superviseByPhone('whisper'),
  barge: superviseByPhone('barge'),
  preEmpt: preEmptByPhone,
  forwardAlways,
  forwardBusy,
  forwardNoAnswer,
  forwardUnreachable,
  doNotDisturb,
  callWaiting,
  followMe,
  // A code that keeps a number has led there before it came to this.
  speedDial: (leg) => leg.refuse(404, 'unreachable'),
  keepNumber,
};

/** A phone of ours has dialled a code. */
export async function useFeature(leg: SipLeg, { feature, rest }: WantedFeature, desk: Desk): Promise<void> {
  try {
    await DIALLED[feature](leg, rest, desk);
  } catch (error) {
    if (!(error instanceof DispatchError)) throw error;
    desk.log.info('feature refused', { by: leg.party.number, feature, code: error.code });
    if (leg.state === 'answered') await leg.hangUp('declined');
    else await leg.refuse(error.code === 'RIGHT_MISSING' ? 403 : 480, 'declined');
  }
}

/** The call that this phone holds goes to a slot, and the phone is told which. */
async function parkHeld(leg: SipLeg, slot: string, desk: Desk): Promise<void> {
  const held = desk.calls
    .all()
    .flatMap((call) => call.bridge?.legs().map((each) => ({ call, each })) ?? [])
    .find(({ each }) => each.party.account === leg.party.account && each.isHeldByPeer);
  if (!held) return await leg.refuse(404, 'unreachable');
  const parked = await park(held.each, held.call, desk, slot ? { slot } : {});
  await held.each.hangUp('parked');
  if (!(await leg.accept())) return;
  await tellSlot(leg, parked.slot, desk);
  await leg.hangUp('parked');
}

async function retrieveByPhone(leg: SipLeg, slot: string, desk: Desk): Promise<void> {
  const parked = slot ? desk.parked.in(slot) : desk.parked.lastBy(leg.party.account!);
  if (!parked) return await leg.refuse(404, 'unreachable');
  if (await leg.accept()) await retrieve(parked, leg, desk);
}
