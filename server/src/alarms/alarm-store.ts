/** The statements about alarms, their signals, and what is known of devices and gauges. */
import type { AlarmView, ShelfView } from '@tocsin/protocol/views.ts';
import type { Queryable } from '#store/queryable.ts';
import type { Store } from '#store/store.ts';
import type { Signal } from './signal.ts';

export interface AlarmRecord {
  view: AlarmView;
  sameness: string;
  lastSignalAt: number;
}

export interface SourceRecord {
  id: string;
  kind: 'device' | 'gauge';
  heardAt?: number;
  state: Record<string, unknown>;
}

export interface Reading {
  gauge: string;
  at: number;
  value: number;
}

/** What one transaction of the writer holds. */
export interface Batch {
  signals: { signal: Signal; alarm: string }[];
  alarms: AlarmRecord[];
  folds: { from: string[]; into: string }[];
  sources: SourceRecord[];
  readings: Reading[];
  /** As they are now; those without a view are gone. */
  shelves: { id: string; shelf: ShelfView | undefined }[];
}

export async function saveBatch(store: Store, batch: Batch): Promise<void> {
  await store.transaction(async (tx) => {
    await saveAlarms(tx, batch.alarms);
    await saveSignals(tx, batch.signals);
    // After the signals: one that came in this very batch may belong to a card that was folded meanwhile.
    for (const { from, into } of batch.folds) {
      await tx.query('UPDATE alarm_signal SET alarm = $2 WHERE alarm = ANY($1)', [from, into]);
    }
    await saveSources(tx, batch.sources);
    await saveShelves(tx, batch.shelves);
    await saveReadings(tx, batch.readings);
  });
}

async function saveAlarms(tx: Queryable, alarms: AlarmRecord[]): Promise<void> {
  if (alarms.length === 0) return;
  const rows = alarms.map(({ view, sameness, lastSignalAt }) => ({
    id: view.id,
    sameness,
    lastSignalAt,
    state: view.state,
    raisedAt: view.raisedAt,
    clearedAt: view.clearedAt,
    view,
  }));
  await tx.query(
    `INSERT INTO alarm (id, sameness, state, raised_at, last_signal_at, cleared_at, view)
     SELECT a.id, a.sameness, a.state, a."raisedAt", a."lastSignalAt", a."clearedAt", a.view
     FROM jsonb_to_recordset($1::jsonb) AS a(id text, sameness text, state text, "raisedAt" bigint, "lastSignalAt" bigint,
       "clearedAt" bigint, view jsonb)
     ON CONFLICT (id) DO UPDATE SET state = excluded.state, last_signal_at = excluded.last_signal_at,
       cleared_at = excluded.cleared_at, view = excluded.view`,
    [JSON.stringify(rows)],
  );
}

async function saveSignals(tx: Queryable, signals: Batch['signals']): Promise<void> {
  if (signals.length === 0) return;
  const rows = signals.map(({ signal, alarm }) => ({
    id: signal.id,
    alarm,
    arrivedAt: signal.arrivedAt,
    source: signal.device ?? signal.gauge ?? 'system',
    body: signal,
  }));
  await tx.query(
    `INSERT INTO alarm_signal (id, alarm, arrived_at, source, body)
     SELECT s.id, s.alarm, s."arrivedAt", s.source, s.body
     FROM jsonb_to_recordset($1::jsonb) AS s(id text, alarm text, "arrivedAt" bigint, source text, body jsonb)
     ON CONFLICT (id) DO NOTHING`,
    [JSON.stringify(rows)],
  );
}

async function saveSources(tx: Queryable, sources: SourceRecord[]): Promise<void> {
  if (sources.length === 0) return;
  await tx.query(
    `INSERT INTO watched_source (id, kind, heard_at, state)
     SELECT s.id, s.kind, s."heardAt", s.state
     FROM jsonb_to_recordset($1::jsonb) AS s(id text, kind text, "heardAt" bigint, state jsonb)
     ON CONFLICT (id) DO UPDATE SET heard_at = excluded.heard_at, state = excluded.state`,
    [JSON.stringify(sources)],
  );
}

