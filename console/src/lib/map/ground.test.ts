import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readGround } from './ground.ts';

const feature = (properties: object, type: string, coordinates: unknown) => ({
  type: 'Feature',
  properties,
  geometry: { type, coordinates },
});

test('a kind that is not known is left out, the others keep their order', () => {
  const ground = readGround({
    features: [
      feature({ kind: 'contour', isIndex: true }, 'LineString', [
        [119, 30],
        [119.1, 30.1],
      ]),
      feature({ kind: 'hedge' }, 'LineString', [[119, 30]]),
      feature({ kind: 'road', class: 'minor', name: '环库路' }, 'LineString', [[119, 30]]),
      feature({ kind: 'house' }, 'MultiPolygon', [[[[119, 30]]]]),
    ],
  });
  assert.deepEqual(
    ground.features.map(({ kind, name, isClosed }) => [kind, name, isClosed]),
    [
      ['contour-index', undefined, false],
      ['track', '环库路', false],
      ['building', undefined, true],
    ],
  );
});

test('points with a name become labels, whichever word says of what', () => {
  const { labels } = readGround({
    features: [
      feature({ kind: 'place', name: '岚溪水库', rank: 'water', angle: 24 }, 'Point', [119, 30]),
      feature({ kind: 'label', text: '管理处', of: 'place' }, 'Point', [119, 30]),
      feature({ kind: 'place' }, 'Point', [119, 30]),
    ],
  });
  assert.deepEqual(
    labels.map(({ of, text, turn }) => [of, text, turn]),
    [
      ['water', '岚溪水库', 24],
      ['place', '管理处', 0],
    ],
  );
});

test('no base map is an empty ground, not an error', () => {
  assert.deepEqual(readGround(undefined), { features: [], labels: [] });
});

test('the demonstration site’s base map is understood whole', () => {
  const text = readFileSync(new URL('../../../../sites/demo/base-map.geojson', import.meta.url), 'utf8');
  const { features } = JSON.parse(text) as { features: unknown[] };
  const ground = readGround({ features });
  assert.equal(ground.features.length + ground.labels.length, features.length);
});
