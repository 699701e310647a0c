import type { Clock } from '#kernel/clock.ts';
import { ringFor } from './first-to-answer.ts';
import type { DialOutcome } from './leg.ts';
import type { TakenUpLeg } from './take-up-leg.ts';

/**
 * Goes on ringing the phones that the process before this one rang for a call. The first that answers has the call, and
 * is given our media address of now; the others stop ringing.
 */
export async function ringOn(
  phones: readonly TakenUpLeg[],
  options: { ringForMs: number; signal: AbortSignal },
  clock: Clock,
): Promise<DialOutcome> {
  const attempts = phones.map((phone) => (signal: AbortSignal) => ringOneOn(phone, signal));
  const outcome = await ringFor(attempts, options, clock);
  return outcome.kind === 'nobody' ? { kind: 'unanswered', afterMs: 0 } : outcome;
}

/** Answered when its far end has our media address. */
async function ringOneOn({ leg, outgoing }: TakenUpLeg, signal: AbortSignal): Promise<DialOutcome> {
  if (!outgoing) return { kind: 'cancelled' };
  const cancel = () => outgoing.cancel(String(signal.reason));
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  const outcome = await outgoing.outcome;
  signal.removeEventListener('abort', cancel);
  if (outcome.kind === 'answered')
    return (await leg.establishAnew(outcome.dialog)) ? { kind: 'answered', leg, afterMs: 0 } : { kind: 'cancelled' };
  leg.fail(outcome.kind === 'refused' ? 'declined' : 'nobody-answered');
  return { kind: 'unanswered', afterMs: 0 };
}
