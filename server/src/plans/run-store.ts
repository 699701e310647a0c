/** The statements about runs, their steps and their ledger. */
import type { AlarmView, LedgerRow, RunView, StepState } from '@tocsin/protocol/views.ts';
import type { Name } from '@tocsin/protocol/common.ts';
import type { Queryable } from '#store/queryable.ts';
import type { Store } from '#store/store.ts';
import type { Plan } from './plan.ts';
import type { Parameters } from './step.ts';

/** A run as the database has it. */
export interface RunRecord {
  id: string;
  plan: string;
  document: Plan;
  parameters: Parameters;
  isDrill: boolean;
  state: RunView['state'];
  because?: string;
  startedBy: string;
  startedAt: number;
  endedAt?: number;
  incident?: string;
  alarm?: AlarmView;
  conference?: string;
  figures: RunView['figures'];
}

export interface StepRecord {
  id: string;
  place: number;
  state: StepState;
  startedAt?: number;
  endedAt?: number;
  because?: string;
  summary?: Name;
  choice?: string;
}

export interface RunRecords {
  run: RunRecord;
  steps: StepRecord[];
  ledger: LedgerRow[];
}

/** The run, its steps and whom its first steps intend to reach, in one transaction: the press is durable, or it is not. */
export async function insertRun(store: Store, { run, steps, ledger }: RunRecords): Promise<void> {
  await store.transaction(async (tx) => {
    await tx.query(
      `INSERT INTO run (id, plan, document, parameters, is_drill, state, started_by, started_at, incident, alarm, figures)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING`,
      [
        run.id,
        run.plan,
        JSON.stringify(run.document),
        JSON.stringify(run.parameters),
        run.isDrill,
        run.state,
        run.startedBy,
        run.startedAt,
        run.incident ?? null,
        run.alarm ? JSON.stringify(run.alarm) : null,
        JSON.stringify(run.figures),
      ],
    );
    await saveSteps(tx, run.id, steps);
    await saveLedger(tx, run.id, ledger);
  });
}

/** Writes what has changed, in one transaction. */
export async function saveRun(store: Store, run: RunRecord, steps: StepRecord[], ledger: LedgerRow[]): Promise<void> {
  await store.transaction(async (tx) => {
    await tx.query(
      `UPDATE run SET state = $2, because = $3, ended_at = $4, incident = $5, conference = $6, figures = $7 WHERE id = $1`,
      [
        run.id,
        run.state,
        run.because ?? null,
        run.endedAt ?? null,
        run.incident ?? null,
        run.conference ?? null,
        JSON.stringify(run.figures),
      ],
    );
    await saveSteps(tx, run.id, steps);
    await saveLedger(tx, run.id, ledger);
  });
}

async function saveSteps(tx: Queryable, run: string, steps: StepRecord[]): Promise<void> {
  if (steps.length === 0) return;
  await tx.query(
    `INSERT INTO run_step (run, id, place, state, started_at, ended_at, because, summary, choice)
     SELECT $1, s.id, s.place, s.state, s."startedAt", s."endedAt", s.because, s.summary, s.choice
     FROM jsonb_to_recordset($2::jsonb) AS s(id text, place integer, state text, "startedAt" bigint, "endedAt" bigint,
       because text, summary jsonb, choice text)
     ON CONFLICT (run, id) DO UPDATE SET state = excluded.state, started_at = excluded.started_at,
       ended_at = excluded.ended_at, because = excluded.because, summary = excluded.summary, choice = excluded.choice`,
    [run, JSON.stringify(steps)],
  );
}

async function saveLedger(tx: Queryable, run: string, rows: LedgerRow[]): Promise<void> {
  if (rows.length === 0) return;
  // The place is the number at the end of the id, which counts within the run.
  const placed = rows.map((row) => ({
    ...row,
    standsInFor: row.standsInFor ?? '',
    place: Number(row.id.split('.').at(-1)),
  }));
  await tx.query(
    `INSERT INTO ledger (run, person, channel, stands_in_for, id, step, place, state, at, attempts, detail, history)
     SELECT $1, r.person, r.channel, r."standsInFor", r.id, r.step, r.place, r.state, r.at, r.attempts, r.detail, r.history
     FROM jsonb_to_recordset($2::jsonb) AS r(person text, channel text, "standsInFor" text, id text, step text,
       place integer, state text, at bigint, attempts integer, detail text, history jsonb)
     ON CONFLICT (run, person, channel, stands_in_for) DO UPDATE SET step = excluded.step, state = excluded.state,
       at = excluded.at, attempts = excluded.attempts, detail = excluded.detail, history = excluded.history`,
    [run, JSON.stringify(placed)],
  );
}

/** The runs that the last server left running, oldest first. */
export async function runningRuns(store: Store): Promise<string[]> {
  const rows = await store.query<{ id: string }>(`SELECT id FROM run WHERE state = 'running' ORDER BY started_at, id`);
  return rows.map(({ id }) => id);
}

/** The newest runs, running or not. */
export async function newestRuns(store: Store, limit: number, before = Number.MAX_SAFE_INTEGER): Promise<string[]> {
  const rows = await store.query<{ id: string }>(
    `SELECT id FROM run WHERE started_at < $2 ORDER BY started_at DESC, id DESC LIMIT $1`,
    [limit, before],
  );
  return rows.map(({ id }) => id);
}

/** Everything about one run; undefined when there is none with this id. */
export async function readRun(store: Store, id: string): Promise<RunRecords | undefined> {
  const [run] = await store.query<RunRecord>(
    `SELECT id, plan, document, parameters, is_drill AS "isDrill", state, because, started_by AS "startedBy",
       started_at AS "startedAt", ended_at AS "endedAt", incident, alarm, conference, figures FROM run WHERE id = $1`,
    [id],
  );
  if (!run) return undefined;
  const steps = await store.query<StepRecord>(
    `SELECT id, place, state, started_at AS "startedAt", ended_at AS "endedAt", because, summary, choice
     FROM run_step WHERE run = $1 ORDER BY place`,
    [id],
  );
  const ledger = await store.query<LedgerRow>(
    `SELECT id, run, step, person, channel, state, at, attempts, detail, nullif(stands_in_for, '') AS "standsInFor", history
     FROM ledger WHERE run = $1 ORDER BY place`,
    [id],
  );
  return { run: withoutNulls(run), steps: steps.map(withoutNulls), ledger: ledger.map(withoutNulls) };
}

/** SQL's null is our absent. */
function withoutNulls<Row extends object>(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as Row;
}
