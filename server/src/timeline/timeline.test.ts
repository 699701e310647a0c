import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemChance } from '#kernel/chance.ts';
import { ManualClock, systemClock, type Clock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import { silentLog } from '#kernel/log.ts';
import type { Statement } from '#store/queryable.ts';
import type { Store } from '#store/store.ts';
import { openTestDatabase, openTestStore } from '#store/test-database.ts';
import { canonical } from './canonical.ts';
import { NOTHING_BEFORE } from './entry.ts';
import { openTimeline } from './timeline.ts';

async function desk(t: TestContext, options: { store?: Store; clock?: Clock; site?: string } = {}) {
  const store = options.store ?? (await openTestStore(t));
  const { clock = systemClock, site = 'demo' } = options;
  const timeline = await openTimeline({ store, clock, chance: systemChance, log: silentLog, site });
  t.after(() => Promise.resolve(timeline[Symbol.asyncDispose]()));
  return { store, timeline };
}

/** What a person with the right to do anything to the database could do. */
async function tamper(store: Store, statement: string) {
  await store.query('ALTER TABLE timeline_entry DISABLE TRIGGER USER');
  await store.query(statement);
  await store.query('ALTER TABLE timeline_entry ENABLE TRIGGER USER');
}

test('an entry comes back as it was told, with its place in the chain', async (t) => {
  const { timeline } = await desk(t, { clock: new ManualClock(Date.UTC(2026, 10, 22)) });
  const told = await timeline.append({
    kind: 'call.leg-answered',
    call: 'call-1',
    incident: '0412',
    actor: 'dispatcher',
    data: { z: 1, a: ['刘桂芳', 2.5, null, true], nested: { b: 'ü\u0000\ud800' } },
    blobs: [{ sha256: 'ab'.repeat(32), kind: 'audio', path: 'recordings/1.wav', ms: 1200 }],
  });
  assert.equal(told.seq, 1);
  assert.equal(told.previous, NOTHING_BEFORE);
  assert.equal(told.at, Date.UTC(2026, 10, 22));
  const [read] = await timeline.read();
  assert.equal(read!.hash, told.hash);
  assert.deepEqual(read!.data, { z: 1, a: ['刘桂芳', 2.5, null, true], nested: { b: 'ü\uFFFD\uFFFD' } });
  assert.deepEqual(read!.blobs, told.blobs);
});

test('appends keep the order of their calls, share transactions, and are heard in order', async (t) => {
  const { timeline } = await desk(t);
  const heard: number[] = [];
  timeline.on('appended', ({ seq }) => heard.push(seq));
  const entries = await Promise.all(
    Array.from({ length: 2500 }, (_, i) => timeline.append({ kind: 'test.counted', data: { i } })),
  );
  assert.deepEqual(
    entries.map(({ seq, data }) => [seq, data!['i']]),
    entries.map((_, i) => [i + 1, i]),
  );
  assert.deepEqual(
    heard,
    entries.map(({ seq }) => seq),
  );
  const verdict = await timeline.verify();
  assert.deepEqual(verdict, { kind: 'whole', entries: 2500, first: entries[0]!.hash, last: entries.at(-1)!.hash });
});

test('reads narrow by time, kind, noun, incident and place, from either end', async (t) => {
  const { timeline } = await desk(t);
  const kinds = ['call.dialled', 'call.ended', 'callback.ended', 'alarm.raised', 'call.ended'];
  for (const [i, kind] of kinds.entries())
    await timeline.append({ kind, at: 1000 * i, incident: i % 2 ? 'odd' : 'even' });
  const seqs = async (filter: Parameters<typeof timeline.read>[0]) =>
    (await timeline.read(filter)).map(({ seq }) => seq);
  assert.deepEqual(await seqs({ kind: 'call.ended' }), [2, 5]);
  assert.deepEqual(await seqs({ kind: 'call.' }), [1, 2, 5]);
  assert.deepEqual(await seqs({ kind: ['alarm.', 'call.dialled'] }), [1, 4]);
  assert.deepEqual(await seqs({ from: 1000, to: 3000 }), [2, 3]);
  assert.deepEqual(await seqs({ incident: 'odd' }), [2, 4]);
  assert.deepEqual(await seqs({ afterSeq: 3 }), [4, 5]);
  assert.deepEqual(await seqs({ limit: 2, order: 'newest-first' }), [5, 4]);
  assert.deepEqual(await seqs({ kind: '%.' }), []);
});

test('two sites keep two chains', async (t) => {
  const { store, timeline } = await desk(t);
  const { timeline: other } = await desk(t, { store, site: 'other' });
  await timeline.append({ kind: 'test.one' });
  assert.equal((await other.append({ kind: 'test.two' })).seq, 1);
  assert.equal((await timeline.read()).length, 1);
});

test('a timeline opened again goes on where it ended', async (t) => {
  const { store, timeline } = await desk(t);
  const last = await timeline.append({ kind: 'test.one' });
  await timeline[Symbol.asyncDispose]();
  const { timeline: again } = await desk(t, { store });
  const next = await again.append({ kind: 'test.two' });
  assert.equal(next.seq, 2);
  assert.equal(next.previous, last.hash);
});

test('late news and clocks that step back find their month', async (t) => {
  const clock = new ManualClock(Date.UTC(2026, 0, 31, 23, 59, 59));
  const { timeline } = await desk(t, { clock });
  await timeline.append({ kind: 'test.january', at: Date.UTC(2019, 5, 1) });
  clock.advance(2000);
  await timeline.append({ kind: 'test.february', at: Number.NaN });
  const back = new ManualClock(Date.UTC(2025, 11, 31));
  await timeline[Symbol.asyncDispose]();
  const { timeline: earlier } = await desk(t, { clock: back, store: await openTestStore(t) });
  await earlier.append({ kind: 'test.december' });
  assert.equal((await earlier.verify()).kind, 'whole');
});

test('the timeline refuses to be changed, and tells when it was', async (t) => {
  const { store, timeline } = await desk(t);
  for (let i = 0; i < 5; i += 1) await timeline.append({ kind: 'test.counted', data: { i }, incident: '1' });
  await assert.rejects(store.query(`UPDATE timeline_entry SET kind = 'x'`), /append-only/);
  await assert.rejects(store.query('DELETE FROM timeline_entry'), /append-only/);

  const row = (await store.query<{ body: string }>('SELECT body FROM timeline_entry WHERE seq = 3'))[0]!;
  await tamper(store, `UPDATE timeline_entry SET body = replace(body, '"i":2', '"i":7') WHERE seq = 3`);
  assert.deepEqual(await timeline.verify(), { kind: 'broken', atSeq: 3, why: 'its content was changed' });
  assert.equal((await timeline.verify({ toSeq: 2 })).kind, 'whole');
  await tamper(store, `UPDATE timeline_entry SET body = '${row.body}' WHERE seq = 3`);
  assert.equal((await timeline.verify()).kind, 'whole');
  await tamper(store, `UPDATE timeline_entry SET incident = '2' WHERE seq = 4`);
  assert.equal((await timeline.verify({ fromSeq: 4 })).kind, 'broken');
  await tamper(store, 'DELETE FROM timeline_entry WHERE seq = 2');
  assert.deepEqual(await timeline.verify(), { kind: 'broken', atSeq: 2, why: 'the entry is missing' });
});

test('an entry that is too large is refused, and takes no other with it', async (t) => {
  const { timeline } = await desk(t);
  const large = timeline.append({ kind: 'test.large', data: { text: 'x'.repeat(70_000) } });
  const small = timeline.append({ kind: 'test.small' });
  await assert.rejects(large, (error: DispatchError) => error.code === 'TOO_LARGE');
  assert.equal((await small).seq, 1);
});

test('what PostgreSQL itself refuses takes no other with it either', async (t) => {
  const { timeline } = await desk(t);
  const outcomes = await Promise.allSettled(
    ['a', 'b\0', 'c', 'd\0'].map((incident) => timeline.append({ kind: 'test.told', incident })),
  );
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'rejected'],
  );
  assert.deepEqual(
    (await timeline.read()).map(({ seq, incident }) => [seq, incident]),
    [
      [1, 'a'],
      [2, 'c'],
    ],
  );
});

