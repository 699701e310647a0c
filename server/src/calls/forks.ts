import type { Clock } from '#kernel/clock.ts';
import { type Attempt, ringFor } from './first-to-answer.ts';
import type { DialOutcome } from './leg.ts';

/** One contact of an account: how it is rung, and what its owner's phone has said of it. */
export interface ForkedAttempt {
  ring: Attempt;
  /** Preference from 0 to 1; the higher is rung before the lower (RFC 3261 §10.2.1.2). */
  q: number;
  /** The phone that it belongs to, where a phone keeps several flows (RFC 5626). */
  phone?: string;
}

/** How long contacts of one preference ring before the next ones are tried; the last have all the time that is left. */
export const FORK_RINGS_FOR_MS = 15_000;

/**
 * Rings the contacts of an account as a forking proxy does (RFC 3261 §16.6): those of one preference all at once, the less
 * preferred when none of these has answered. A refusal by a person (403, 603) ends it: he has decided for all his phones. Several
 * flows to one phone are one contact: the next is tried only when the one before does not lead there (RFC 5626 §5.3).
 */
export async function ringForks(
  forks: readonly ForkedAttempt[],
  { ringForMs, signal }: { ringForMs: number; signal?: AbortSignal | undefined },
  clock: Clock,
): Promise<DialOutcome | { kind: 'nobody'; outcomes: DialOutcome[] }> {
  const waves = wavesOf(forks);
  const startedMs = clock.monotonic();
  const afterMs = () => Math.round(clock.monotonic() - startedMs);
  const outcomes: DialOutcome[] = [];
  for (const [index, wave] of waves.entries()) {
    const leftMs = ringForMs - afterMs();
    if (leftMs <= 0) break;
    const isLast = index === waves.length - 1;
    const time = { ringForMs: isLast ? leftMs : Math.min(leftMs, FORK_RINGS_FOR_MS), signal };
    const outcome = await ringFor(wave, time, clock);
    if (outcome.kind === 'answered') return { ...outcome, afterMs: afterMs() };
    if (outcome.kind === 'cancelled') return outcome;
    outcomes.push(...(outcome.kind === 'nobody' ? outcome.outcomes : [outcome]));
    if (outcomes.some(({ kind }) => kind === 'refused')) break;
  }
  // It rang till the end of the time, whatever those before it have said.
  if (outcomes.at(-1)?.kind === 'unanswered' && afterMs() >= ringForMs)
    return { kind: 'unanswered', afterMs: afterMs() };
  return { kind: 'nobody', outcomes };
}

/** Those to be rung at the same time, the preferred first. */
function wavesOf(forks: readonly ForkedAttempt[]): Attempt[][] {
  const ranks = [...new Set(forks.map(({ q }) => q))].toSorted((a, b) => b - a);
  return ranks.map((rank) => {
    const phones = new Map<string, Attempt[]>();
    for (const [index, { q, phone, ring }] of forks.entries()) {
      if (q !== rank) continue;
      const key = phone ?? `${index}`;
      phones.set(key, [...(phones.get(key) ?? []), ring]);
    }
    return [...phones.values()].map((flows) => (flows.length === 1 ? flows[0]! : alongFlows(flows)));
  });
}

/** One flow after another until one leads to the phone. */
function alongFlows(flows: readonly Attempt[]): Attempt {
  return async (signal) => {
    let outcome: DialOutcome = { kind: 'cancelled' };
    for (const flow of flows) {
      outcome = await flow(signal);
      const isDead = outcome.kind === 'unreachable' && (outcome.why === 'network' || outcome.why === 'no-response');
      if (!isDead || signal.aborted) return outcome;
    }
    return outcome;
  };
}
