/**
 * Draws the base map of the demo site, `sites/demo/base-map.geojson`: `node scripts/demo-map.ts`. The same seed draws the
 * same map. Everything is laid out on a sheet in which one unit is one pixel of the map's first view (zoom 14); the land
 * is a height field, cut at equal heights for the contours and at the water's height for the reservoir's shore.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';

type Point = readonly [x: number, y: number];
type Line = Point[];

const CENTRE = { latitude: 30.2147, longitude: 119.4063, x: 560, y: 352 };
const DEGREES_PER_UNIT = 360 / (256 * 2 ** 14);
const SHEET = { left: -200, top: -180, right: 1320, bottom: 885 };
const CELL = 5;
const WATER_LEVEL = 61;

const onEarth = ([x, y]: Point) => [
  round(CENTRE.longitude + (x - CENTRE.x) * DEGREES_PER_UNIT),
  round(CENTRE.latitude - (y - CENTRE.y) * DEGREES_PER_UNIT * Math.cos((CENTRE.latitude * Math.PI) / 180)),
];
const round = (degrees: number) => Math.round(degrees * 1e5) / 1e5;

/** A line written down as `x,y x,y …`. */
function path(points: string): Line {
  return points.split(' ').map((point) => point.split(',').map(Number) as unknown as Point);
}

// --- the lie of the land ---

/** The valley's floor line from the head of the reservoir to the river's mouth, and the side valleys that join it. */
const VALLEY = smooth(
  path(
    '-260,-30 -60,40 70,70 150,150 270,170 360,235 430,322 500,372 560,402 640,392 716,430 770,498 860,520 936,566 1010,560 1180,640 1380,700',
  ),
  14,
);
const STREAM_POINTS: Line[] = [
  path('40,560 70,420 110,330 180,262 236,216 270,170'),
  path('340,-200 330,-40 318,60 338,150 360,235'),
  path('-220,330 20,240 90,210 150,150'),
  path('470,-120 452,30 424,110 400,170 380,240 360,235'),
  path('140,700 180,520 214,430 290,330 326,270 360,235'),
  path('720,-190 690,-40 668,110 640,220 622,310 640,392'),
  path('540,890 560,760 600,640 690,560 770,498'),
  path('1040,-120 1000,60 968,200 960,330 914,440 936,566'),
  path('1320,330 1240,420 1190,520 1180,640'),
  path('900,890 960,780 1080,700 1180,640'),
];
const STREAMS = STREAM_POINTS.map((line) => smooth(line, 10));
const DAM: Line = path('478,286 474,318 464,352 450,380 440,398');

interface FloorPoint {
  at: Point;
  height: number;
  widthUnits: number;
  isMain: boolean;
}
const floor: FloorPoint[] = VALLEY.map((at, i) => ({
  at,
  height: 64 - i * 0.3,
  widthUnits: at[0] > 480 ? 36 : 16,
  isMain: true,
}));
for (const stream of STREAMS) {
  const mouth = nearest(stream.at(-1)!).height;
  stream.forEach((at, i) => {
    const up = 1 - i / (stream.length - 1);
    floor.push({ at, height: mouth + up ** 1.3 * 30, widthUnits: 9, isMain: false });
  });
}

function nearest([x, y]: Point) {
  return floor.filter(({ isMain }) => isMain).reduce((best, point) => (far(point) < far(best) ? point : best));
  function far({ at }: FloorPoint) {
    return Math.hypot(at[0] - x, at[1] - y);
  }
}

/** Units past the dam, downstream. */
function pastDam([x, y]: Point) {
  const [a, b] = [DAM[0]!, DAM.at(-1)!];
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  return ((x - a[0]) * dy - (y - a[1]) * dx) / Math.hypot(dx, dy);
}

