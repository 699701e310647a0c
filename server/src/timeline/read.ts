import type { Queryable } from '#store/queryable.ts';
import type { Content, Entry } from './entry.ts';

/** Which entries to read; every field narrows. Times are of `at`, in milliseconds since 1970. */
export interface TimelineFilter {
  from?: number;
  /** Up to and without this moment. */
  to?: number;
  /** Exact (`call.ended`), or everything of a noun with a dot at the end (`call.`); several: any of them. */
  kind?: string | string[];
  incident?: string;
  run?: string;
  call?: string;
  alarm?: string;
  person?: string;
  afterSeq?: number;
  beforeSeq?: number;
  limit?: number;
  /** Absent: oldest first. With newest first, `limit` keeps the newest. */
  order?: 'oldest-first' | 'newest-first';
}

export const LIMITS = { entriesPerRead: 10_000, entriesWhenNotSaid: 1000 } as const;

/** One row as it lies in the table. */
export interface Row {
  seq: number;
  body: string;
  digest: string;
  previous: string;
  hash: string;
}

export const COLUMNS = 'seq, body, digest, previous, hash';

/** Entries of a chain that match, by their place in it. */
export async function readEntries(store: Queryable, chain: string, filter: TimelineFilter): Promise<Entry[]> {
  const values: unknown[] = [chain];
  const conditions = ['chain = $1'];
  const where = (value: unknown, condition: (place: string) => string) => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  where(filter.from === undefined ? undefined : moment(filter.from), (place) => `at >= ${place}`);
  where(filter.to === undefined ? undefined : moment(filter.to), (place) => `at < ${place}`);
  where(filter.afterSeq, (place) => `seq > ${place}`);
  where(filter.beforeSeq, (place) => `seq < ${place}`);
  for (const field of ['incident', 'run', 'call', 'alarm', 'person'] as const)
    where(filter[field], (place) => `${field} = ${place}`);
  if (filter.kind !== undefined) {
    const kinds = [filter.kind].flat();
    const place = (value: string) => `$${values.push(value)}`;
    const nouns = kinds.filter((kind) => kind.endsWith('.'));
    // A range, not a pattern: the index over kinds is in the order of their characters. `/` comes right after the dot.
    const ranges = nouns.map((noun) => `(kind >= ${place(noun)} AND kind < ${place(`${noun.slice(0, -1)}/`)})`);
    const exact = kinds.filter((kind) => !kind.endsWith('.')).map((kind) => `kind = ${place(kind)}`);
    conditions.push(`(${[...exact, ...ranges].join(' OR ') || 'false'})`);
  }
  const limit = Math.min(Math.max(1, Math.floor(filter.limit ?? LIMITS.entriesWhenNotSaid)), LIMITS.entriesPerRead);
  const order = filter.order === 'newest-first' ? 'DESC' : 'ASC';
  // The fence (OFFSET 0) keeps the planner from walking the whole chain in its order to find a few late entries. One
  // kind alone needs none: its index is in the chain's order.
  const isInOrder = filter.kind === undefined || (typeof filter.kind === 'string' && !filter.kind.endsWith('.'));
  const fence = filter.from === undefined && isInOrder ? '' : 'OFFSET 0';
  const rows = await store.query<Row>(
    `SELECT ${COLUMNS} FROM (SELECT ${COLUMNS} FROM timeline_entry WHERE ${conditions.join(' AND ')} ${fence}) AS found
     ORDER BY seq ${order} LIMIT ${limit}`,
    values,
  );
  return rows.map(toEntry);
}

export function toEntry({ seq, body, digest, previous, hash }: Row): Entry {
  return { ...(JSON.parse(body) as Content), seq, digest, previous, hash };
}

function moment(at: number) {
  const bounded = Number.isFinite(at) ? Math.min(Math.max(at, 0), 253_402_300_799_999) : 0;
  return new Date(bounded).toISOString();
}
