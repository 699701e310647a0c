import type { HuntGroup } from '@tocsin/protocol/directory.ts';
import type { Clock } from '#kernel/clock.ts';
import { firstToAnswer } from './first-to-answer.ts';
import { STRATEGIES } from './hunt-strategies.ts';
import type { DialOutcome, Leg } from './leg.ts';

/** Why a member is rung, or is not. */
export type MemberState = 'free' | 'busy' | 'do-not-disturb' | 'unregistered';

/** What a hunt needs to know of its members, and how it rings one. */
export interface HuntPorts {
  state(member: string): MemberState;
  freeSince(member: string): number;
  ring(member: string, options: { ringForMs: number; signal: AbortSignal }): Promise<DialOutcome>;
  clock: Clock;
}

export type HuntOutcome =
  | { kind: 'answered'; leg: Leg; member: string }
  /** Somebody was rung; nobody came in the group's time. */
  | { kind: 'nobody-answered' }
  /** There was nobody to ring. */
  | { kind: 'nobody-free' }
  | { kind: 'cancelled' };

/**
 * Looks for somebody of a group who answers: the free members by the group's strategy, round after round until its time
 * is up. Who has become busy, quiet or unregistered in between is passed over; who has refused is not asked again.
 */
export async function hunt(group: HuntGroup, ports: HuntPorts, signal: AbortSignal): Promise<HuntOutcome> {
  const endsAtMs = ports.clock.monotonic() + group.totalS * 1000;
  const refused = new Set<string>();
  const canBeRung = (member: string) => !refused.has(member) && ports.state(member) === 'free';
  let hasRung = false;
  for (;;) {
    const free = group.members.filter(canBeRung).map((number) => ({ number, freeSince: ports.freeSince(number) }));
    let hasRungInRound = false;
    for (const wave of STRATEGIES[group.strategy](free)) {
      const leftMs = endsAtMs - ports.clock.monotonic();
      if (leftMs <= 0) return { kind: 'nobody-answered' };
      const numbers = wave.map(({ number }) => number).filter(canBeRung);
      const ringForMs = Math.min(leftMs, ringTimeOf(group));
      const result = await firstToAnswer(
        numbers.map((number) => (stop) => ports.ring(number, { ringForMs, signal: stop })),
        signal,
      );
      if ('winner' in result) return { kind: 'answered', leg: result.outcome.leg, member: numbers[result.winner]! };
      if (signal.aborted) return { kind: 'cancelled' };
      result.outcomes.forEach(({ kind }, index) => {
        if (kind === 'refused') refused.add(numbers[index]!);
        if (kind === 'unanswered') hasRungInRound = true;
      });
    }
    hasRung ||= hasRungInRound;
    // A round in which nothing has rung took no time: going on would ask the same phones without end.
    if (!hasRungInRound) return { kind: hasRung ? 'nobody-answered' : 'nobody-free' };
  }
}

/** All at once ring until somebody comes; one after another each has his own time. */
function ringTimeOf({ strategy, ringEachS, totalS }: HuntGroup): number {
  return (strategy === 'all-at-once' ? totalS : ringEachS) * 1000;
}