test('entries wait while the database is away, and are written when it is back', async (t) => {
  const { store, timeline } = await desk(t);
  await timeline.append({ kind: 'test.before' });
  await store.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tocsin-timeline'`,
  );
  const entries = await Promise.all([1, 2, 3].map((i) => timeline.append({ kind: 'test.after', data: { i } })));
  assert.deepEqual(
    entries.map(({ seq }) => seq),
    [2, 3, 4],
  );
  assert.equal((await timeline.verify()).kind, 'whole');
});

test('a full disk is told as such, and the entries wait for room', async (t) => {
  const real = await openTestStore(t);
  let isFull = false;
  const store: Store = {
    ...real,
    async session(options) {
      const session = await real.session(options);
      return {
        get isLost() {
          return session.isLost;
        },
        async query<Row>(statement: Statement, values?: readonly unknown[]) {
          const text = typeof statement === 'string' ? statement : statement.text;
          if (isFull && text.includes('INSERT')) throw new DispatchError('DISK_FULL');
          return session.query<Row>(statement, values);
        },
        [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
      };
    },
  };
  const { timeline } = await desk(t, { store });
  isFull = true;
  const waiting = timeline.append({ kind: 'test.waiting' });
  const soon = AbortSignal.timeout(20_000);
  while (!timeline.snapshot().problem && !soon.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.match(timeline.snapshot().problem!, /disk is full/);
  isFull = false;
  assert.equal((await waiting).seq, 1);
  assert.equal(timeline.snapshot().problem, undefined);
});

test('a writer that is killed in mid-work leaves a whole chain with all it was told is durable', async (t) => {
  const { url } = await openTestDatabase(t);
  const script = fileURLToPath(new URL('./timeline.test-writer.ts', import.meta.url));
  let known = 0;
  for (let round = 0; round < 3; round += 1) {
    const child = spawn(process.execPath, [script, url], { stdio: ['ignore', 'pipe', 'inherit'] });
    const before = known;
    await new Promise<void>((resolve) => {
      createInterface(child.stdout).on('line', (line) => {
        known = Number(line);
        if (known > before + 3000) child.kill('SIGKILL');
      });
      child.once('close', () => resolve());
    });
  }
  const { openStore } = await import('#store/store.ts');
  const store = await openStore({ url, dataFolder: '/nowhere', log: silentLog, clock: systemClock });
  t.after(() => Promise.resolve(store[Symbol.asyncDispose]()));
  const { timeline } = await desk(t, { store });
  const verdict = await timeline.verify();
  assert.equal(verdict.kind, 'whole');
  assert.ok(
    verdict.kind === 'whole' && verdict.entries >= known && known > 9000,
    `${JSON.stringify(verdict)} ${known}`,
  );
});

test('canonical JSON has one right answer', () => {
  assert.equal(
    canonical({ b: 1, a: { d: undefined, c: [1e21, -0, 'é"\n'] } }),
    '{"a":{"c":[1e+21,0,"é\\"\\n"]},"b":1}',
  );
  assert.equal(canonical({ '\u20ac': 1, '\r': 2, '1': 3, ö: 4 }), '{"\\r":2,"1":3,"ö":4,"€":1}');
  assert.equal(canonical({ at: new Date(0), not: Number.NaN }), '{"at":"1970-01-01T00:00:00.000Z","not":null}');
});
