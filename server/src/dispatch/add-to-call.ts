import type { CommandOf } from '@tocsin/protocol/console.ts';
import { Aside } from '#calls/aside.ts';
import type { Call, Elsewhere } from '#calls/call-list.ts';
import type { Conference } from '#calls/conference.ts';
import type { Leg } from '#calls/leg.ts';
import { DispatchError } from '#kernel/errors.ts';
import { mayDial } from './dial-for.ts';
import type { Actor, Desk } from './desk.ts';
import { addTargets, BY_HAND } from './hold-conference.ts';

/** From the desk: others are called into a talk of two. */
export async function addToCall({ call: id, targets }: CommandOf<'call.add'>, actor: Actor, desk: Desk) {
  const call = desk.calls.get(id);
  const conference = call.view.conference
    ? desk.conferences.get(call.view.conference)
    : await becomeConference(call, actor.user, desk);
  desk.calls.note(call, 'call.party-added', { targets }, actor.user);
  addTargets(conference, targets, desk);
  return { conference: conference.id };
}

/** From a phone: whom it dials after the code is called into the talk. */
export async function addByKeys(by: Leg, call: Call, desk: Desk): Promise<void> {
  const bridge = call.bridge;
  const partner = bridge?.other(by);
  if (!bridge || !partner) return;
  await bridge.take(by);
  const number = await askNumber(by, desk);
  if (by.state === 'ended') return await partner.hangUp(await by.ended);
  if (bridge.isOver) return await by.hangUp(await partner.ended);
  await bridge.add(by);
  if (number === undefined || !mayDial(by, number, desk)) return;
  const conference = await becomeConference(call, by.party.number, desk);
  desk.calls.note(call, 'call.party-added', { by: by.party.number, to: number });
  conference.add({ number, ...BY_HAND });
}

async function askNumber(by: Leg, desk: Desk): Promise<string | undefined> {
  await using aside = await Aside.open(by, desk.engine);
  return await aside.askNumber(desk.clock);
}

/**
 * The two of a call go on in a conference. It becomes a call of two again when two are left, whoever they are: neither
 * hears a gap, and when one of them hangs up the other is free.
 * @throws DispatchError CALL_STATE when they are not two, LINES_EXHAUSTED when every room is in use
 */
async function becomeConference(call: Call, openedBy: string, desk: Desk): Promise<Conference> {
  const { bridge } = call;
  const [one, two] = bridge?.legs() ?? [];
  if (!bridge || bridge.isOver || !one || !two) throw new DispatchError('CALL_STATE', call.view.id);
  const { from, to } = call.view;
  const conference = await desk.conferences.open({
    name: { zh: `${from.number} 与 ${to.number}`, en: `${from.number} and ${to.number}` },
    isDrill: false,
    isRecorded: true,
    openedBy,
  });
  call.elsewhere = untilTwoAreLeft(call, conference, desk);
  await bridge.take(one, two);
  for (const leg of [one, two]) {
    const person = leg.party.person === undefined ? undefined : desk.directory.person(leg.party.person);
    await conference.join(leg, {
      kind: person ? 'person' : 'number',
      name: leg.party.name ?? { zh: leg.party.number },
      ...(person ? { person: person.id, role: person.title } : {}),
      bearer: person?.numbers.find(({ dial }) => dial === leg.party.number)?.kind ?? 'desk',
      call: call.view.id,
    });
  }
  desk.calls.change(call, { conference: conference.id });
  return conference;
}

/** Resolves when a third who was called in has gone, or never came, and nobody else is expected. */
function untilTwoAreLeft(call: Call, conference: Conference, desk: Desk): Promise<Elsewhere> {
  const elsewhere = Promise.withResolvers<Elsewhere>();
  let wereThree = false;
  const look = () => {
    const here = conference.participants().filter(({ isOut }) => !isOut);
    wereThree ||= here.length > 2;
    if (!wereThree || here.length > 2 || conference.hasEnded) return;
    off();
    if (here.length < 2 || !here.every(({ isIn }) => isIn) || here.some(({ view }) => view.kind === 'channel'))
      return void conference.end('everybody-left');
    void goOnAsTwo(call, conference, desk).then(elsewhere.resolve, elsewhere.reject);
  };
  const off = conference.on('changed', look);
  conference.once('ended', (because) => {
    if (because === 'two-left') return;
    desk.calls.change(call, { conference: undefined });
    elsewhere.resolve({ kind: 'over', reason: 'conference-ended' });
  });
  return elsewhere.promise;
}

async function goOnAsTwo(call: Call, conference: Conference, desk: Desk): Promise<Elsewhere> {
  const [one, two] = await conference.release();
  desk.calls.change(call, { conference: undefined });
  if (!one || !two) return { kind: 'over', reason: 'conference-ended' };
  desk.calls.note(call, 'call.two-again', { between: [one.party.number, two.party.number] });
  const { sides } = call;
  // Whoever began the call stays its caller; a third has taken the place of the one who left.
  const [from, to] = two === sides.from || one === sides.to ? [two, one] : [one, two];
  if (sides.from && sides.from !== from) desk.calls.replaced(call, sides.from, from);
  if (sides.to && sides.to !== to) desk.calls.replaced(call, sides.to, to);
  return { kind: 'back', legs: [from, to] };
}
