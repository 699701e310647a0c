import type { OrderAnswer } from '@tocsin/protocol/order-burst.ts';
import type { OrderRow, OrderRung, OrderRowState } from '@tocsin/protocol/orders.ts';
import { DispatchError } from '#kernel/errors.ts';

/** How one rung ended without the answer coming over another meanwhile. */
export type RungOutcome = { kind: 'answered'; answer: OrderAnswer } | { kind: 'failed'; because: string };

/** One way to reach one person. */
export interface Rung {
  id: OrderRung;
  /** Why it cannot be tried now; undefined: it can. */
  obstacle(): string | undefined;
  /**
   * Tries it, or goes on with it where the server died meanwhile. Aborted when the answer has come another way, or the house closes.
   *
   * @param begunAt when it was first tried, milliseconds since 1970
   */
  climb(signal: AbortSignal, begunAt: number): Promise<RungOutcome>;
}

/** The rung that a server which died was trying. */
export interface Foothold {
  rung: OrderRung;
  begunAt: number;
  /** It had failed already: the walk goes on with the next one. */
  hasFailed: boolean;
}

/**
 * Walks the degradation ladder for one person: the first rung that can be tried is tried, and the next when it has failed,
 * until somebody answers. What is told is durable before the walk goes on.
 */
export async function walkLadder(
  rungs: readonly Rung[],
  options: {
    tell(state: OrderRowState, rung: OrderRung | undefined, detail?: string): Promise<void>;
    now(): number;
    /** Where it stood; absent: at the bottom. */
    from?: Foothold | undefined;
    /**
     * The walk stops where it is, and says nothing: the house closes, or the answer has come by another way, as a text of the
     * third rung may be answered while the burst of the fourth is on its way.
     */
    signal: AbortSignal;
  },
): Promise<void> {
  const { tell, now, from, signal } = options;
  const stopped = new Promise<undefined>((resolve) =>
    signal.addEventListener('abort', () => resolve(undefined), { once: true }),
  );
  const start = from ? rungs.findIndex(({ id }) => id === from.rung) + (from.hasFailed ? 1 : 0) : 0;
  for (const rung of rungs.slice(start)) {
    const isGoingOn = from !== undefined && !from.hasFailed && from.rung === rung.id;
    const obstacle = isGoingOn ? undefined : rung.obstacle();
    await (obstacle !== undefined ? tell('skipped', rung.id, obstacle) : !isGoingOn && tell('trying', rung.id));
    if (signal.aborted) return;
    if (obstacle !== undefined) continue;
    const climbing = rung
      .climb(signal, isGoingOn ? from.begunAt : now())
      .catch((error: unknown): RungOutcome => ({ kind: 'failed', because: complaintOf(error) }));
    const outcome = await Promise.race([climbing, stopped]);
    if (outcome === undefined || signal.aborted) return;
    if (outcome.kind === 'answered') return await tell(outcome.answer, rung.id);
    await tell('failed', rung.id, outcome.because);
    if (signal.aborted) return;
  }
  await tell('not-reached', undefined);
}

/** Where a row's walk stood when its server died; undefined: at the bottom. */
export function footholdOf({ history }: OrderRow): Foothold | undefined {
  const last = history.findLast(({ rung }) => rung !== undefined);
  return last && { rung: last.rung!, begunAt: last.at, hasFailed: last.state !== 'trying' };
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

/** A rung that cannot be tried for what went wrong in the house has failed, and the next one is tried. */
function complaintOf(error: unknown): string {
  return error instanceof DispatchError ? error.code : 'failed';
}
