import type { Call } from '#calls/call-list.ts';
import type { DialOutcome, Leg } from '#calls/leg.ts';
import type { Desk } from './desk.ts';

/** How long whoever let a party wait may ring when it comes back to him. */
const RING_BACK_FOR_MS = 45_000;

/**
 * A party that waits goes back to whoever let it wait: his phone is called again, and the party hears music until he
 * answers. `isStillWanted` is asked when he has: somebody else may have come first.
 */
export async function comeBack(
  to: Leg,
  partner: Leg,
  call: Call,
  desk: Desk,
  { isStillWanted = () => true, signal }: { isStillWanted?: () => boolean; signal?: AbortSignal } = {},
): Promise<DialOutcome> {
  const { number } = to.party;
  const { name } = partner.party;
  desk.calls.note(call, 'call.returned', { to: number });
  const outcome = await desk.dialler.dial(
    { number },
    {
      ringForMs: RING_BACK_FOR_MS,
      from: { number: partner.party.number, ...(name ? { name: name.zh } : {}) },
      party: to.party,
      signal: signal ? AbortSignal.any([partner.gone, signal]) : partner.gone,
    },
  );
  if (outcome.kind !== 'answered') return outcome;
  if (isStillWanted()) {
    await call.bridge!.add(outcome.leg);
    desk.calls.replaced(call, to, outcome.leg);
  } else await outcome.leg.hangUp('answered-elsewhere');
  return outcome;
}
