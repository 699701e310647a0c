import assert from 'node:assert/strict';
import { test } from 'node:test';
import { causeOf, statusOf } from './causes.ts';

test('the network’s own cause goes before what the status would mean', () => {
  assert.deepEqual(causeOf({ status: 503, q850: 17 }), {
    ...{ status: 503, q850: 17, isOfTrunk: false },
    words: { zh: '用户忙', en: 'Busy' },
  });
  assert.equal(causeOf({ status: 404 }).words.zh, '空号');
  assert.equal(causeOf({ status: 580 }).q850, 41);
  assert.equal(causeOf({}).words.en, 'Temporary failure');
  assert.equal(causeOf({ status: 480, q850: 99 }).words.en, 'Cause 99');
});

test('a caller is told the status that means the same; the far end’s own when it says so already', () => {
  for (const [told, status] of [
    [{ status: 486 }, 486],
    [{ status: 600 }, 600],
    [{ status: 503, q850: 17 }, 486],
    [{ status: 480, q850: 1 }, 404],
    [{ status: 403, q850: 34 }, 503],
    [{ q850: 27 }, 502],
    [{ status: 480, q850: 99 }, 480],
  ] as const)
    assert.equal(statusOf(causeOf(told)), status, JSON.stringify(told));
});

test('another trunk is tried when this one is at fault, and not when the called party is', () => {
  for (const told of [
    {},
    { status: 408 },
    { status: 500 },
    { status: 503 },
    { status: 404, q850: 3 },
    { status: 480, q850: 34 },
    { status: 407 },
  ])
    assert.ok(causeOf(told).isOfTrunk, JSON.stringify(told));
  for (const told of [
    { status: 486 },
    { status: 480 },
    { status: 404 },
    { status: 603 },
    { status: 503, q850: 17 },
    { status: 500, q850: 1 },
  ])
    assert.ok(!causeOf(told).isOfTrunk, JSON.stringify(told));
});