function heightAt(at: Point) {
  const [x, y] = at;
  let height = Infinity;
  for (const point of floor) {
    const away = Math.max(0, Math.hypot(point.at[0] - x, point.at[1] - y) - point.widthUnits);
    const slope = (point.at[0] > 330 && point.at[0] < 500 ? 0.52 : 0.34) * (point.isMain ? 1 : 1.1);
    height = Math.min(height, point.height + away * slope);
  }
  const rough = 26 + Math.min(30, Math.max(0, height - 50) * 0.6);
  const abutments = 40 * hump(at, [404, 452], 42) + 30 * hump(at, [494, 250], 30);
  return height + layeredNoise(x / 120, y / 120) * rough + layeredNoise(x / 34 + 9, y / 34) * 5 + abutments;
}

const hump = (at: Point, top: Point, radius: number) =>
  Math.exp(-((at[0] - top[0]) ** 2 + (at[1] - top[1]) ** 2) / radius ** 2);

function layeredNoise(x: number, y: number) {
  let sum = 0;
  for (let octave = 0, share = 0.5; octave < 5; octave += 1, share /= 2, x *= 2.03, y *= 2.03)
    sum += share * (noise(x, y) - 0.5);
  return sum;
}

/** Value noise: chance at whole numbers, eased between. */
function noise(x: number, y: number) {
  const [ix, iy] = [Math.floor(x), Math.floor(y)];
  const ease = (t: number) => t * t * (3 - 2 * t);
  const [fx, fy] = [ease(x - ix), ease(y - iy)];
  const along = (row: number) => chanceAt(ix, row) * (1 - fx) + chanceAt(ix + 1, row) * fx;
  return along(iy) * (1 - fy) + along(iy + 1) * fy;
}

const chances = new Map<string, number>();
function chanceAt(x: number, y: number) {
  const key = `lanxi/${x}/${y}`;
  let value = chances.get(key);
  if (value === undefined)
    chances.set(key, (value = createHash('sha256').update(key).digest().readUInt32BE(0) / 2 ** 32));
  return value;
}

// --- lines of equal height ---

const COLUMNS = (SHEET.right - SHEET.left) / CELL + 1;
const ROWS = (SHEET.bottom - SHEET.top) / CELL + 1;
const node = (column: number, row: number): Point => [SHEET.left + column * CELL, SHEET.top + row * CELL];
const field = (value: (at: Point) => number) =>
  Array.from({ length: ROWS }, (_, row) => Array.from({ length: COLUMNS }, (_, column) => value(node(column, row))));

/** Marching squares: the pieces in each cell, joined where they meet. Rings come back with the first point repeated. */
function linesAt(values: number[][], level: number): Line[] {
  const next = new Map<string, [string, Point][]>();
  for (let row = 0; row + 1 < ROWS; row += 1) {
    for (let column = 0; column + 1 < COLUMNS; column += 1) {
      const corners = path('0,0 1,0 1,1 0,1').map(([dx, dy]) => ({
        at: node(column + dx!, row + dy!),
        over: values[row + dy!]![column + dx!]! - level,
      }));
      // Walking round the cell, the line leaves low ground where it enters high ground, and the other way.
      const crossings = corners.flatMap((from, i) => {
        const to = corners[(i + 1) % 4]!;
        if (from.over < 0 === to.over < 0) return [];
        const t = from.over / (from.over - to.over);
        const at: Point = [from.at[0] + (to.at[0] - from.at[0]) * t, from.at[1] + (to.at[1] - from.at[1]) * t];
        return [{ at, isUp: from.over < 0 }];
      });
      for (let i = 0; i < crossings.length; i += 1) {
        const from = crossings[i]!;
        if (!from.isUp) continue;
        const to = crossings[(i + 1) % crossings.length]!;
        const key = keyOf(from.at);
        next.set(key, [...(next.get(key) ?? []), [keyOf(to.at), to.at]]);
      }
    }
  }
  const lines: Line[] = [];
  // Open lines first: their beginnings are where no other piece ends.
  const ends = new Set([...next.values()].flat().map(([key]) => key));
  for (const key of [...next.keys()].sort((a, b) => Number(ends.has(a)) - Number(ends.has(b)))) {
    while (next.get(key)?.length) {
      const line: Line = [key.split(',').map(Number) as unknown as Point];
      for (let at = key; next.get(at)?.length;) {
        const [toKey, to] = next.get(at)!.pop()!;
        line.push(to);
        at = toKey;
      }
      lines.push(line);
    }
  }
  return lines;
}
function keyOf([x, y]: Point) {
  return `${x.toFixed(3)},${y.toFixed(3)}`;
}

