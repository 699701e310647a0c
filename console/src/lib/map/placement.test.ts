import assert from 'node:assert/strict';
import { test } from 'node:test';
import { around, nearestOnEdge, placeBoxes } from './placement.ts';

const box = (id: string, x: number, y: number) => ({
  id,
  anchor: { x, y },
  width: 100,
  height: 34,
  offsets: around(100, 34, 14),
});

test('boxes of neighbours do not lie on each other', () => {
  const places = [...placeBoxes([box('a', 0, 0), box('b', 6, 4), box('c', -4, 6), box('d', 2, -8)]).values()];
  assert.equal(places.length, 4);
  for (const [i, a] of places.entries()) {
    for (const b of places.slice(i + 1)) {
      const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
      assert.ok(apart, `${JSON.stringify(a)} lies on ${JSON.stringify(b)}`);
    }
  }
});

test('a box alone takes its best place, and the same one every time', () => {
  assert.deepEqual(placeBoxes([box('a', 10, 10)]), placeBoxes([box('a', 10, 10)]));
  assert.deepEqual(placeBoxes([box('a', 0, 0)]).get('a'), { x: 14, y: -39.6, width: 100, height: 34 });
});

test('what was there before is kept free', () => {
  const taken = [{ x: 0, y: -80, width: 300, height: 80 }];
  const place = placeBoxes([box('a', 0, 0)], taken).get('a');
  assert.ok(place && place.y >= 0);
});

test('a leader meets the side of a box in its middle', () => {
  assert.deepEqual(nearestOnEdge({ x: 10, y: 0, width: 50, height: 20 }, { x: 0, y: 40 }), { x: 10, y: 10 });
  assert.deepEqual(nearestOnEdge({ x: 10, y: 0, width: 50, height: 20 }, { x: 30, y: 40 }), { x: 30, y: 20 });
});
