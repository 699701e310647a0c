import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { AlarmView } from '@tocsin/protocol/views.ts';
import { DispatchError } from '#kernel/errors.ts';
import { noteSoon } from '#timeline/note-soon.ts';
import { putThroughTo } from './call-both.ts';
import { callSeat } from './call-seat.ts';
import type { Actor, Desk } from './desk.ts';

/**
 * The dispatcher takes an alarm: it is his from now on. Where he asks for it, the plan for such an alarm is run and
 * the person is called back, each at once and without waiting for the other.
 */
export async function acknowledgeAlarm(
  { alarm: id, callBack, runPlan }: CommandOf<'alarm.acknowledge'>,
  actor: Actor,
  desk: Desk,
) {
  const alarm = desk.alarms.acknowledge(id, actor.user);
  const run = runPlan ? await runProposed(alarm, actor, desk) : undefined;
  if (callBack)
    void callPersonBack(alarm, actor, desk).catch((error: unknown) => tellCallBackFailed(alarm, error, desk));
  return { ...(run ? { run } : {}) };
}

export async function clearAlarm({ alarm, as, note }: CommandOf<'alarm.clear'>, actor: Actor, desk: Desk) {
  desk.alarms.clear(alarm, as, actor.user, note);
}

/** Lifts an alarm to an incident of its own. */
export async function alarmToIncident({ alarm: id }: CommandOf<'alarm.to-incident'>, actor: Actor, desk: Desk) {
  const alarm = await desk.alarms.get(id);
  if (!alarm) throw new DispatchError('ALARM_UNKNOWN', id);
  if (alarm.incident) return { incident: alarm.incident };
  const incident = await desk.incidents.open({
    title: alarm.title,
    level: alarm.level,
    isDrill: alarm.isDrill ?? false,
    owner: actor.user,
    openedBy: actor.user,
    alarm: alarm.id,
  });
  desk.alarms.attach(alarm.id, { incident: incident.id });
  return { incident: incident.id };
}

export async function silenceBell(_command: CommandOf<'bell.silence'>, actor: Actor, desk: Desk) {
  await noteSoon({ kind: 'bell.silenced', actor: actor.user }, desk);
  desk.system.silenceBell();
}

async function runProposed(alarm: AlarmView, actor: Actor, desk: Desk): Promise<string | undefined> {
  if (alarm.run) return alarm.run;
  const plan = alarm.proposedPlan ?? desk.plans.proposalFor(alarm)?.plan;
  if (!plan) return undefined;
  const run = await desk.runs.start({
    plan,
    alarm,
    startedBy: actor.user,
    ...(alarm.isDrill && { isDrill: true }),
    pressedAt: desk.clock.now(),
    ...(alarm.incident ? { incident: alarm.incident } : {}),
  });
  desk.alarms.attach(alarm.id, { run: run.id });
  return run.id;
}

/** The seat's phone and the person's are called together; the two talk as soon as both have answered. */
async function callPersonBack(alarm: AlarmView, actor: Actor, desk: Desk): Promise<void> {
  const person = alarm.person === undefined ? undefined : desk.directory.person(alarm.person);
  const device = alarm.device === undefined ? undefined : desk.directory.device(alarm.device);
  const number = device?.callBack ?? person?.numbers[0]?.dial;
  if (number === undefined) throw new DispatchError('ENDPOINT_UNKNOWN', alarm.title.zh);
  const party = { number, ...(person ? { person: person.id, name: person.name } : {}) };
  const seat = await callSeat(actor, { number, name: person?.name.zh ?? number }, desk);
  const title = `回拨 ${person?.name.zh ?? number}`;
  const { incident } = alarm;
  await putThroughTo(seat, party, { title, alarm: alarm.id, ...(incident ? { incident } : {}) }, desk);
}

function tellCallBackFailed(alarm: AlarmView, error: unknown, desk: Desk): void {
  desk.log.warn('call-back failed', { alarmId: alarm.id, error });
  const because = error instanceof DispatchError ? error.code : 'INTERNAL';
  desk.alarms.attach(alarm.id, { doing: { zh: '回拨未接通', en: 'Call-back failed' } });
  desk.timeline
    .append({ kind: 'alarm.call-back-failed', alarm: alarm.id, data: { because } })
    .catch((lost: unknown) => desk.log.error('timeline entry lost', { error: lost }));
}
