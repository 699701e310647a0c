/** The statements about orders that walk the degradation ladder. */
import type { Order } from '@tocsin/protocol/order-burst.ts';
import type { OrderRow } from '@tocsin/protocol/orders.ts';
import type { Queryable } from '#store/queryable.ts';
import type { Store } from '#store/store.ts';
import type { InboundText } from './text-store.ts';

/** One person of an order as it lies on the disk. */
export interface KeptOrderRow {
  row: OrderRow;
  /** Ids of the events that were taken as answers. */
  taken: string[];
}

export interface KeptOrder {
  order: Order;
  by: string;
  /** In the order in which the people were named. */
  rows: KeptOrderRow[];
}

/** Writes an order with all its people: all of it or nothing. */
export async function insertOrder(store: Store, { order, by, rows }: KeptOrder): Promise<void> {
  const { id, at, ...body } = order;
  await store.transaction(async (tx) => {
    await tx.query('INSERT INTO orders (number, at, sent_by, body) VALUES ($1, $2, $3, $4)', [
      id,
      at,
      by,
      JSON.stringify(body),
    ]);
    await tx.query(
      `INSERT INTO order_rows (number, at, place, row, taken)
       SELECT $1, $2, r.place, r.row, '[]' FROM jsonb_to_recordset($3::jsonb) AS r(place integer, row jsonb)`,
      [id, at, JSON.stringify(rows.map(({ row }, place) => ({ place, row })))],
    );
  });
}

export async function writeOrderRow(
  store: Queryable,
  { id, at }: Pick<Order, 'id' | 'at'>,
  place: number,
  { row, taken }: KeptOrderRow,
): Promise<void> {
  await store.query('UPDATE order_rows SET row = $4, taken = $5 WHERE number = $1 AND at = $2 AND place = $3', [
    id,
    at,
    place,
    JSON.stringify(row),
    JSON.stringify(taken),
  ]);
}

/** The newest orders, the oldest of them first. */
export async function readOrders(store: Queryable, limit: number): Promise<KeptOrder[]> {
  const orders = await store.query<{ number: number; at: number; by: string; body: Omit<Order, 'id' | 'at'> }>(
    'SELECT number, at, sent_by AS "by", body FROM orders ORDER BY at DESC LIMIT $1',
    [limit],
  );
  const rows = await store.query<{ number: number; at: number } & KeptOrderRow>(
    `SELECT number, at, row, taken FROM order_rows WHERE (number, at) IN
       (SELECT number, at FROM orders ORDER BY at DESC LIMIT $1) ORDER BY number, at, place`,
    [limit],
  );
  const rowsOf = Map.groupBy(rows, ({ number, at }) => `${number}/${at}`);
  return orders.reverse().map(({ number, at, by, body }) => ({
    order: { id: number, at, ...body },
    by,
    rows: (rowsOf.get(`${number}/${at}`) ?? []).map(({ row, taken }) => ({ row, taken })),
  }));
}

/** What these people have written since; the oldest first. */
export async function readTextsFrom(
  store: Queryable,
  people: string[],
  since: number,
  limit: number,
): Promise<Pick<InboundText, 'id' | 'person' | 'text'>[]> {
  return await store.query(
    `SELECT id, person, body AS text FROM text_in WHERE person = ANY($1) AND at >= $2 ORDER BY at, id LIMIT $3`,
    [people, since, limit],
  );
}
