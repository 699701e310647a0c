import type { Call } from '#calls/call-list.ts';
import type { DialOutcome, Leg } from '#calls/leg.ts';

/**
 * Rings the called one by `dial`. While it rings, somebody else may take the call (pick-up): the ringing then ends, and
 * his leg has answered.
 */
export async function ringCallee(
  call: Call,
  caller: Leg,
  dial: (signal: AbortSignal) => Promise<DialOutcome>,
): Promise<DialOutcome> {
  const stop = new AbortController();
  const taken = Promise.withResolvers<DialOutcome>();
  let isSettled = false;
  call.takeBy = (leg) => {
    if (isSettled) return false;
    isSettled = true;
    taken.resolve({ kind: 'answered', leg, afterMs: 0 });
    stop.abort('answered-elsewhere');
    return true;
  };
  const dialled = dial(AbortSignal.any([caller.gone, stop.signal])).then(async (outcome) => {
    if (!isSettled) {
      isSettled = true;
      return outcome;
    }
    // Both at the same moment: whoever took it has it.
    if (outcome.kind === 'answered') await outcome.leg.hangUp('answered-elsewhere');
    return await taken.promise;
  });
  const outcome = await Promise.race([dialled, taken.promise]);
  delete call.takeBy;
  return outcome;
}
