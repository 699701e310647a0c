import type { OrderAnswer } from '@tocsin/protocol/order-burst.ts';
import type { OrderRow, OrderRung, OrderRowState } from '@tocsin/protocol/orders.ts';

/** How one rung ended without the answer coming over another meanwhile. */
export type RungOutcome = { kind: 'answered'; answer: OrderAnswer } | { kind: 'failed'; because: string };

/** One way to reach one person. */
export interface Rung {
  id: OrderRung;
  /** Why it cannot be tried now; undefined: it can. */
  obstacle(): string | undefined;
  /** Tries it. Aborted when the answer has come another way. */
  climb(signal: AbortSignal): Promise<RungOutcome>;
}

/**
 * Walks the degradation ladder for one person: the first rung that can be tried is tried, and the next when it has failed,
 * until somebody answers. An answer counts by whichever way it comes: a text of the third rung may be answered while the
 * burst of the fourth is on its way, and `answered` tells of it.
 */
export async function walkLadder(
  rungs: readonly Rung[],
  options: {
    answered: Promise<{ answer: OrderAnswer; rung: OrderRung }>;
    tell(state: OrderRowState, rung: OrderRung | undefined, detail?: string): void;
  },
): Promise<void> {
  const { answered, tell } = options;
  for (const rung of rungs) {
    const obstacle = rung.obstacle();
    if (obstacle !== undefined) {
      tell('skipped', rung.id, obstacle);
      continue;
    }
    tell('trying', rung.id);
    const stop = new AbortController();
    const outcome = await Promise.race([
      rung.climb(stop.signal).then((each) => ({ ...each, rung: rung.id })),
      answered.then(({ answer, rung: by }) => ({ kind: 'answered' as const, answer, rung: by })),
    ]);
    stop.abort();
    if (outcome.kind === 'answered') return tell(outcome.answer, outcome.rung);
    tell('failed', rung.id, outcome.because);
  }
  tell('not-reached', undefined);
}

/** Puts a change into a row: what is shown is the last that matters, what is kept is all. */
export function changeRow(row: OrderRow, at: number, state: OrderRowState, rung?: OrderRung, detail?: string): void {
  row.history.push({ state, at, ...(rung ? { rung } : {}), ...(detail ? { detail } : {}) });
  if (state === 'skipped') return;
  row.state = state;
  row.at = at;
  if (rung) row.rung = rung;
  if (detail) row.detail = detail;
  else delete row.detail;
}
