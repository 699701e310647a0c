import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LedgerRow } from '@tocsin/protocol/views.ts';
import { ledgerLines, trackOf } from './ledger.ts';

const row = (
  person: string,
  channel: LedgerRow['channel'],
  state: LedgerRow['state'],
  at: number,
  more: Partial<LedgerRow> = {},
): LedgerRow => ({
  id: `${person}-${channel}-${at}`,
  run: 'r',
  step: 's',
  person,
  channel,
  state,
  at,
  attempts: 1,
  history: [
    { state: 'queued', at: at - 5 },
    { state, at },
  ],
  ...more,
});

test('who is not reached stands first, longest tried on top; a delivered text reaches nobody', () => {
  const { notReached, reached, channels } = ledgerLines([
    row('sun', 'voice', 'rung', 30),
    row('wang', 'voice', 'joined', 20),
    row('he', 'voice', 'refused', 10),
    row('he', 'sms', 'delivered', 12),
    row('zhao', 'voice', 'confirmed', 15),
  ]);
  assert.deepEqual(
    notReached.map(({ person }) => person),
    ['he', 'sun'],
  );
  assert.deepEqual(
    reached.map(({ person }) => person),
    ['wang', 'zhao'],
  );
  assert.deepEqual(channels, ['voice', 'sms']);
  assert.equal(reached[1]?.isConfirmed, true);
  assert.equal(reached[0]?.hasJoined, true);
});

test('who is only texted is reached by a delivered text; a zone is a resource, not a person', () => {
  const { reached, resources } = ledgerLines(
    [row('li', 'sms', 'delivered', 5), row('dam', 'pa', 'joined', 6)],
    (id) => id !== 'dam',
  );
  assert.deepEqual(
    reached.map(({ person }) => person),
    ['li'],
  );
  assert.deepEqual(
    resources.map(({ person }) => person),
    ['dam'],
  );
});

test('who has answered once stays reached when he leaves', () => {
  const { reached } = ledgerLines([
    row('li', 'voice', 'left', 40, {
      history: [
        { state: 'answered', at: 20 },
        { state: 'left', at: 40 },
      ],
    }),
  ]);
  assert.equal(reached.length, 1);
});

test('a cell tells what came last when two steps use one channel', () => {
  const { reached } = ledgerLines([row('li', 'voice', 'confirmed', 40), row('li', 'voice', 'unanswered', 20)]);
  assert.equal(reached[0]?.cells.voice?.state, 'confirmed');
});

test('the track has four parts', () => {
  assert.equal(trackOf(row('a', 'voice', 'queued', 1)), 0);
  assert.equal(trackOf(row('a', 'voice', 'rung', 1)), 1);
  assert.equal(trackOf(row('a', 'voice', 'answered', 1)), 3);
  assert.equal(trackOf(row('a', 'voice', 'confirmed', 1)), 4);
});
