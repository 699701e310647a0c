import type { Queryable } from '#store/queryable.ts';
import { link, NOTHING_BEFORE, type Content } from './entry.ts';
import { COLUMNS, type Row } from './read.ts';

/** What a look at the whole chain, or a part of it, found. */
export type Verdict =
  | {
      kind: 'whole';
      entries: number;
      /** Hash of the first entry looked at; empty for no entries. */ first: string;
      last: string;
    }
  | { kind: 'broken'; atSeq: number; why: string };

/** Rows held in memory at a time. */
const PAGE = 2000;

interface SearchedRow extends Row {
  kind: string;
  at: Date;
  recorded_at: Date;
  incident: string | null;
  run: string | null;
  call: string | null;
  alarm: string | null;
  person: string | null;
}

/** Walks the chain from `fromSeq` to `toSeq`, both included; absent: from end to end. */
export async function verifyChain(
  store: Queryable,
  chain: string,
  { fromSeq = 1, toSeq = Number.MAX_SAFE_INTEGER }: { fromSeq?: number; toSeq?: number },
): Promise<Verdict> {
  const startAt = Math.max(1, fromSeq);
  let expected = { seq: startAt, previous: NOTHING_BEFORE };
  if (startAt > 1) {
    const [before] = await store.query<Row>(`SELECT ${COLUMNS} FROM timeline_entry WHERE chain = $1 AND seq = $2`, [
      chain,
      startAt - 1,
    ]);
    if (!before) return { kind: 'broken', atSeq: startAt - 1, why: 'the entry is missing' };
    expected = { seq: startAt, previous: before.hash };
  }
  let entries = 0;
  let first = '';
  for (;;) {
    const rows = await store.query<SearchedRow>(
      `SELECT ${COLUMNS}, kind, at, recorded_at, incident, run, call, alarm, person FROM timeline_entry
       WHERE chain = $1 AND seq >= $2 AND seq <= $3 ORDER BY seq LIMIT ${PAGE}`,
      [chain, expected.seq, toSeq],
    );
    for (const row of rows) {
      const why = whatIsWrong(row, expected);
      if (why) return { kind: 'broken', atSeq: Math.min(row.seq, expected.seq), why };
      first ||= row.hash;
      entries += 1;
      expected = { seq: row.seq + 1, previous: row.hash };
    }
    if (rows.length < PAGE) return { kind: 'whole', entries, first, last: entries > 0 ? expected.previous : '' };
  }
}

function whatIsWrong(row: SearchedRow, expected: { seq: number; previous: string }): string | undefined {
  if (row.seq !== expected.seq) return row.seq < expected.seq ? 'the entry stands twice' : 'the entry is missing';
  if (row.previous !== expected.previous) return 'it does not follow the entry before it';
  const { digest, hash } = link(row.body, row.seq, row.previous);
  if (digest !== row.digest) return 'its content was changed';
  if (hash !== row.hash) return 'its hash was changed';
  const content = JSON.parse(row.body) as Content;
  const isIndexedRight =
    content.kind === row.kind &&
    content.at === row.at.getTime() &&
    content.recordedAt === row.recorded_at.getTime() &&
    (['incident', 'run', 'call', 'alarm', 'person'] as const).every((key) => (content[key] ?? null) === row[key]);
  return isIndexedRight ? undefined : 'what it is found by does not agree with its content';
}
