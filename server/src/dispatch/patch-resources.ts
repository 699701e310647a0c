import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { AlertTone } from '#calls/channel.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Actor, Desk } from './desk.ts';
import { addToConference } from './hold-conference.ts';

/**
 * One button joins any mix of radio channels and telephones, into a conference of their own or one that runs already.
 * `conference.end` or `conference.unpatch` gives everybody back what he had before.
 * @throws DispatchError CHANNEL_UNAVAILABLE when none of it can be joined, CONFERENCE_UNKNOWN, CHANNEL_UNKNOWN
 */
export async function openPatch(command: CommandOf<'patch.open'>, actor: Actor, desk: Desk) {
  const channels = command.channels.map((id) => desk.conferences.channel(id));
  const conference = command.conference
    ? desk.conferences.get(command.conference)
    : await desk.conferences.open({
        name: { zh: '并接', en: 'Patch' },
        isDrill: false,
        isRecorded: true,
        openedBy: actor.user,
        keying: command.keying,
      });
  const outcomes = await Promise.all(
    channels.map(async (channel) => ({ channel: channel.id, ...(await conference.channels.patch(channel)) })),
  );
  const missing = outcomes.filter(({ kind }) => kind === 'unavailable').map(({ channel }) => channel);
  if (missing.length === channels.length && command.targets.length === 0) {
    if (!command.conference) await conference.end('dispatcher-ended');
    throw new DispatchError('CHANNEL_UNAVAILABLE', missing.join(', '));
  }
  if (command.targets.length > 0)
    await addToConference({ do: 'conference.add', conference: conference.id, targets: command.targets }, actor, desk);
  return { conference: conference.id, number: conference.number, missing };
}

export async function setVolume(command: CommandOf<'conference.volume'>, { user }: Actor, desk: Desk) {
  const { loudness } = desk.conferences.get(command.conference);
  await loudness.setVolume(command.participant, command.gainDb, user);
}

/** One, or everybody but the radios. @throws DispatchError CONFERENCE_UNKNOWN, PARTICIPANT_UNKNOWN */
export async function setAutomaticLevel(command: CommandOf<'conference.level'>, { user }: Actor, desk: Desk) {
  const { loudness } = desk.conferences.get(command.conference);
  await loudness.setAutomatic(command.isAutomatic, user, command.participant);
}

/** Resolves when the tone sounds; it ends by itself. @throws DispatchError FLOOR_TAKEN, CHANNEL_UNAVAILABLE */
export async function soundAlertTone(command: CommandOf<'channel.alert-tone'>, actor: Actor, desk: Desk) {
  const channel = desk.conferences.channel(command.channel);
  const talker = { id: `${actor.user}:tone`, name: actor.name, priority: 2 } as const;
  await channel.soundTone(talker, command.tone satisfies AlertTone, command.seconds * 1000);
}

/** What the radio network makes of it is on the timeline when it refuses. @throws DispatchError CHANNEL_UNAVAILABLE */
export async function selectTalkgroup(command: CommandOf<'channel.select-talkgroup'>, actor: Actor, desk: Desk) {
  const channel = desk.conferences.channel(command.channel);
  if (!channel.isReady) throw new DispatchError('CHANNEL_UNAVAILABLE', channel.facts.name.zh);
  channel.selectTalkgroup(command.talkgroup, actor.user);
}
