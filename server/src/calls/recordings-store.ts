import type { RecordingList, RecordingQuery, RecordingView } from '@tocsin/protocol/recording.ts';
import type { Queryable } from '#store/queryable.ts';
import type { RecordingOf } from './recording.ts';

/** One recording as it lies in the table. */
interface Row {
  id: string;
  file: string;
  started_at: Date;
  closed_at: Date | null;
  duration_ms: number | null;
  sha256: string | null;
  packed_sha256: string | null;
  facts: RecordingOf;
  caller: string | null;
  called: string | null;
  direction: RecordingView['direction'] | null;
  accounts: string[];
  gaps: RecordingView['gaps'];
  voiced: RecordingView['gaps'] | null;
  deleted_at: Date | null;
  deleted_by: string | null;
  deleted_because: string | null;
}

/** Recordings that fit all of a query, the newest first, and how many there are in all. */
export async function findRecordings(store: Queryable, query: RecordingQuery): Promise<RecordingList> {
  const values: unknown[] = [];
  const conditions = ['true'];
  const where = (value: unknown, condition: (place: string) => string) => {
    if (value === undefined || value === '') return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  where(query.from === undefined ? undefined : new Date(query.from), (at) => `started_at >= ${at}`);
  where(query.to === undefined ? undefined : new Date(query.to), (at) => `started_at < ${at}`);
  where(query.caller, (number) => `caller = ${number}`);
  where(query.called, (number) => `called = ${number}`);
  // Somebody searches with the digits he has; the characters of LIKE mean themselves.
  where(
    query.number && `%${query.number.replaceAll(/[\\%_]/g, '\\$&')}%`,
    (part) => `(caller like ${part} or called like ${part})`,
  );
  where(query.agent, (account) => `${account} = any(accounts)`);
  where(query.direction, (direction) => `direction = ${direction}`);
  where(query.of, (of) => `${OF} = ${of}`);
  where(query.channel, (channel) => `facts->>'channel' = ${channel}`);
  where(query.call, (call) => `facts->>'call' = ${call}`);
  where(query.incident, (incident) => `facts->>'incident' = ${incident}`);
  where(query.leastS === undefined ? undefined : query.leastS * 1000, (ms) => `duration_ms >= ${ms}`);
  where(query.mostS === undefined ? undefined : query.mostS * 1000, (ms) => `duration_ms <= ${ms}`);
  if (!query.withDeleted) conditions.push('deleted_at is null');
  const fitting = `from recordings where ${conditions.join(' and ')}`;
  const [sum] = await store.query<{ total: number; ms: number }>(
    `select count(*)::int as total, coalesce(sum(duration_ms), 0)::float8 as ms ${fitting}`,
    values,
  );
  const rows = await store.query<Row>(
    `select * ${fitting} order by started_at desc, id limit $${values.length + 1} offset $${values.length + 2}`,
    [...values, query.limit, query.offset],
  );
  return { total: sum!.total, totalMs: sum!.ms, recordings: rows.map(viewOf) };
}

/** What a recording is of: what a table of rows of calls, conferences, channels, loudspeakers and video is asked by. */
const OF = `case when file ~ '\\.(webm|mkv)$' then 'video' when facts ? 'conference' then 'conference'
  when facts ? 'channel' then 'channel' when facts ? 'call' then 'call' else 'announcement' end`;

export interface KeptRecording {
  id: string;
  /** Below the data folder. */
  file: string;
  sha256: string;
  packedSha256?: string;
  facts: RecordingOf;
  isDeleted: boolean;
}

/** A recording that is sealed, by its id, or by the hash of the file that it was sealed as or packed to. */
export async function readRecording(
  store: Queryable,
  by: { id: string } | { sha256: string },
): Promise<KeptRecording | undefined> {
  const condition = 'id' in by ? 'id = $1' : '(sha256 = $1 or packed_sha256 = $1)';
  const [row] = await store.query<Row>(
    `select * from recordings where ${condition} and closed_at is not null and sha256 is not null limit 1`,
    ['id' in by ? by.id : by.sha256],
  );
  if (!row) return undefined;
  return {
    id: row.id,
    file: row.file,
    sha256: row.sha256!,
    ...(row.packed_sha256 ? { packedSha256: row.packed_sha256 } : {}),
    facts: row.facts,
    isDeleted: row.deleted_at !== null,
  };
}

/** Remembers who deleted it, and why. @returns where its file lies at that moment; undefined when somebody was quicker */
export async function markDeleted(
  store: Queryable,
  id: string,
  { atMs, by, because }: { atMs: number; by: string; because: string },
): Promise<string | undefined> {
  const [row] = await store.query<{ file: string }>(
    `update recordings set deleted_at = $2, deleted_by = $3, deleted_because = $4
     where id = $1 and deleted_at is null returning file`,
    [id, new Date(atMs), by, because],
  );
  return row?.file;
}

function viewOf(row: Row): RecordingView {
  const { facts } = row;
  const sha256 = row.packed_sha256 ?? row.sha256;
  return {
    id: row.id,
    startedAt: row.started_at.getTime(),
    ...(row.duration_ms === null ? {} : { ms: row.duration_ms }),
    of: /\.(webm|mkv)$/.test(row.file)
      ? 'video'
      : facts.conference
        ? 'conference'
        : facts.channel
          ? 'channel'
          : facts.call
            ? 'call'
            : 'announcement',
    title: facts.title ?? '',
    ...(row.caller === null ? {} : { caller: row.caller }),
    ...(row.called === null ? {} : { called: row.called }),
    ...(row.direction === null || row.direction === undefined ? {} : { direction: row.direction }),
    accounts: row.accounts,
    ...(facts.call ? { call: facts.call } : {}),
    ...(facts.conference ? { conference: facts.conference } : {}),
    ...(facts.channel ? { channel: facts.channel } : {}),
    ...(facts.incident ? { incident: facts.incident } : {}),
    isDrill: facts.isDrill ?? false,
    state: row.deleted_at ? 'deleted' : row.closed_at === null ? 'running' : sha256 === null ? 'lost' : 'kept',
    format: row.file.split('.').at(-1) ?? '',
    ...(sha256 === null || row.deleted_at ? {} : { sha256, url: `/api/recordings/${sha256}` }),
    gaps: row.gaps.map(({ fromMs, toMs }) => ({ fromMs, toMs: toMs ?? row.duration_ms ?? fromMs })),
    ...(row.voiced ? { voiced: row.voiced } : {}),
    ...(row.deleted_at
      ? { deleted: { at: row.deleted_at.getTime(), by: row.deleted_by ?? '', because: row.deleted_because ?? '' } }
      : {}),
  };
}