/** Leaves out points that lie closer than `tolerance` to the line without them (Douglas and Peucker). */
function simplify(line: Line, tolerance: number): Line {
  if (line.length < 3) return line;
  const [first, last] = [line[0]!, line.at(-1)!];
  let farthest = 0;
  let index = 0;
  for (let i = 1; i < line.length - 1; i += 1) {
    const away = distance(line[i]!, first, last);
    if (away > farthest) [farthest, index] = [away, i];
  }
  if (farthest <= tolerance) return [first, last];
  return [...simplify(line.slice(0, index + 1), tolerance).slice(0, -1), ...simplify(line.slice(index), tolerance)];
}

function distance([x, y]: Point, [ax, ay]: Point, [bx, by]: Point) {
  const length = Math.hypot(bx - ax, by - ay);
  if (length < 1e-9) return Math.hypot(x - ax, y - ay);
  return Math.abs((bx - ax) * (ay - y) - (ax - x) * (by - ay)) / length;
}

/** A curve through all points (Catmull-Rom), `steps` pieces between two of them. */
function smooth(points: readonly Point[], steps: number): Line {
  const line: Line = [];
  for (let i = 0; i + 1 < points.length; i += 1) {
    const [b, c] = [points[i]!, points[i + 1]!];
    const [a, d] = [points[i - 1] ?? b, points[i + 2] ?? c];
    for (let k = 0; k < steps; k += 1) {
      const t = k / steps;
      const axis = (n: 0 | 1) =>
        0.5 *
        (2 * b[n] +
          (c[n] - a[n]) * t +
          (2 * a[n] - 5 * b[n] + 4 * c[n] - d[n]) * t ** 2 +
          (3 * b[n] - a[n] - 3 * c[n] + d[n]) * t ** 3);
      line.push([axis(0), axis(1)]);
    }
  }
  return [...line, points.at(-1)!];
}

// --- what people built ---

const ROADS: { name: string; class: 'main' | 'minor'; line: Line }[] = [
  {
    name: 'G356',
    class: 'main',
    line: path(
      '486,288 520,326 566,366 628,356 676,366 722,396 764,446 806,480 866,488 918,506 968,530 1010,524 1060,534 1130,566 1330,610',
    ),
  },
  {
    name: 'S217',
    class: 'main',
    line: path(
      '436,408 480,424 540,444 600,448 660,444 690,470 724,520 770,556 850,566 900,586 940,612 1000,612 1060,640 1130,672 1330,780',
    ),
  },
  {
    name: '石桥',
    class: 'minor',
    line: path('676,366 682,404 676,420 660,444'),
  },
  {
    name: '东沙桥',
    class: 'minor',
    line: path('866,488 862,520 850,566'),
  },
  {
    name: '河口桥',
    class: 'minor',
    line: path('1010,524 1012,560 1000,612'),
  },
  {
    name: '岭背路',
    class: 'minor',
    line: path('722,396 756,350 790,318 836,260 872,180 930,120 960,-10 980,-190'),
  },
  {
    name: '柳南路',
    class: 'minor',
    line: path('540,444 520,500 470,560 430,640 420,720 400,890'),
  },
  {
    name: '环库路',
    class: 'minor',
    line: path('486,288 500,230 540,190 560,120 600,60 610,-10 640,-190'),
  },
  {
    name: '南塘路',
    class: 'minor',
    line: path('900,586 880,640 850,720 830,890'),
  },
];

