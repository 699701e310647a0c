import type { CommandOf } from '@tocsin/protocol/console.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Actor, Desk } from './desk.ts';

/** Alarms of a source make no sound and no card for a time, by somebody's word and with a reason (ISA-18.2). */
export async function shelveAlarm(order: CommandOf<'alarm.shelve'>, actor: Actor, desk: Desk) {
  const { alarm, source, minutes, reason } = order;
  const id = alarm === undefined ? source : desk.alarms.sourceOf(alarm);
  if (id === undefined) throw new DispatchError('REQUEST_MALFORMED', 'an alarm or a source is to be named');
  if (alarm === undefined && !desk.directory.device(id) && !desk.directory.gauge(id))
    throw new DispatchError('DEVICE_UNKNOWN', id);
  const until = desk.clock.now() + minutes * 60_000;
  await desk.alarms.shelve(id, until, actor.user, reason);
  return { source: id, until };
}

export async function unshelveAlarm({ source }: CommandOf<'alarm.unshelve'>, actor: Actor, desk: Desk) {
  await desk.alarms.unshelve(source, actor.user);
}
