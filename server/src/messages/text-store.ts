/** The statements about short messages. */
import type { Queryable } from '#store/queryable.ts';
import type { Store } from '#store/store.ts';
import { threadKey } from './thread-key.ts';

export interface TextState {
  id: string;
  run?: string;
  incident?: string;
  person?: string;
  number: string;
  text: string;
  parts: number;
  /** `receipt-lost`: sent, and no receipt came; it may be there or not. */
  state: 'queued' | 'sent' | 'delivered' | 'receipt-lost' | 'failed';
  at: number;
  detail?: string;
}

export interface InboundText {
  id: string;
  at: number;
  from: string;
  to: string;
  person?: string;
  text: string;
}

export interface TextRecord {
  id: string;
  person?: string;
  number: string;
  body: string;
  parts: number;
  run?: string;
  incident?: string;
  isDrill: boolean;
  state: TextState['state'];
  at: number;
  queuedAt: number;
  attempts: number;
  detail?: string;
  /** The user who wrote it. */
  actor?: string;
  /** See thread-key.ts. */
  thread?: string;
}

export interface TextFacts {
  parts?: number;
  providerMessageId?: string;
  detail?: string;
}

const COLUMNS = `id, person, number, body, parts, run, incident, is_drill AS "isDrill", state, at, queued_at AS "queuedAt",
  attempts, detail`;

/** Writes those that are not there yet; gives their ids. */
export async function insertTexts(store: Queryable, records: TextRecord[]): Promise<Set<string>> {
  const rows = await store.query<{ id: string }>(
    `INSERT INTO text_out (id, person, number, body, parts, run, incident, is_drill, state, at, queued_at, detail, actor, thread)
     SELECT t.id, t.person, t.number, t.body, t.parts, t.run, t.incident, t."isDrill", t.state, t.at, t."queuedAt", t.detail,
       t.actor, t.thread
     FROM jsonb_to_recordset($1::jsonb) AS t(id text, person text, number text, body text, parts integer, run text,
       incident text, "isDrill" boolean, state text, at bigint, "queuedAt" bigint, detail text, actor text, thread text)
     ON CONFLICT (id) DO NOTHING RETURNING id`,
    [JSON.stringify(records)],
  );
  return new Set(rows.map(({ id }) => id));
}

export async function readTexts(store: Queryable, ids: string[]): Promise<TextRecord[]> {
  const rows = await store.query<TextRecord>(`SELECT ${COLUMNS} FROM text_out WHERE id = ANY($1)`, [ids]);
  return rows.map(withoutNulls);
}

export async function readTextsOfRun(store: Queryable, run: string): Promise<TextRecord[]> {
  const rows = await store.query<TextRecord>(`SELECT ${COLUMNS} FROM text_out WHERE run = $1 ORDER BY place`, [run]);
  return rows.map(withoutNulls);
}

export async function countQueued(store: Queryable): Promise<number> {
  const [row] = await store.query<{ count: number }>(`SELECT count(*) FROM text_out WHERE state = 'queued'`);
  return row!.count;
}

/** The next texts to hand over, in the order in which they were queued, but those that are on their way. */
export function readQueued(store: Queryable, inFlight: string[], limit: number) {
  return store.query<{ id: string; number: string; body: string }>(
    `SELECT id, number, body FROM text_out WHERE state = 'queued' AND id <> ALL($1) ORDER BY place LIMIT $2`,
    [inFlight, limit],
  );
}

export async function markHanded(store: Queryable, ids: string[], at: number): Promise<void> {
  await store.query('UPDATE text_out SET handed_at = $2, attempts = attempts + 1 WHERE id = ANY($1)', [ids, at]);
}

/** Which state may follow which; receipts come late, twice, and in any order. */
const MAY_BECOME: Record<TextState['state'], TextState['state'][]> = {
  queued: ['queued', 'sent', 'delivered', 'receipt-lost', 'failed'],
  sent: ['delivered', 'receipt-lost', 'failed'],
  'receipt-lost': ['delivered', 'failed'],
  // A provider that has given a text up and delivers it after all is believed.
  failed: ['delivered'],
  delivered: [],
};

/** Takes news of a text; undefined when there is no such text or the news are old. */
export function changeText(store: Store, id: string, state: TextState['state'], at: number, facts: TextFacts) {
  return store.transaction(async (tx) => {
    const [row] = await tx.query<{ state: TextState['state'] }>('SELECT state FROM text_out WHERE id = $1 FOR UPDATE', [
      id,
    ]);
    if (!row || !MAY_BECOME[row.state].includes(state)) return undefined;
    const [record] = await tx.query<TextRecord>(
      `UPDATE text_out SET state = $2, at = $3, parts = coalesce($4, parts),
         provider_message_id = coalesce($5, provider_message_id), detail = $6 WHERE id = $1 RETURNING ${COLUMNS}`,
      [id, state, at, facts.parts ?? null, facts.providerMessageId ?? null, facts.detail ?? null],
    );
    return { before: row.state, record: withoutNulls(record!) };
  });
}

/** False when it was there already: a second copy after the gateway's store and forward. */
export async function insertInbound(
  store: Queryable,
  { id, at, from, to, person, text }: InboundText,
): Promise<boolean> {
  const rows = await store.query(
    `INSERT INTO text_in (id, at, from_number, to_number, person, body, thread) VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (id) DO NOTHING RETURNING id`,
    [id, at, from, to, person ?? null, text, threadKey(from)],
  );
  return rows.length > 0;
}

export async function readInbox(
  store: Queryable,
  limit: number,
  before = Number.MAX_SAFE_INTEGER,
): Promise<InboundText[]> {
  const rows = await store.query<InboundText>(
    `SELECT id, at, from_number AS "from", to_number AS "to", person, body AS text FROM text_in WHERE at < $2
     ORDER BY at DESC LIMIT $1`,
    [limit, before],
  );
  return rows.map(withoutNulls);
}

/** SQL's null is our absent. */
function withoutNulls<Row extends object>(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as Row;
}
