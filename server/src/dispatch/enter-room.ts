import { Keypad } from '#calls/keypad.ts';
import { Aside } from '#calls/aside.ts';
import type { Call } from '#calls/call-list.ts';
import type { HangUpReason } from '#calls/leg.ts';
import { askForPin, DOOR_WORDS } from '#calls/room-door.ts';
import type { SipLeg } from '#calls/sip-leg.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Desk } from './desk.ts';

/** Somebody has dialled a conference room. Where it asks for no PIN, a room that is full or locked rings nobody in. */
export async function enterRoom(caller: SipLeg, call: Call, number: string, desk: Desk): Promise<void> {
  const room = desk.conferences.roomOf(number);
  const isGuarded = room?.pin !== undefined || room?.chairPin !== undefined;
  const closed = closedBecause(number, desk);
  if (closed && !isGuarded) return await turnAway(caller, call, closed, desk);
  if (!(await caller.accept())) return;
  const isSeat = desk.directory.account(caller.party.account ?? '')?.kind === 'seat';
  const isChair = isGuarded ? await passDoor(caller, call, room, desk) : isSeat;
  if (isChair === undefined) return;

  const conference = await desk.conferences.room(number, caller.party.person ?? caller.party.number);
  desk.calls.answered(call, { conference: conference.id });
  const person = caller.party.person === undefined ? undefined : desk.directory.person(caller.party.person);
  try {
    await conference.join(caller, {
      kind: isSeat ? 'seat' : person ? 'person' : 'number',
      name: person?.name ?? caller.party.name ?? { zh: caller.party.number },
      ...(person ? { person: person.id, role: person.title } : {}),
      bearer: isSeat ? 'browser' : (person?.numbers.find((each) => each.dial === caller.party.number)?.kind ?? 'desk'),
      isChair,
    });
  } catch (error) {
    if (!(error instanceof DispatchError)) throw error;
    await turnAway(caller, call, 'conference-full', desk);
  }
}

/** Asks for the PIN. True: a chair; false: not; undefined: he does not come in, and knows why. */
async function passDoor(
  caller: SipLeg,
  call: Call,
  room: { number: string; pin?: string | undefined; chairPin?: string | undefined },
  desk: Desk,
): Promise<boolean | undefined> {
  const { engine, clock, calls } = desk;
  await using aside = await Aside.open(caller, engine);
  const keypad = new Keypad(caller, { aside, engine, clock });
  const admission = await askForPin(
    room,
    (words) => keypad.ask(words),
    (tries) => calls.note(call, 'conference.pin-wrong', { number: room.number, from: caller.party.number, tries }),
  );
  keypad.close();
  if (admission.kind === 'gone') return void (await caller.hangUp('abandoned'));
  if (admission.kind === 'wrong-pin') {
    await aside.say(DOOR_WORDS.goodbye);
    return void (await caller.hangUp('wrong-pin'));
  }
  // The chair may enter his own room though it is locked.
  const closed = closedBecause(room.number, desk);
  if (closed === undefined || (closed === 'conference-locked' && admission.isChair)) return admission.isChair;
  await aside.say(closed === 'conference-full' ? DOOR_WORDS.full : DOOR_WORDS.locked);
  return void (await turnAway(caller, call, closed, desk));
}

function closedBecause(
  number: string,
  desk: Desk,
): Extract<HangUpReason, 'conference-full' | 'conference-locked'> | undefined {
  const conference = desk.conferences.byNumber(number);
  if (conference?.chair.isLocked) return 'conference-locked';
  return conference?.isFull ? 'conference-full' : undefined;
}

/** A caller who has been answered already is hung up on; another is refused: 403 where it is locked, 486 where it is full. */
async function turnAway(
  caller: SipLeg,
  call: Call,
  because: Extract<HangUpReason, 'conference-full' | 'conference-locked'>,
  desk: Desk,
): Promise<void> {
  desk.calls.note(call, 'conference.turned-away', { number: call.view.to.number, from: caller.party.number, because });
  if (caller.state === 'answered') return await caller.hangUp(because);
  await caller.refuse(because === 'conference-full' ? 486 : 403, because);
}
