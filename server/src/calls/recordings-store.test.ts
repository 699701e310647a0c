import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecordingQuery } from '@tocsin/protocol/recording.ts';
import { openTestStore } from '#store/test-database.ts';
import { findRecordings, markDeleted, readRecording } from './recordings-store.ts';

const NOON = Date.parse('2026-11-22T04:00Z');
const MINUTE = 60_000;

test('recordings are found by each thing that is known of them, and by all together', async (t) => {
  const store = await openTestStore(t);
  const add = (id: string, minute: number, seconds: number | null, row: Record<string, unknown> = {}, facts = {}) =>
    store.query(
      `insert into recordings (id, file, started_at, closed_at, duration_ms, sha256, facts, caller, called, direction, accounts)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        ...[id, row['file'] ?? `recordings/${id}.wav`, new Date(NOON + minute * MINUTE)],
        ...(seconds === null
          ? [null, null, null]
          : [new Date(NOON + minute * MINUTE), seconds * 1000, id.padEnd(64, '0')]),
        JSON.stringify({ title: id, ...facts }),
        ...[row['caller'] ?? null, row['called'] ?? null, row['direction'] ?? null, row['accounts'] ?? []],
      ],
    );
  await add(
    'a1',
    0,
    90,
    { caller: '13900001188', called: '1003', direction: 'in', accounts: ['1003'] },
    { call: 'c1' },
  );
  await add(
    'a2',
    1,
    5,
    { caller: '1003', called: '1004', direction: 'internal', accounts: ['1003', '1004'] },
    { call: 'c2' },
  );
  await add(
    'a3',
    2,
    30,
    { caller: '1004', called: '13900001188', direction: 'out', accounts: ['1004'] },
    { call: 'c3' },
  );
  await add('a4', 3, 600, {}, { conference: 'f1', incident: 'i1' });
  await add('a5', 4, 20, {}, { channel: 'vhf-1' });
  await add('a6', 5, 20, { file: 'recordings/video/a6.webm' });
  await add('a7', 6, null, { caller: '1_%', called: '1005', direction: 'internal' }, { call: 'c4' });
  const find = async (query: object) =>
    (await findRecordings(store, RecordingQuery.parse(query))).recordings.map(({ id }) => id).join(' ');

  assert.equal(await find({}), 'a7 a6 a5 a4 a3 a2 a1');
  assert.equal(await find({ caller: '1003' }), 'a2');
  assert.equal(await find({ called: '1003' }), 'a1');
  assert.equal(await find({ number: '0001188' }), 'a3 a1');
  assert.equal(await find({ number: '_%' }), 'a7', 'what LIKE would take for a pattern means itself');
  assert.equal(await find({ agent: '1003' }), 'a2 a1');
  assert.equal(await find({ direction: 'out' }), 'a3');
  assert.equal(await find({ of: 'conference' }), 'a4');
  assert.equal(await find({ of: 'channel', channel: 'vhf-1' }), 'a5');
  assert.equal(await find({ of: 'video' }), 'a6');
  assert.equal(await find({ of: 'call' }), 'a7 a3 a2 a1');
  assert.equal(await find({ incident: 'i1' }), 'a4');
  assert.equal(await find({ leastS: '20', mostS: '90' }), 'a6 a5 a3 a1');
  assert.equal(await find({ from: NOON + MINUTE, to: NOON + 3 * MINUTE }), 'a3 a2');
  assert.equal(await find({ agent: '1003', direction: 'in', leastS: 60, from: NOON, number: '139' }), 'a1');
  assert.equal(await find({ agent: '1003', direction: 'out' }), '');
  assert.equal(await find({ limit: 2, offset: 1 }), 'a6 a5');
  const all = await findRecordings(store, RecordingQuery.parse({ of: 'call', limit: 1 }));
  assert.deepEqual([all.total, all.totalMs, all.recordings.length], [4, 125_000, 1]);
  assert.equal(all.recordings[0]!.state, 'running');

  assert.equal(await readRecording(store, { id: 'a7' }), undefined, 'one that runs is not sealed');
  assert.equal((await readRecording(store, { sha256: 'a1'.padEnd(64, '0') }))?.id, 'a1');
  const act = { atMs: NOON, by: 'lead', because: '本人申请' };
  assert.equal(await markDeleted(store, 'a1', act), 'recordings/a1.wav');
  assert.equal(await markDeleted(store, 'a1', act), undefined, 'once');
  assert.equal(await find({ called: '1003' }), '');
  const [gone] = (await findRecordings(store, RecordingQuery.parse({ called: '1003', withDeleted: 'true' })))
    .recordings;
  assert.deepEqual(
    [gone!.state, gone!.url, gone!.deleted],
    ['deleted', undefined, { at: NOON, by: 'lead', because: '本人申请' }],
  );
});

test('a query says what is wrong with it', () => {
  for (const wrong of [{ from: 'yesterday' }, { direction: 'up' }, { limit: 0 }, { limit: 501 }, { leastS: -1 }])
    assert.ok(!RecordingQuery.safeParse(wrong).success, JSON.stringify(wrong));
});
