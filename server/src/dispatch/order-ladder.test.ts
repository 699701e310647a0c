import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OrderRow, OrderRung } from '@tocsin/protocol/orders.ts';
import { DispatchError } from '#kernel/errors.ts';
import { changeRow, footholdOf, walkLadder, type Rung, type RungOutcome } from './order-ladder.ts';

type Plan = Partial<Record<OrderRung, RungOutcome | 'waits' | 'breaks' | `no ${string}`>>;

function ladder(plan: Plan, row: OrderRow = { person: 'chen', state: 'trying', at: 0, history: [] }) {
  const aborted: OrderRung[] = [];
  const climbed: string[] = [];
  const rungs = Object.entries(plan).map(([id, what]): Rung => ({
    id: id as OrderRung,
    obstacle: () => (typeof what === 'string' && what.startsWith('no ') ? what : undefined),
    async climb(signal, begunAt) {
      climbed.push(`${id} begun at ${begunAt}`);
      signal.addEventListener('abort', () => aborted.push(id as OrderRung));
      if (what === 'breaks') throw new DispatchError('TEXT_QUEUE_FULL');
      return typeof what === 'object' ? what : await new Promise(() => {});
    },
  }));
  const stop = new AbortController();
  let now = row.at;
  const done = walkLadder(rungs, {
    tell: async (state, rung, detail) => changeRow(row, ++now, state, rung, detail),
    now: () => now,
    from: footholdOf(row),
    signal: stop.signal,
  });
  const told = () => row.history.map(({ state, rung, detail }) => [state, rung, detail].filter(Boolean).join(' '));
  return { row, told, done, stop, aborted, climbed };
}

test('the first way that is there is taken, and nothing else when it is answered', async () => {
  const { told, done, row } = ladder({
    ip: 'no registered phone',
    pstn: { kind: 'answered', answer: 'received' },
    sms: 'waits',
  });
  await done;
  assert.deepEqual(told(), ['skipped ip no registered phone', 'trying pstn', 'received pstn']);
  assert.deepEqual([row.state, row.rung], ['received', 'pstn']);
});

test('each way that fails leads to the next, down to the satellite', async () => {
  const { told, done } = ladder({
    ip: { kind: 'failed', because: 'unanswered' },
    pstn: { kind: 'failed', because: 'busy' },
    sms: { kind: 'failed', because: 'no reply' },
    burst: { kind: 'answered', answer: 'done' },
  });
  await done;
  assert.deepEqual(told(), [
    'trying ip',
    'failed ip unanswered',
    'trying pstn',
    'failed pstn busy',
    'trying sms',
    'failed sms no reply',
    'trying burst',
    'done burst',
  ]);
});

test('when the answer has come another way, what is under way is stopped and nothing more is said', async () => {
  const { told, done, stop, aborted } = ladder({ sms: { kind: 'failed', because: 'no reply' }, burst: 'waits' });
  await new Promise(setImmediate);
  stop.abort();
  await done;
  assert.deepEqual(told(), ['trying sms', 'failed sms no reply', 'trying burst']);
  assert.ok(aborted.includes('burst'));
});

test('a way on which the house itself fails leads to the next', async () => {
  const { told, done } = ladder({ sms: 'breaks', burst: { kind: 'answered', answer: 'received' } });
  await done;
  assert.deepEqual(told(), ['trying sms', 'failed sms TEXT_QUEUE_FULL', 'trying burst', 'received burst']);
});

test('a walk goes on with the way that was tried when the server died, from when it was begun', async () => {
  const row: OrderRow = { person: 'chen', state: 'trying', at: 0, history: [] };
  changeRow(row, 5, 'skipped', 'ip', 'no phone');
  changeRow(row, 7, 'trying', 'sms');
  // The obstacle counts for a new try alone: the text is on its way.
  const { told, done, climbed } = ladder(
    { ip: 'waits', sms: { kind: 'failed', because: 'no reply' }, burst: { kind: 'answered', answer: 'received' } },
    row,
  );
  await done;
  assert.deepEqual(told().slice(2), ['failed sms no reply', 'trying burst', 'received burst']);
  assert.deepEqual(climbed, ['sms begun at 7', 'burst begun at 9']);
});

test('a walk whose last way had failed when the server died goes on with the next one', async () => {
  const row: OrderRow = { person: 'chen', state: 'trying', at: 0, history: [] };
  changeRow(row, 7, 'trying', 'ip');
  changeRow(row, 8, 'failed', 'ip', 'busy');
  const { told, done } = ladder({ ip: 'waits', pstn: { kind: 'answered', answer: 'received' } }, row);
  await done;
  assert.deepEqual(told().slice(2), ['trying pstn', 'received pstn']);
});

test('when no way is left, nobody is said to be reached', async () => {
  const { told, done, row } = ladder({ ip: 'no phone', sms: { kind: 'failed', because: 'no provider' } });
  await done;
  assert.equal(told().at(-1), 'not-reached');
  assert.equal(row.state, 'not-reached');
});
