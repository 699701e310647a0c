import type { CommandOf, Target } from '@tocsin/protocol/console.ts';
import type { Conference } from '#calls/conference.ts';
import type { AddRequest } from '#calls/participant.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Actor, Desk } from './desk.ts';
import { peopleOf } from './targets.ts';

/** How people are called into a conference by hand: they know the caller's number and come in as they answer. */
export const BY_HAND = {
  confirm: 'none',
  ringForMs: 45_000,
  retries: 0,
  retryAfterMs: 0,
  withDeputies: false,
} as const;

export async function openConference(command: CommandOf<'conference.open'>, actor: Actor, desk: Desk) {
  const conference = await desk.conferences.open({
    name: { zh: command.name ?? '临时会议', en: command.name ?? 'Conference' },
    isDrill: false,
    isRecorded: true,
    openedBy: actor.user,
  });
  if (actor.account) conference.add(chair(actor.account, desk));
  addTargets(conference, command.targets, desk);
  return { conference: conference.id, number: conference.number };
}

/** The dispatcher's own phone is called and joined. */
export async function joinConference({ conference: id }: CommandOf<'conference.join'>, actor: Actor, desk: Desk) {
  const conference = desk.conferences.get(id);
  if (!actor.account) throw new DispatchError('ENDPOINT_UNREGISTERED', actor.name);
  conference.add(chair(actor.account, desk));
}

export async function addToConference({ conference, targets }: CommandOf<'conference.add'>, _actor: Actor, desk: Desk) {
  addTargets(desk.conferences.get(conference), targets, desk);
}

export async function removeFromConference(
  { conference, participant }: CommandOf<'conference.remove'>,
  _actor: Actor,
  desk: Desk,
) {
  await desk.conferences.get(conference).chair.remove(participant);
}

export async function muteParticipant(
  { conference, participant, isMuted }: CommandOf<'conference.mute'>,
  _actor: Actor,
  desk: Desk,
) {
  await desk.conferences.get(conference).chair.mute(participant, isMuted);
}

export async function muteAll({ conference, isMuted }: CommandOf<'conference.mute-all'>, _actor: Actor, desk: Desk) {
  await desk.conferences.get(conference).chair.muteAll(isMuted);
}

/** Gives the word to somebody who has his hand up, or who is muted. */
export async function letSpeak(
  { conference, participant }: CommandOf<'conference.let-speak'>,
  _actor: Actor,
  desk: Desk,
) {
  await desk.conferences.get(conference).chair.letSpeak(participant);
}

export async function lowerHand(
  { conference, participant }: CommandOf<'conference.lower-hand'>,
  _actor: Actor,
  desk: Desk,
) {
  desk.conferences.get(conference).chair.raiseHand(participant, false);
}

export async function keepCalling(
  { conference, rounds, everyS }: CommandOf<'conference.keep-calling'>,
  _actor: Actor,
  desk: Desk,
) {
  desk.conferences.get(conference).chair.keepCalling({ rounds, everyS });
}

export async function redial({ conference, participant }: CommandOf<'conference.redial'>, _actor: Actor, desk: Desk) {
  return { calling: desk.conferences.get(conference).chair.redial(participant) };
}

export async function lockConference(
  { conference, isLocked }: CommandOf<'conference.lock'>,
  _actor: Actor,
  desk: Desk,
) {
  desk.conferences.get(conference).chair.lock(isLocked);
}

export async function endConference({ conference }: CommandOf<'conference.end'>, _actor: Actor, desk: Desk) {
  await desk.conferences.get(conference).end('dispatcher-ended');
}

/** Joins a radio channel to a conference; desks that were listening to it come along. */
/** @throws DispatchError CONFERENCE_UNKNOWN, CONFERENCE_JOINED */
export async function joinWith({ conference, other }: CommandOf<'conference.join-with'>, _actor: Actor, desk: Desk) {
  await desk.conferences.join(conference, other);
}

/** @throws DispatchError CONFERENCE_UNKNOWN, NOT_FOUND */
export async function separate({ conference, other }: CommandOf<'conference.separate'>, _actor: Actor, desk: Desk) {
  await desk.conferences.separate(conference, other);
}

export async function patchChannel(command: CommandOf<'conference.patch'>, _actor: Actor, desk: Desk) {
  const conference = desk.conferences.get(command.conference);
  const channel = desk.conferences.channel(command.channel);
  const outcome = await conference.channels.patch(channel);
  if (outcome.kind === 'unavailable') throw new DispatchError('CHANNEL_UNAVAILABLE', channel.facts.name.zh);
}

export async function unpatchChannel(command: CommandOf<'conference.unpatch'>, _actor: Actor, desk: Desk) {
  await desk.conferences.get(command.conference).channels.unpatch(desk.conferences.channel(command.channel));
}

export async function endCall({ call }: CommandOf<'call.end'>, _actor: Actor, desk: Desk) {
  await Promise.all([...desk.calls.get(call).legs].map((leg) => leg.hangUp('dispatcher-ended')));
}

export function addTargets(conference: Conference, targets: Target[], desk: Desk): void {
  for (const person of peopleOf(targets, desk.directory)) conference.add({ person: person.id, ...BY_HAND });
  for (const target of targets) if ('number' in target) conference.add({ number: target.number, ...BY_HAND });
}

function chair(account: string, desk: Desk): AddRequest {
  const person = desk.directory.personByNumber(account);
  return {
    ...(person ? { person: person.id } : {}),
    number: account,
    ...BY_HAND,
    ringForMs: 10_000,
    isChair: true,
    answersItself: true,
  };
}
