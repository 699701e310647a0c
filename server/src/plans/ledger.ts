import type { LedgerChannel, LedgerRow, LedgerState } from '@tocsin/protocol/views.ts';

/** States remembered for each row; beyond it the oldest ten and the newest stay. The timeline has them all. */
const HISTORY_LIMIT = 60;
const HISTORY_OLDEST_KEPT = 10;

export interface LedgerChange {
  person: string;
  channel: LedgerChannel;
  state: LedgerState;
  at: number;
  step: string;
  attempts?: number;
  detail?: string;
  standsInFor?: string;
}

/**
 * The notification ledger of one run: for each person (or zone, or channel) and way of reaching, how far it has come.
 * A deputy has a row of his own for each whom he stands in for.
 */
export class Ledger {
  readonly #run: string;
  readonly #rows = new Map<string, LedgerRow>();

  constructor(run: string, rows: readonly LedgerRow[] = []) {
    this.#run = run;
    for (const row of rows) this.#rows.set(ledgerKey(row), row);
  }

  /** Takes a change; gives the row when it says something new, undefined when it is known or comes too late. */
  report(change: LedgerChange): LedgerRow | undefined {
    const { state, at, detail, step, attempts } = change;
    const key = ledgerKey(change);
    const before = this.#rows.get(key);
    if (before && isOldNews(before, change)) return undefined;
    const { person, channel, standsInFor } = change;
    const row: LedgerRow = {
      id: before?.id ?? `${this.#run}.${this.#rows.size + 1}`,
      run: this.#run,
      step,
      person,
      channel,
      state,
      at,
      attempts: Math.max(before?.attempts ?? 0, attempts ?? 0),
      ...(detail === undefined ? {} : { detail }),
      ...(standsInFor === undefined ? {} : { standsInFor }),
      history: shortened([...(before?.history ?? []), { state, at, ...(detail === undefined ? {} : { detail }) }]),
    };
    this.#rows.set(key, row);
    return row;
  }

  rows(): LedgerRow[] {
    return [...this.#rows.values()];
  }

  get(key: string): LedgerRow | undefined {
    return this.#rows.get(key);
  }
}

/** What there is one row of. */
export function ledgerKey(row: { person: string; channel: LedgerChannel; standsInFor?: string }): string {
  return `${row.person}/${row.channel}/${row.standsInFor ?? ''}`;
}

/** Receipts of short messages may overtake each other; calls may be tried again, so there every change counts. */
const TEXT_ORDER: Partial<Record<LedgerState, number>> = { queued: 0, sent: 1, failed: 2, delivered: 3, confirmed: 4 };

function isOldNews(before: LedgerRow, { state, channel, detail, attempts = 0 }: LedgerChange): boolean {
  if (channel === 'sms') return (TEXT_ORDER[state] ?? 5) <= (TEXT_ORDER[before.state] ?? 5);
  // Queued again says nothing new of somebody who is being reached already.
  if (state === 'queued') return true;
  return state === before.state && detail === before.detail && attempts <= before.attempts;
}

function shortened(history: LedgerRow['history']): LedgerRow['history'] {
  if (history.length <= HISTORY_LIMIT) return history;
  return [...history.slice(0, HISTORY_OLDEST_KEPT), ...history.slice(HISTORY_OLDEST_KEPT - HISTORY_LIMIT)];
}
