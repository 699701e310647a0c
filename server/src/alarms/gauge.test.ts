import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Gauge } from '@tocsin/protocol/directory.ts';
import { GaugeWatch } from './gauge.ts';

const MINUTE = 60_000;

function gauge(more: Partial<Gauge> = {}): Gauge {
  return {
    id: 'upstream',
    name: { zh: '坝前水位' },
    organisation: 'root',
    measures: 'water-level',
    unit: 'm',
    location: { latitude: 30, longitude: 114 },
    thresholds: [
      { level: 3, above: 72 },
      { level: 2, above: 74 },
      { level: 1, above: 75 },
    ],
    ...more,
  };
}

/** Feeds values a minute apart and writes down what each brings. */
function feed(watch: GaugeWatch, values: number[]) {
  return values.map((value, i) =>
    watch.take(value, i * MINUTE).map((event) => (event.kind === 'over' ? `over ${event.level}` : event.kind)),
  );
}

test('a threshold is told when it is passed, the graver one again, the lesser one on the way down not', () => {
  const watch = new GaugeWatch(gauge());
  assert.deepEqual(feed(watch, [71, 72.5, 73, 74.5, 73, 71]), [[], ['over 3'], [], ['over 2'], [], ['back-to-normal']]);
});

test('passing two thresholds at once tells the graver one only', () => {
  assert.deepEqual(feed(new GaugeWatch(gauge()), [71, 76]), [[], ['over 1']]);
});

test('with hysteresis a value that flutters about a threshold is one alarm', () => {
  const watch = new GaugeWatch(gauge({ hysteresis: 0.2 }));
  assert.deepEqual(feed(watch, [72.1, 71.9, 72.1, 71.85, 71.7]), [['over 3'], [], [], [], ['back-to-normal']]);
});

test('a fast rise is told once, and over when the water stands', () => {
  const watch = new GaugeWatch(gauge({ risePerHour: 0.5 }));
  const rising = Array.from({ length: 11 }, (_, i) => 70 + i * 0.02);
  const standing = Array.from({ length: 70 }, () => 70.2);
  const told = feed(watch, [...rising, ...standing]).flat();
  assert.deepEqual(told, ['rises-fast', 'rise-over']);
  assert.equal(watch.view().trend, 'steady');
});

test('a reading older than the last one changes nothing', () => {
  const watch = new GaugeWatch(gauge());
  watch.take(73, 10 * MINUTE);
  assert.deepEqual(watch.take(70, 9 * MINUTE), []);
  assert.deepEqual(watch.view().over, { level: 3, threshold: 72 });
});
