import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { Call } from '#calls/call-list.ts';
import { TONES } from '#calls/tones.ts';
import type { Actor, Desk } from './desk.ts';

/** Both hear the warning so long before the end, or at half of a shorter time. */
const WARN_BEFORE_MS = 30_000;
const WARNING_TONES = 3;
/** A call whose time ran out while the server was away is warned before it is cut. */
const LASTS_AT_LEAST_MS = 10_000;

/** The desk bounds a call, from now on; a second bound takes the place of the first. */
export async function limitFromDesk({ call: id, seconds }: CommandOf<'call.limit'>, actor: Actor, desk: Desk) {
  limitCall(desk.calls.get(id), seconds * 1000, desk, actor.user);
}

/** After a restart: the bound that was set before holds. */
export function limitAgain(call: Call, desk: Desk): void {
  const { endsAt } = call.view;
  if (endsAt !== undefined) limitCall(call, Math.max(endsAt - desk.clock.now(), LASTS_AT_LEAST_MS), desk);
}

/** Lets a call last so long and no longer: both hear three tones before, then it is cut. */
export function limitCall(call: Call, limitMs: number, desk: Desk, actor?: string): void {
  call.limit?.cancel();
  const warning = desk.clock.after(Math.max(limitMs - WARN_BEFORE_MS, limitMs / 2), () => {
    desk.calls.note(call, 'call.limit-near', {});
    call.bridge
      ?.play(TONES.warning, { loop: WARNING_TONES })
      .catch((error: unknown) => desk.log.warn('no warning before the end of a call', { callId: call.view.id, error }));
  });
  const end = desk.clock.after(limitMs, () => {
    for (const leg of call.legs) void leg.hangUp('time-limit');
  });
  call.limit = {
    cancel() {
      warning.cancel();
      end.cancel();
    },
  };
  desk.calls.note(call, 'call.limited', { seconds: Math.round(limitMs / 1000) }, actor);
  desk.calls.change(call, { endsAt: desk.clock.now() + limitMs });
}