async function saveShelves(tx: Queryable, shelves: Batch['shelves']): Promise<void> {
  if (shelves.length === 0) return;
  const kept = shelves.flatMap(({ shelf }) => shelf ?? []);
  const gone = shelves.filter(({ shelf }) => !shelf).map(({ id }) => id);
  await tx.query('DELETE FROM alarm_shelf WHERE source = ANY($1)', [gone]);
  await tx.query(
    `INSERT INTO alarm_shelf (source, body) SELECT s->>'id', s FROM jsonb_array_elements($1::jsonb) AS s
     ON CONFLICT (source) DO UPDATE SET body = excluded.body`,
    [JSON.stringify(kept)],
  );
}

export async function readShelves(store: Queryable): Promise<ShelfView[]> {
  return (await store.query<{ body: ShelfView }>('SELECT body FROM alarm_shelf')).map(({ body }) => body);
}

async function saveReadings(tx: Queryable, readings: Reading[]): Promise<void> {
  if (readings.length === 0) return;
  await tx.query(
    `INSERT INTO gauge_reading (gauge, at, value)
     SELECT r.gauge, r.at, r.value FROM jsonb_to_recordset($1::jsonb) AS r(gauge text, at bigint, value double precision)
     ON CONFLICT (gauge, at) DO NOTHING`,
    [JSON.stringify(readings)],
  );
}

/**
 * Alarms that are not cleared, in the order of raising. Each counts the signals that are on the disk: a card may have been
 * written with signals that were not yet, and those are sent again.
 */
export async function readOpenAlarms(store: Queryable): Promise<AlarmRecord[]> {
  const rows = await store.query<AlarmRecord & { count: number }>(
    `SELECT view, sameness, last_signal_at AS "lastSignalAt",
       (SELECT count(*) FROM alarm_signal s WHERE s.alarm = a.id AND s.body->>'isOver' IS DISTINCT FROM 'true') AS count
     FROM alarm a WHERE state <> 'cleared' ORDER BY raised_at, id`,
  );
  return rows.map(({ count, view, ...record }) => ({ ...record, view: { ...view, count } }));
}

export async function readAlarm(store: Queryable, id: string): Promise<AlarmRecord | undefined> {
  const rows = await store.query<AlarmRecord>(
    'SELECT view, sameness, last_signal_at AS "lastSignalAt" FROM alarm WHERE id = $1',
    [id],
  );
  return rows[0];
}

/** The newest alarms, open or cleared. */
export async function readHistory(store: Queryable, limit: number, before: number): Promise<AlarmView[]> {
  const rows = await store.query<{ view: AlarmView }>(
    'SELECT view FROM alarm WHERE raised_at < $2 ORDER BY raised_at DESC, id DESC LIMIT $1',
    [limit, before],
  );
  return rows.map(({ view }) => view);
}

export async function readSignals(store: Queryable, alarm: string, limit: number): Promise<Signal[]> {
  const rows = await store.query<{ body: Signal }>(
    'SELECT body FROM alarm_signal WHERE alarm = $1 ORDER BY arrived_at, id LIMIT $2',
    [alarm, limit],
  );
  return rows.map(({ body }) => body);
}

/** Ids and times of the newest signals since then, the oldest first: for knowing second copies, and whether there is a flood. */
export function readRecentSignals(store: Queryable, since: number, limit: number) {
  return store.query<{ id: string; arrivedAt: number }>(
    `SELECT * FROM (SELECT id, arrived_at AS "arrivedAt" FROM alarm_signal WHERE arrived_at >= $1
       ORDER BY arrived_at DESC LIMIT $2) AS newest ORDER BY "arrivedAt"`,
    [since, limit],
  );
}

export async function readSources(store: Queryable): Promise<SourceRecord[]> {
  return store.query<SourceRecord>('SELECT id, kind, heard_at AS "heardAt", state FROM watched_source');
}

export function readReadings(store: Queryable, since: number): Promise<Reading[]> {
  return store.query<Reading>('SELECT gauge, at, value FROM gauge_reading WHERE at >= $1 ORDER BY at', [since]);
}

/** Readings of one gauge, oldest first. */
export function readCurve(
  store: Queryable,
  gauge: string,
  from: number,
  to: number,
  limit: number,
): Promise<Reading[]> {
  return store.query<Reading>(
    'SELECT gauge, at, value FROM gauge_reading WHERE gauge = $1 AND at BETWEEN $2 AND $3 ORDER BY at LIMIT $4',
    [gauge, from, to, limit],
  );
}
