import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { AnnouncementPart } from '@tocsin/protocol/reaching.ts';
import { DispatchError } from '#kernel/errors.ts';
import { callSeat } from './call-seat.ts';
import type { Actor, Desk } from './desk.ts';

/** The warning siren before the words: a slow two-tone wail that is heard over rain. */
export const SIREN: AnnouncementPart = { kind: 'tone', hz: [660, 880], onMs: 600, offMs: 200, forMs: 4_800 };

const GAP_MS = 1_500;

/** Speaks a text on the zones by machine. */
export async function sayOnZones(command: CommandOf<'page.say'>, actor: Actor, desk: Desk) {
  const zones = zonesOf(command.zones, desk);
  const speech: AnnouncementPart = { kind: 'speech', text: command.text, language: command.language };
  // Spoken before the first zone is called: a text that cannot be spoken is refused here, not on the loudspeakers.
  await desk.engine.speak({ text: command.text, language: command.language });
  const { id } = desk.announcements.play({
    zones,
    parts: command.siren ? [SIREN, speech] : [speech],
    times: command.untilStopped ? 'until-stopped' : command.times,
    gapMs: GAP_MS,
    isDrill: false,
    priority: command.priority,
    title: { zh: command.text.slice(0, 40) },
    actor: actor.user,
    signal: new AbortController().signal,
  });
  return { announcement: id };
}

/** Plays one of the site's sounds on the zones. */
export async function playOnZones(command: CommandOf<'page.play'>, actor: Actor, desk: Desk) {
  const zones = zonesOf(command.zones, desk);
  const sound = desk.directory.site.sounds.find(({ id }) => id === command.sound);
  if (!sound) throw new DispatchError('NOT_FOUND', `sound "${command.sound}"`);
  const priority = command.priority ?? sound.priority;
  const { id } = desk.announcements.play({
    zones,
    parts: [{ kind: 'file', path: sound.file }],
    times: command.untilStopped ? 'until-stopped' : command.times,
    gapMs: priority === 'music' ? 0 : GAP_MS,
    isDrill: false,
    priority,
    title: sound.name,
    actor: actor.user,
    signal: new AbortController().signal,
  });
  return Promise.resolve({ announcement: id });
}

/** The dispatcher speaks himself: his phone is called, and what he says is heard until he hangs up. */
export async function speakOnZones(command: CommandOf<'page.speak'>, actor: Actor, desk: Desk) {
  const zones = zonesOf(command.zones, desk);
  const leg = await callSeat(actor, { number: 'pa', name: '广播' }, desk);
  const call = desk.calls.begin(
    {
      kind: 'announcement',
      from: leg.party,
      to: { number: zones.join(' '), name: { zh: '广播', en: 'Public address' } },
    },
    leg,
  );
  void leg.ended.then((reason) => desk.calls.end(call, reason));
  desk.calls.answered(call);
  void desk.announcements
    .speak(leg, {
      zones,
      isDrill: false,
      priority: command.priority,
      title: { zh: `${actor.name} 喊话`, en: `${actor.name} live` },
      actor: actor.user,
      signal: leg.gone,
    })
    .then(() => leg.hangUp('announcement-stopped'));
  return { call: call.view.id };
}

export async function stopZones({ zones }: CommandOf<'page.stop'>, _actor: Actor, desk: Desk) {
  desk.announcements.stop(zonesOf(zones, desk));
}

/** The zones that ids name, those of a group among them, each once. @throws DispatchError ZONE_UNKNOWN */
function zonesOf(ids: string[], { directory }: Desk): string[] {
  const zones = ids.flatMap((id) => {
    if (directory.zone(id)) return [id];
    const group = directory.site.zoneGroups.find((each) => each.id === id);
    if (!group) throw new DispatchError('ZONE_UNKNOWN', id);
    return group.zones;
  });
  return [...new Set(zones)];
}
