import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isInArea, isInPolygon, metresBetween, readableMetres, scaleBar, touchesArea } from './geometry.ts';

const at = (latitude: number, longitude: number) => ({ latitude, longitude });

test('a degree of latitude is 111.2 km long, a degree of longitude shrinks with the cosine', () => {
  assert.ok(Math.abs(metresBetween(at(30, 119), at(31, 119)) - 111_195) < 10);
  assert.ok(Math.abs(metresBetween(at(60, 119), at(60, 120)) - 55_597) < 60);
});

test('a place is in a circle by its distance and in a polygon by its edges, hollows left out', () => {
  const circle = { kind: 'circle', centre: at(30, 119), radiusMetres: 500 } as const;
  assert.ok(isInArea(at(30.004, 119), circle));
  assert.ok(!isInArea(at(30.005, 119), circle));
  const hollow = [at(0, 0), at(0, 4), at(4, 4), at(4, 3), at(1, 3), at(1, 1), at(4, 1), at(4, 0)];
  assert.ok(isInPolygon(at(0.5, 2), hollow));
  assert.ok(!isInPolygon(at(3, 2), hollow));
});

test('a zone that only reaches into the circle is taken with it', () => {
  const circle = { kind: 'circle', centre: at(30, 119), radiusMetres: 500 } as const;
  assert.ok(touchesArea([at(30.003, 119), at(30.02, 119), at(30.02, 119.02)], circle));
  assert.ok(!touchesArea([at(30.02, 119), at(30.03, 119), at(30.03, 119.02)], circle));
  assert.ok(!touchesArea([], circle));
});

test('the scale bar is a round length that fits', () => {
  assert.deepEqual(scaleBar(6.25, 96), { metres: 500, px: 80 });
  assert.equal(scaleBar(0.6, 96).metres, 50);
  assert.equal(readableMetres(1350), '1.35 km');
  assert.equal(readableMetres(420.4), '420 m');
});
