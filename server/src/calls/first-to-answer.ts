import type { Clock } from '#kernel/clock.ts';
import type { DialOutcome } from './leg.ts';

/** What the losers of a race are told: their phones then show no missed call (RFC 3326 §2, cause 200 of SIP). */
export const ANSWERED_ELSEWHERE = 'answered-elsewhere';

/** Rings one phone until it answers, will not, or the signal tells why it is to be still. */
export type Attempt = (signal: AbortSignal) => Promise<DialOutcome>;

/**
 * Several attempts at the same time: the first that answers wins, the others are given up as answered elsewhere. Without
 * a winner, every attempt's outcome, in their order.
 */
export async function firstToAnswer(
  attempts: readonly Attempt[],
  signal: AbortSignal,
): Promise<{ winner: number; outcome: Extract<DialOutcome, { kind: 'answered' }> } | { outcomes: DialOutcome[] }> {
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  let winner: number | undefined;
  const outcomes = await Promise.all(
    attempts.map(async (attempt, index) => {
      const outcome = await attempt(stop.signal);
      if (outcome.kind !== 'answered') return outcome;
      if (winner !== undefined) {
        await outcome.leg.hangUp(ANSWERED_ELSEWHERE);
        return { kind: 'cancelled' } as const;
      }
      winner = index;
      stop.abort(ANSWERED_ELSEWHERE);
      return outcome;
    }),
  );
  signal.removeEventListener('abort', onAbort);
  const won = winner === undefined ? undefined : outcomes[winner];
  return won?.kind === 'answered' ? { winner: winner!, outcome: won } : { outcomes };
}

/**
 * The same race for so long and no longer (milliseconds); the losers of time are given up as `unanswered`. `nobody`: every
 * attempt has failed by itself.
 */
export async function ringFor(
  attempts: readonly Attempt[],
  { ringForMs, signal }: { ringForMs: number; signal?: AbortSignal | undefined },
  clock: Clock,
): Promise<DialOutcome | { kind: 'nobody'; outcomes: DialOutcome[] }> {
  if (signal?.aborted) return { kind: 'cancelled' };
  const startedMs = clock.monotonic();
  const late = new AbortController();
  const timer = clock.after(ringForMs, () => late.abort('unanswered'));
  const result = await firstToAnswer(attempts, signal ? AbortSignal.any([late.signal, signal]) : late.signal);
  timer.cancel();
  const afterMs = Math.round(clock.monotonic() - startedMs);
  if ('winner' in result) return { ...result.outcome, afterMs };
  if (late.signal.aborted) return { kind: 'unanswered', afterMs };
  if (signal?.aborted) return { kind: 'cancelled' };
  return { kind: 'nobody', outcomes: result.outcomes };
}
