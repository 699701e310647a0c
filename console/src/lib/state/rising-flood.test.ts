import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Gauge } from '@tocsin/protocol/directory.ts';
import { risingFlood } from './rising-flood.ts';

const gauge = (id: string, ...above: number[]) =>
  ({ id, thresholds: above.map((value, i) => ({ level: i + 1, above: value })) }) as unknown as Gauge;

test('every threshold of every gauge is crossed upwards, and never again downwards', () => {
  const curve = risingFlood([gauge('dam', 117.5, 116), gauge('bridge', 42.5)]);
  for (const [id, lowest, highest] of [
    ['dam', 116, 117.5],
    ['bridge', 42.5, 42.5],
  ] as const) {
    const values = curve.filter((reading) => reading.gauge === id).map(({ value }) => value);
    assert.ok(values[0]! < lowest && values.at(-1)! > highest, id);
    assert.deepEqual(
      values,
      values.toSorted((a, b) => a - b),
      id,
    );
  }
});

test('a gauge without thresholds is left out: nothing would come of it', () => {
  assert.deepEqual(risingFlood([gauge('rain')]), []);
});
