import type { DialOutcome } from './leg.ts';

/** What the losers of a race are told: their phones then show no missed call (RFC 3326 §2, cause 200 of SIP). */
export const ANSWERED_ELSEWHERE = 'answered-elsewhere';

/**
 * Several attempts at the same time: the first that answers wins, the others are given up as answered elsewhere. Without
 * a winner, every attempt's outcome, in their order.
 */
export async function firstToAnswer(
  attempts: readonly ((signal: AbortSignal) => Promise<DialOutcome>)[],
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