const VILLAGES: { name: string; at: Point; houses: number; turnDegrees: number }[] = [
  { name: '坝下村', at: [594, 330], houses: 26, turnDegrees: -12 },
  { name: '石桥村', at: [706, 372], houses: 40, turnDegrees: 24 },
  { name: '柳树坪', at: [600, 470], houses: 30, turnDegrees: -1 },
  { name: '柳树坪', at: [672, 470], houses: 14, turnDegrees: -1 },
  { name: '东沙村', at: [856, 462], houses: 34, turnDegrees: 8 },
  { name: '南塘村', at: [800, 592], houses: 24, turnDegrees: 12 },
  { name: '南塘村', at: [884, 606], houses: 26, turnDegrees: 10 },
  { name: '河口镇', at: [1034, 500], houses: 44, turnDegrees: 5 },
  { name: '河口镇', at: [1040, 652], houses: 22, turnDegrees: 14 },
  { name: '管理处', at: [548, 270], houses: 8, turnDegrees: 30 },
  { name: '岭背村', at: [838, 236], houses: 16, turnDegrees: -30 },
];

const PLACES: {
  name: string;
  at: Point;
  rank: 'village' | 'office' | 'water' | 'river' | 'road' | 'inundation';
  angle?: number;
}[] = [
  { name: '岚溪水库', at: [172, 140], rank: 'water', angle: 24 },
  { name: '岚溪', at: [616, 404], rank: 'river', angle: -4 },
  { name: '管理处', at: [566, 262], rank: 'office' },
  { name: '坝下村', at: [590, 306], rank: 'village' },
  { name: '石桥村', at: [712, 330], rank: 'village' },
  { name: '柳树坪', at: [600, 510], rank: 'village' },
  { name: '东沙村', at: [930, 470], rank: 'village' },
  { name: '南塘村', at: [776, 632], rank: 'village' },
  { name: '河口镇', at: [1036, 464], rank: 'village' },
  { name: '岭背村', at: [862, 248], rank: 'village' },
  { name: 'G356', at: [1074, 532], rank: 'road', angle: 14 },
  { name: 'S217', at: [1072, 650], rank: 'road', angle: 24 },
  { name: '预计淹没区 · 412 户', at: [794, 552], rank: 'inundation', angle: 13 },
];

const INUNDATION: Line = path(
  '476,350 520,352 570,378 640,366 700,384 742,420 776,468 822,486 872,492 916,512 950,538 946,590 900,572 846,552 792,540 750,516 726,470 700,434 640,424 580,430 520,404 480,378',
);

const RIVER: Line = smooth(
  path(
    '470,352 512,374 560,402 604,402 640,392 684,402 716,430 738,470 770,498 812,516 860,520 900,540 936,566 974,572 1010,560 1066,580 1130,618 1330,690',
  ),
  10,
);

/** A village's houses stand in rows along its own axis, some lots empty. */
function housesOf({ name, at, houses, turnDegrees }: (typeof VILLAGES)[number]): Line[] {
  const columns = Math.ceil(Math.sqrt(houses * 1.9));
  const turn = (turnDegrees * Math.PI) / 180;
  const lots = Array.from({ length: houses }, (_, lot) => {
    const chance = (salt: number) => chanceAt(lot * 10 + salt, at[0] * 1000 + at[1] + name.length);
    if (chance(0) < 0.2) return [];
    const x = ((lot % columns) - columns / 2) * 12.5 + chance(1) * 3;
    const y = (Math.floor(lot / columns) - houses / columns / 2) * 11 + chance(2) * 3;
    const [w, h] = [5 + chance(3) * 6, 4 + chance(4) * 4];
    const corners: Line = [
      [x, y],
      [x + w, y],
      [x + w, y + h],
      [x, y + h],
      [x, y],
    ];
    return [
      corners.map(([cx, cy]): Point => [
        at[0] + cx * Math.cos(turn) - cy * Math.sin(turn),
        at[1] + cx * Math.sin(turn) + cy * Math.cos(turn),
      ]),
    ];
  });
  return lots.flat();
}

