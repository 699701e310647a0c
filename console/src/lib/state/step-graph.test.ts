import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOut } from './step-graph.ts';

const step = (id: string, ...after: string[]) => ({ id, after });

test('parallel steps stand in one column, a step right of all that it waits for', () => {
  const graph = layOut([
    step('open'),
    step('call', 'open'),
    step('page', 'open'),
    step('wait', 'call', 'page'),
    step('ask', 'wait'),
  ]);
  assert.deepEqual(
    graph.placed.map(({ step: { id }, column, row }) => [id, column, row]),
    [
      ['open', 0, 0],
      ['call', 1, 0],
      ['page', 1, 1],
      ['wait', 2, 0],
      ['ask', 3, 0],
    ],
  );
  assert.deepEqual(graph.heights, [1, 2, 1, 1]);
  assert.equal(graph.wires.length, 5);
});

test('a ring or an unknown name does not hang the drawing', () => {
  const graph = layOut([step('a', 'b'), step('b', 'a'), step('c', 'nowhere')]);
  assert.equal(graph.placed.length, 3);
  assert.equal(graph.placed[2]?.column, 0);
});
