/** Orders that walk the degradation ladder: `POST /api/commands` with `order.send`, `GET /api/orders`. */
import type { OrderAction, OrderAnswer } from './order-burst.ts';

/** The rungs, in the order in which they are tried: a phone of ours, a number outside, a short message, a satellite burst. */
export const ORDER_RUNGS = ['ip', 'pstn', 'sms', 'burst'] as const;
export type OrderRung = (typeof ORDER_RUNGS)[number];

export type OrderRowState =
  /** The rung is being tried. */
  | 'trying'
  /** The rung cannot be tried now; only in the history. */
  | 'skipped'
  /** The rung was tried in vain. */
  | 'failed'
  /** Every rung was tried in vain; an answer may still come. */
  | 'not-reached'
  | OrderAnswer;

/** One person of an order. */
export interface OrderRow {
  person: string;
  state: OrderRowState;
  at: number;
  rung?: OrderRung;
  detail?: string;
  history: { state: OrderRowState; at: number; rung?: OrderRung; detail?: string }[];
}

export interface OrderView {
  id: string;
  /** Four letters, which people answer with. */
  code: string;
  level: 1 | 2 | 3 | 4;
  action: OrderAction;
  where: string;
  words: string;
  at: number;
  by: string;
  rows: OrderRow[];
}
