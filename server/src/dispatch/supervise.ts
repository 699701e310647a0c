import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { Call } from '#calls/call-list.ts';
import type { Leg, Party } from '#calls/leg.ts';
import type { SipLeg } from '#calls/sip-leg.ts';
import type { Supervised, SupervisionMode } from '#calls/supervision.ts';
import { type Authority, standsAbove } from '#directory/rights.ts';
import { DispatchError } from '#kernel/errors.ts';
import { noteSoon } from '#timeline/note-soon.ts';
import { callSeat } from './call-seat.ts';
import type { Actor, Desk } from './desk.ts';

/** The talk that somebody wants to supervise, and everybody who is in it. */
interface Talk extends Supervised {
  legs: Leg[];
}

/** The supervisor's own phone is called and put where others talk: heard by nobody, by one, or by all. */
export async function beginSupervision(
  command: CommandOf<'supervision.begin'>,
  actor: Actor,
  desk: Desk,
): Promise<{ supervision: string }> {
  const talk = talkOf(command, desk);
  await requireRank(talk, authorityOfUser(actor.user, desk), actor.user, desk);
  const towards = legOf(talk, command.towards);
  const leg = await callSeat(actor, { number: talk.title, name: talk.title }, desk);
  return { supervision: await desk.supervisions.begin(talk, leg, { mode: command.mode, towards, by: actor.user }) };
}

export async function changeSupervision(command: CommandOf<'supervision.change'>, actor: Actor, desk: Desk) {
  const view = desk.supervisions.view(command.supervision);
  if (view.by !== actor.user) throw new DispatchError('RIGHT_MISSING', 'supervise');
  const talk = talkOf({ call: view.call, conference: view.conference }, desk);
  await desk.supervisions.change(command.supervision, { mode: command.mode, towards: legOf(talk, command.towards) });
}

export async function endSupervision({ supervision }: CommandOf<'supervision.end'>, actor: Actor, desk: Desk) {
  if (desk.supervisions.view(supervision).by !== actor.user) throw new DispatchError('RIGHT_MISSING', 'supervise');
  await desk.supervisions.end(supervision);
}

/** Breaks off a talk of others: whoever is named goes on, with the one who breaks in; without a name all are hung up. */
export async function preEmptCall(command: CommandOf<'call.pre-empt'>, actor: Actor, desk: Desk): Promise<void> {
  const call = desk.calls.get(command.call);
  const talk = talkOf({ call: command.call }, desk);
  await requireRank(talk, authorityOfUser(actor.user, desk), actor.user, desk);
  const stays = command.take === undefined ? undefined : legOf(talk, command.take);
  const by = stays && (await callSeat(actor, { number: stays.party.number, name: stays.party.number }, desk));
  await breakOff(call, stays, by, actor.user, desk);
}

/** By the keys of a phone: code and number of one who talks. */
export function superviseByPhone(mode: SupervisionMode) {
  return async (leg: SipLeg, number: string, desk: Desk): Promise<void> => {
    const { talk, towards } = await reachByPhone(leg, number, desk);
    if (await leg.accept()) await desk.supervisions.begin(talk, leg, { mode, towards, by: leg.party.number });
  };
}

/** By the keys of a phone: whoever talks with that number is hung up, and the two talk. */
export async function preEmptByPhone(leg: SipLeg, number: string, desk: Desk): Promise<void> {
  const { call, towards } = await reachByPhone(leg, number, desk);
  if (await leg.accept()) await breakOff(call, towards, leg, leg.party.number, desk);
}

async function reachByPhone(leg: SipLeg, number: string, desk: Desk) {
  const { account = '' } = leg.party;
  const authority = desk.directory.authorityOf(account);
  const call = desk.calls
    .all()
    .find(({ bridge }) => bridge && !bridge.isOver && bridge.legs().some((each) => isAt(each, number)));
  if (!call) throw new DispatchError('CALL_UNKNOWN', number);
  const talk = talkOf({ call: call.view.id }, desk);
  if (!authority?.rights.has('supervise')) await deny(talk, account, desk);
  await requireRank(talk, authority, account, desk);
  return { call, talk, towards: legOf(talk, number) };
}

/** @throws DispatchError CALL_UNKNOWN, CONFERENCE_UNKNOWN */
function talkOf(of: { call?: string | undefined; conference?: string | undefined }, desk: Desk): Talk {
  if (of.conference !== undefined) {
    const conference = desk.conferences.get(of.conference);
    const legs = conference.participants().flatMap(({ leg }) => leg ?? []);
    return { media: conference.media, conference: conference.id, title: conference.number, legs };
  }
  const call = desk.calls.get(of.call ?? '');
  const { bridge, view } = call;
  if (!bridge || bridge.isOver) throw new DispatchError('CALL_UNKNOWN', view.id);
  return { media: bridge.media, call: view.id, title: `${view.from.number} – ${view.to.number}`, legs: bridge.legs() };
}

/** @throws DispatchError PARTICIPANT_UNKNOWN */
function legOf(talk: Talk, number: string | undefined): Leg | undefined {
  if (number === undefined) return undefined;
  const leg = talk.legs.find((each) => isAt(each, number));
  if (!leg) throw new DispatchError('PARTICIPANT_UNKNOWN', number);
  return leg;
}

function isAt({ party }: Leg, number: string): boolean {
  return party.number === number || party.account === number;
}

/** Only the talks of those who stand below, and in one's own part of the tree. @throws DispatchError RIGHT_MISSING */
async function requireRank(talk: Talk, authority: Authority | undefined, by: string, desk: Desk): Promise<void> {
  const others = talk.legs.map(({ party }) => standingOf(party, desk));
  if (!authority || !standsAbove(authority, others)) await deny(talk, by, desk);
}

async function deny(talk: Talk, by: string, desk: Desk): Promise<never> {
  const { call, conference } = talk;
  await noteSoon(
    { kind: 'supervision.denied', actor: by, ...(call ? { call } : {}), data: conference ? { conference } : {} },
    desk,
  );
  throw new DispatchError('RIGHT_MISSING', 'supervise');
}

function standingOf({ account, person }: Party, { directory }: Desk): { organisation?: string; rank: number } {
  const id = person ?? (account === undefined ? undefined : directory.account(account)?.person);
  const organisation = id === undefined ? undefined : directory.person(id)?.organisation;
  const rank = account === undefined ? 0 : (directory.authorityOf(account)?.role.rank ?? 0);
  return { rank, ...(organisation ? { organisation } : {}) };
}

function authorityOfUser(id: string, { directory }: Desk): Authority | undefined {
  return directory.authorityOfUser(id);
}

async function breakOff(call: Call, stays: Leg | undefined, by: Leg | undefined, actor: string, desk: Desk) {
  const { bridge } = call;
  desk.calls.note(call, 'call.pre-empted', { ...(stays ? { goesOn: stays.party.number } : {}) }, actor);
  const leaving = stays && bridge?.other(stays);
  if (!stays || !by || !bridge || !leaving) {
    await Promise.all([...call.legs].map((leg) => leg.hangUp('pre-empted')));
    return void (await by?.hangUp('pre-empted'));
  }
  await bridge.replace(leaving, by, 'pre-empted');
  desk.calls.replaced(call, leaving, by);
}