/** A band along a line, from one half width to another, swelling a little on the way. */
function ribbon(line: Line, from: number, to: number): Line {
  const side = (sign: 1 | -1) =>
    line.map(([x, y], i): Point => {
      const [before, after] = [line[i - 1] ?? line[i]!, line[i + 1] ?? line[i]!];
      const [dx, dy] = [after[0] - before[0], after[1] - before[1]];
      const half = (from + ((to - from) * i) / line.length) * (1 + 0.3 * Math.sin(i * 0.35)) * sign;
      return [x - (dy / Math.hypot(dx, dy)) * half, y + (dx / Math.hypot(dx, dy)) * half];
    });
  const left = side(1);
  return [...left, ...side(-1).reverse(), left[0]!];
}

// --- the sheet, drawn ---

const features: object[] = [];
const add = (kind: string, properties: object, type: string, coordinates: unknown) =>
  features.push({ type: 'Feature', properties: { kind, ...properties }, geometry: { type, coordinates } });

const heights = field(heightAt);
const water = field((at) =>
  Math.max(heights[(at[1] - SHEET.top) / CELL]![(at[0] - SHEET.left) / CELL]! - WATER_LEVEL, pastDam(at) * 0.6),
);
for (const values of [water])
  for (const [row, line] of values.entries())
    line.forEach((_, column) => {
      if (row === 0 || column === 0 || row === ROWS - 1 || column === COLUMNS - 1) line[column] = 99;
    });

for (let level = 40, i = 0; level < 150; level += 6, i += 1) {
  const lines = linesAt(heights, level)
    .filter((line) => line.length > 14)
    .map((line) => simplify(line, 0.45).map(onEarth));
  if (lines.length > 0) add('contour', { height: level, isIndex: i % 4 === 3 }, 'MultiLineString', lines);
}
for (const stream of STREAMS) add('stream', {}, 'LineString', simplify(stream, 0.3).map(onEarth));
const rings = (level: number, least: number) =>
  linesAt(water, level)
    .filter((line) => line.length > least)
    .map((line) => [simplify(line, 0.3).map(onEarth)]);
add('inundation', { name: '预计淹没区', households: 412 }, 'Polygon', [
  [...smooth([...INUNDATION, INUNDATION[0]!], 4)].map(onEarth),
]);
add('water', { name: '岚溪水库' }, 'MultiPolygon', rings(0, 60));
for (const depth of [5, 10]) add('depth', { depth }, 'MultiPolygon', rings(-depth, 24));
add('river', { name: '岚溪' }, 'Polygon', [ribbon(RIVER, 4, 9).map(onEarth)]);
for (const { name, class: roadClass, line } of ROADS)
  add('road', { name, class: roadClass }, 'LineString', simplify(smooth(line, 8), 0.3).map(onEarth));
for (const village of VILLAGES)
  add(
    'building',
    { name: village.name },
    'MultiPolygon',
    housesOf(village).map((house) => [house.map(onEarth)]),
  );
add('dam', { name: '岚溪大坝' }, 'LineString', smooth(DAM, 4).map(onEarth));
for (const { name, at, ...rest } of PLACES) add('place', { name, ...rest }, 'Point', onEarth(at));

const file = new URL('../sites/demo/base-map.geojson', import.meta.url);
const text = `{"type":"FeatureCollection","features":[\n${features.map((feature) => JSON.stringify(feature)).join(',\n')}\n]}\n`;
writeFileSync(file, text);
console.log(`${features.length} features, ${Math.round(text.length / 1024)} kB`);
