import type { CommandOf } from '@tocsin/protocol/console.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Actor, Desk } from './desk.ts';

/** One press starts the plan. */
export async function startPlan(
  { plan, drill, incident, alarm: alarmId, parameters }: CommandOf<'plan.start'>,
  actor: Actor,
  desk: Desk,
) {
  const pressedAt = desk.clock.now();
  const alarm = alarmId === undefined ? undefined : await desk.alarms.get(alarmId);
  if (alarmId !== undefined && !alarm) throw new DispatchError('ALARM_UNKNOWN', alarmId);
  const run = await desk.runs.start({
    plan,
    startedBy: actor.user,
    isDrill: drill,
    parameters,
    pressedAt,
    ...(incident ? { incident } : {}),
    ...(alarm ? { alarm } : {}),
  });
  if (alarm) desk.alarms.attach(alarm.id, { run: run.id });
  return { id: run.id };
}

export async function stopRun({ run, note }: CommandOf<'run.stop'>, actor: Actor, desk: Desk) {
  await desk.runs.stop(run, actor.user, note);
}

export async function skipStep({ run, step, reason }: CommandOf<'run.skip-step'>, actor: Actor, desk: Desk) {
  await desk.runs.skipStep(run, step, actor.user, reason);
}

export async function answerRun({ run, step, choice }: CommandOf<'run.answer'>, actor: Actor, desk: Desk) {
  await desk.runs.answer(run, step, choice, actor.user);
}

export async function redialPerson({ run, person }: CommandOf<'run.redial'>, actor: Actor, desk: Desk) {
  await desk.runs.redial(run, person, actor.user);
}

export async function callDeputy({ run, person }: CommandOf<'run.call-deputy'>, actor: Actor, desk: Desk) {
  await desk.runs.callDeputy(run, person, actor.user);
}

/** A dispatcher confirms for somebody whom he has reached another way. */
export async function confirmPerson({ run, person, note }: CommandOf<'run.confirm'>, actor: Actor, desk: Desk) {
  await desk.runs.confirm(run, person, actor.user, note);
}
