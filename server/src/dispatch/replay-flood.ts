import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { Actor, Desk } from './desk.ts';

/** A recorded flood is played again as an exercise: its alarms and the runs they bring about are drills. */
export async function replayFlood({ from, to, curve, speed }: CommandOf<'gauges.replay'>, actor: Actor, desk: Desk) {
  const state = await desk.alarms.replay({ from, to, curve, speed }, actor.user);
  desk.system.setFloodReplay({ speed, startedBy: actor.user });
  desk.alarms.once('replay-ended', () => desk.system.setFloodReplay(undefined));
  return state;
}

export async function stopFloodReplay(_order: CommandOf<'gauges.stop-replay'>, _actor: Actor, desk: Desk) {
  desk.alarms.stopReplay();
}
