import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OrderAnswer } from '@tocsin/protocol/order-burst.ts';
import type { OrderRow, OrderRung } from '@tocsin/protocol/orders.ts';
import { changeRow, walkLadder, type Rung, type RungOutcome } from './order-ladder.ts';

function ladder(plan: Partial<Record<OrderRung, RungOutcome | 'waits' | `no ${string}`>>) {
  const row: OrderRow = { person: 'chen', state: 'trying', at: 0, history: [] };
  const aborted: OrderRung[] = [];
  const rungs = Object.entries(plan).map(([id, what]): Rung => ({
    id: id as OrderRung,
    obstacle: () => (typeof what === 'string' && what !== 'waits' ? what : undefined),
    climb(signal) {
      signal.addEventListener('abort', () => aborted.push(id as OrderRung));
      return typeof what === 'object' ? Promise.resolve(what) : new Promise(() => {});
    },
  }));
  const answer = Promise.withResolvers<{ answer: OrderAnswer; rung: OrderRung }>();
  let now = 0;
  const done = walkLadder(rungs, {
    answered: answer.promise,
    tell: (state, rung, detail) => changeRow(row, ++now, state, rung, detail),
  });
  const told = () => row.history.map(({ state, rung, detail }) => [state, rung, detail].filter(Boolean).join(' '));
  return { row, told, done, answer, aborted };
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

test('an answer counts by whichever way it comes, and what is under way is stopped', async () => {
  const { told, done, answer, aborted } = ladder({ sms: { kind: 'failed', because: 'no reply' }, burst: 'waits' });
  answer.resolve({ answer: 'refused', rung: 'sms' });
  await done;
  assert.deepEqual(told().at(-1), 'refused sms');
  assert.ok(aborted.length > 0);
});

test('when no way is left, nobody is said to be reached', async () => {
  const { told, done, row } = ladder({ ip: 'no phone', sms: { kind: 'failed', because: 'no provider' } });
  await done;
  assert.equal(told().at(-1), 'not-reached');
  assert.equal(row.state, 'not-reached');
});
