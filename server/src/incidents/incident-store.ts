/** The statements about incidents. */
import type { Level, Name } from '@tocsin/protocol/common.ts';
import type { Queryable } from '#store/queryable.ts';
import type { Store } from '#store/store.ts';

export interface IncidentRecord {
  id: string;
  number: string;
  title: Name;
  level: Level;
  state: 'open' | 'closed';
  isDrill: boolean;
  openedAt: number;
  openedBy: string;
  closedAt?: number;
  owner?: string;
  alarms: string[];
  runs: string[];
}

export interface Part {
  kind: 'alarm' | 'run';
  id: string;
}

const COLUMNS = `id, number, title, level, state, is_drill AS "isDrill", opened_at AS "openedAt", opened_by AS "openedBy",
  closed_at AS "closedAt", owner,
  ARRAY(SELECT part FROM incident_part p WHERE p.incident = i.id AND kind = 'alarm' ORDER BY joined_at, part) AS alarms,
  ARRAY(SELECT part FROM incident_part p WHERE p.incident = i.id AND kind = 'run' ORDER BY joined_at, part) AS runs`;

/** Gives the incident the next number of its day and writes it, with what it begins with. */
export function insertIncident(
  store: Store,
  incident: {
    id: string;
    day: string;
    monthAndDay: string;
    title: Name;
    level: Level;
    isDrill: boolean;
    openedAt: number;
    openedBy: string;
    owner?: string;
  },
  parts: Part[],
): Promise<IncidentRecord> {
  const { id, day, monthAndDay, title, level, isDrill, openedAt, openedBy, owner } = incident;
  return store.transaction(async (tx) => {
    const [last] = await tx.query<{ sequence: number }>(
      'SELECT coalesce(max(sequence), 0) AS sequence FROM incident WHERE day = $1',
      [day],
    );
    const sequence = last!.sequence + 1;
    const number = sequence === 1 ? monthAndDay : `${monthAndDay}-${String(sequence).padStart(2, '0')}`;
    await tx.query(
      `INSERT INTO incident (id, number, day, sequence, title, level, state, is_drill, opened_at, opened_by, owner)
       VALUES ($1, $2, $3, $4, $5, $6, 'open', $7, $8, $9, $10)`,
      [id, number, day, sequence, JSON.stringify(title), level, isDrill, openedAt, openedBy, owner ?? null],
    );
    await insertParts(tx, id, parts, openedAt);
    return (await readIncident(tx, id))!;
  });
}

export async function insertParts(store: Queryable, incident: string, parts: Part[], at: number): Promise<void> {
  if (parts.length === 0) return;
  await store.query(
    `INSERT INTO incident_part (incident, kind, part, joined_at)
     SELECT $1, p.kind, p.id, $3 FROM jsonb_to_recordset($2::jsonb) AS p(kind text, id text) ON CONFLICT DO NOTHING`,
    [incident, JSON.stringify(parts), at],
  );
}

export async function closeIncident(store: Queryable, id: string, at: number, by: string, note: string): Promise<void> {
  await store.query(`UPDATE incident SET state = 'closed', closed_at = $2, closed_by = $3, note = $4 WHERE id = $1`, [
    id,
    at,
    by,
    note,
  ]);
}

export async function ownIncident(store: Queryable, id: string, owner: string): Promise<void> {
  await store.query('UPDATE incident SET owner = $2 WHERE id = $1', [id, owner]);
}

export async function readIncident(store: Queryable, id: string): Promise<IncidentRecord | undefined> {
  const [row] = await store.query<IncidentRecord>(`SELECT ${COLUMNS} FROM incident i WHERE id = $1`, [id]);
  return row && withoutNulls(row);
}

export async function readOpen(store: Queryable): Promise<IncidentRecord[]> {
  const rows = await store.query<IncidentRecord>(
    `SELECT ${COLUMNS} FROM incident i WHERE state = 'open' ORDER BY opened_at, sequence`,
  );
  return rows.map(withoutNulls);
}

export async function readNewest(store: Queryable, limit: number, before: number): Promise<IncidentRecord[]> {
  const rows = await store.query<IncidentRecord>(
    `SELECT ${COLUMNS} FROM incident i WHERE opened_at < $2 ORDER BY opened_at DESC, sequence DESC LIMIT $1`,
    [limit, before],
  );
  return rows.map(withoutNulls);
}

/** SQL's null is our absent. */
function withoutNulls<Row extends object>(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as Row;
}
