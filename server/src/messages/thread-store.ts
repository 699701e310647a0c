/** The statements about conversations by text. */
import type { Queryable } from '#store/queryable.ts';
import type { InboundText } from './text-store.ts';

export interface ThreadRecord {
  thread: string;
  number: string;
  person?: string;
  owner?: string;
  answers?: string;
  state: 'waiting' | 'answered' | 'closed';
  at: number;
}

/** One text of a conversation. */
export interface ThreadText {
  id: string;
  at: number;
  isInbound: boolean;
  text: string;
  /** Of one that we sent: how it fares. */
  state?: string;
  actor?: string;
}

const COLUMNS = 'thread, number, person, owner, answers, state, at';

export async function readThread(store: Queryable, thread: string): Promise<ThreadRecord | undefined> {
  const [row] = await store.query<ThreadRecord>(`SELECT ${COLUMNS} FROM text_threads WHERE thread = $1`, [thread]);
  return row && withoutNulls(row);
}

/** Conversations that are not closed, newest first. */
export async function readOpenThreads(store: Queryable, limit: number): Promise<ThreadRecord[]> {
  const rows = await store.query<ThreadRecord>(
    `SELECT ${COLUMNS} FROM text_threads WHERE state <> 'closed' ORDER BY at DESC LIMIT $1`,
    [limit],
  );
  return rows.map(withoutNulls);
}

export async function writeThread(store: Queryable, record: ThreadRecord): Promise<void> {
  const { thread, number, person, owner, answers, state, at } = record;
  await store.query(
    `INSERT INTO text_threads (thread, number, person, owner, answers, state, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (thread) DO UPDATE SET number = $2, person = $3, owner = $4, answers = $5, state = $6, at = $7`,
    [thread, number, person ?? null, owner ?? null, answers ?? null, state, at],
  );
}

/** The last texts of a conversation, oldest first. */
export async function readThreadTexts(store: Queryable, thread: string, limit: number): Promise<ThreadText[]> {
  const rows = await store.query<ThreadText>(
    `SELECT * FROM (
       SELECT id, queued_at AS at, false AS "isInbound", body AS text, state, actor FROM text_out WHERE thread = $1
       UNION ALL
       SELECT id, at, true, body, NULL, NULL FROM text_in WHERE thread = $1
     ) both_ways ORDER BY at DESC, id DESC LIMIT $2`,
    [thread, limit],
  );
  return rows.map(withoutNulls).reverse();
}

/** The last text that a person of ours wrote to this number since a moment: an answer belongs to him. */
export async function readLastQuestion(
  store: Queryable,
  thread: string,
  since: number,
): Promise<{ id: string; actor: string } | undefined> {
  const [row] = await store.query<{ id: string; actor: string }>(
    `SELECT id, actor FROM text_out WHERE thread = $1 AND actor IS NOT NULL AND queued_at >= $2
     ORDER BY queued_at DESC LIMIT 1`,
    [thread, since],
  );
  return row;
}

/** Texts that came in and that no conversation knows of. */
export async function readUnrouted(store: Queryable, limit: number): Promise<InboundText[]> {
  const rows = await store.query<InboundText>(
    `SELECT i.id, i.at, i.from_number AS "from", i.to_number AS "to", i.person, i.body AS text FROM text_in i
     LEFT JOIN text_threads t USING (thread)
     WHERE i.thread IS NOT NULL AND (t.thread IS NULL OR i.at > t.at) ORDER BY i.at LIMIT $1`,
    [limit],
  );
  return rows.map(withoutNulls);
}

/** SQL's null is our absent. */
function withoutNulls<Row extends object>(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as Row;
}
