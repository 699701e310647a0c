import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orderOf } from './order.ts';

const way = (trunk: string, priority: number, weight = 1) => ({
  trunk,
  number: '1',
  address: 'sip:1@a',
  priority,
  weight,
});
const names = (ways: ReturnType<typeof orderOf>) => ways.map(({ trunk }) => trunk).join('');

test('trunks are tried by priority, drawn by weight among equals, the dead last', () => {
  const ways = [way('c', 2), way('a', 1, 3), way('b', 1, 1)];
  assert.equal(names(orderOf(ways, () => false, { fraction: () => 0 })), 'abc');
  assert.equal(names(orderOf(ways, () => false, { fraction: () => 0.74 })), 'abc');
  assert.equal(names(orderOf(ways, () => false, { fraction: () => 0.76 })), 'bac');
  assert.equal(names(orderOf(ways, (trunk) => trunk === 'a', { fraction: () => 0 })), 'bca');
  assert.equal(names(orderOf(ways, () => true, { fraction: () => 0 })), 'abc');
});

test('of many calls each trunk gets its share', () => {
  let step = 0;
  const first = new Map<string, number>();
  for (let call = 0; call < 400; call += 1) {
    const [trunk] = names(
      orderOf([way('a', 1, 3), way('b', 1, 1)], () => false, { fraction: () => (step++ % 200) / 200 }),
    );
    first.set(trunk!, (first.get(trunk!) ?? 0) + 1);
  }
  assert.deepEqual([...first].sort(), [
    ['a', 300],
    ['b', 100],
  ]);
});
