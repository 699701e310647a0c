// @ts-nocheck
/**
 * The ground of the fictional 岚溪水库: a height field, contoured, so that the shore has the arms that a real valley
 * reservoir has; given out as GeoJSON, each feature with a `kind`.
 */
export const W = 1120,
  H = 704;
let s = 7;
const rnd = () => ((s = (s * 1664525 + 1013904223) >>> 0), s / 4294967296);
const perm = Array.from({ length: 512 }, () => rnd());
const g = (ix, iy) => perm[(((ix * 73 + iy * 179) % 509) + 509) % 509];
const sm = (t) => t * t * (3 - 2 * t);
function noise(x, y) {
  const ix = Math.floor(x),
    iy = Math.floor(y),
    fx = sm(x - ix),
    fy = sm(y - iy);
  const a = g(ix, iy),
    b = g(ix + 1, iy),
    c = g(ix, iy + 1),
    d = g(ix + 1, iy + 1);
  return (a + (b - a) * fx) * (1 - fy) + (c + (d - c) * fx) * fy;
}
function fbm(x, y) {
  let v = 0,
    a = 0.5;
  for (let i = 0; i < 5; i++) {
    v += a * (noise(x, y) - 0.5);
    x *= 2.03;
    y *= 2.03;
    a *= 0.5;
  }
  return v;
}
export function spline(p, n = 14) {
  const o = [];
  for (let i = 0; i < p.length - 1; i++) {
    const a = p[i - 1] || p[i],
      b = p[i],
      c = p[i + 1],
      d = p[i + 2] || c;
    for (let k = 0; k < n; k++) {
      const t = k / n,
        t2 = t * t,
        t3 = t2 * t;
      o.push(
        [0, 1].map(
          (j) =>
            0.5 *
            (2 * b[j] +
              (c[j] - a[j]) * t +
              (2 * a[j] - 5 * b[j] + 4 * c[j] - d[j]) * t2 +
              (3 * b[j] - a[j] - 3 * c[j] + d[j]) * t3),
        ),
      );
    }
  }
  o.push(p[p.length - 1]);
  return o;
}
const main = spline([
  [-60, 40],
  [70, 70],
  [150, 150],
  [270, 170],
  [360, 235],
  [430, 322],
  [500, 372],
  [560, 402],
  [640, 392],
  [716, 430],
  [770, 498],
  [860, 520],
  [936, 566],
  [1010, 560],
  [1180, 640],
]);
const arms = [
  [
    [70, 420],
    [110, 330],
    [180, 262],
    [236, 216],
    [270, 170],
  ],
  [
    [330, -40],
    [318, 60],
    [338, 150],
    [360, 235],
  ],
  [
    [20, 240],
    [90, 210],
    [150, 150],
  ],
  [
    [452, 30],
    [424, 110],
    [400, 170],
    [380, 240],
    [360, 235],
  ],
  [
    [180, 520],
    [214, 430],
    [290, 330],
    [326, 270],
    [360, 235],
  ],
  [
    [690, -40],
    [668, 110],
    [640, 220],
    [622, 310],
    [640, 392],
  ],
  [
    [560, 760],
    [600, 640],
    [690, 560],
    [770, 498],
  ],
  [
    [1000, 60],
    [968, 200],
    [960, 330],
    [914, 440],
    [936, 566],
  ],
].map((a) => spline(a, 10));
const pts = [];
main.forEach((p, i) => pts.push([p[0], p[1], 60 - i * 0.3, 1]));
arms.forEach((a, k) => a.forEach((p, i) => pts.push([p[0], p[1], NaN, 0, k, i / (a.length - 1)])));
for (const p of pts)
  if (Number.isNaN(p[2])) {
    // an arm climbs away from where it meets the main valley
    const a = arms[p[4]],
      e = a[a.length - 1];
    let best = 1e9,
      h = 0;
    for (const q of pts)
      if (q[3]) {
        const d = (q[0] - e[0]) ** 2 + (q[1] - e[1]) ** 2;
        if (d < best) ((best = d), (h = q[2]));
      }
    p[2] = h + Math.pow(1 - p[5], 1.3) * 30;
  }
export const damA = [478, 286],
  damB = [440, 398];
const dn = (() => {
  const dx = damB[0] - damA[0],
    dy = damB[1] - damA[1],
    l = Math.hypot(dx, dy);
  return [(-dy / l) * -1, (dx / l) * -1];
})();
const past = (x, y) => (x - damA[0]) * dn[0] + (y - damA[1]) * dn[1];
const ST = 5,
  NX = Math.ceil(W / ST) + 3,
  NY = Math.ceil(H / ST) + 3,
  F = new Float64Array(NX * NY),
  R = new Float64Array(NX * NY);
const level = 61;
for (let j = 0; j < NY; j++)
  for (let i = 0; i < NX; i++) {
    const x = (i - 1) * ST,
      y = (j - 1) * ST;
    let h = 1e9;
    for (const p of pts) {
      const d = Math.hypot(p[0] - x, p[1] - y),
        w = p[3] ? (p[0] > 480 ? 36 : 16) : 9;
      const v = p[2] + Math.max(0, d - w) * (p[0] > 330 && p[0] < 500 ? 0.52 : 0.34) * (p[3] ? 1 : 1.1);
      if (v < h) h = v;
    }
    h += fbm(x / 120, y / 120) * (26 + Math.min(30, Math.max(0, h - 50) * 0.6)) + fbm(x / 34 + 9, y / 34) * 5;
    h +=
      40 * Math.exp(-((x - 404) ** 2 + (y - 452) ** 2) / 42 ** 2) +
      30 * Math.exp(-((x - 494) ** 2 + (y - 250) ** 2) / 30 ** 2);
    F[j * NX + i] = h;
    R[j * NX + i] = Math.max(h - level, past(x, y) * 0.6);
  }
function contour(A, lv, keep = 10) {
  const seg = new Map(),
    out = [];
  const key = (p) => p[0].toFixed(2) + ',' + p[1].toFixed(2);
  const add = (a, b) => {
    const k = key(a);
    (seg.get(k) || seg.set(k, []).get(k)).push([a, b]);
  };
  for (let j = 0; j < NY - 1; j++)
    for (let i = 0; i < NX - 1; i++) {
      const v = [A[j * NX + i], A[j * NX + i + 1], A[(j + 1) * NX + i + 1], A[(j + 1) * NX + i]].map((q) => q - lv);
      const x = (i - 1) * ST,
        y = (j - 1) * ST,
        c = (v[0] < 0) | ((v[1] < 0) << 1) | ((v[2] < 0) << 2) | ((v[3] < 0) << 3);
      if (!c || c === 15) continue;
      const L = (a, b) => a / (a - b),
        e = [
          () => [x + ST * L(v[0], v[1]), y],
          () => [x + ST, y + ST * L(v[1], v[2])],
          () => [x + ST * L(v[3], v[2]), y + ST],
          () => [x, y + ST * L(v[0], v[3])],
        ];
      const T = {
        1: [[3, 0]],
        2: [[0, 1]],
        3: [[3, 1]],
        4: [[1, 2]],
        5: [
          [3, 2],
          [1, 0],
        ],
        6: [[0, 2]],
        7: [[3, 2]],
        8: [[2, 3]],
        9: [[2, 0]],
        10: [
          [0, 3],
          [2, 1],
        ],
        11: [[2, 1]],
        12: [[1, 3]],
        13: [[1, 0]],
        14: [[0, 3]],
      };
      for (const [a, b] of T[c]) add(e[a](), e[b]());
    }
  while (seg.size) {
    const [k, l] = seg.entries().next().value;
    let cur = l.pop();
    if (!l.length) seg.delete(k);
    const line = [cur[0], cur[1]];
    for (;;) {
      const kk = key(line[line.length - 1]),
        n = seg.get(kk);
      if (!n) break;
      const nx = n.pop();
      if (!n.length) seg.delete(kk);
      line.push(nx[1]);
    }
    if (line.length >= keep) out.push(line);
  }
  return out;
}
const f1 = (n) => (Math.round(n * 10) / 10).toString();
export const d = (l, close) => 'M' + l.map((p) => f1(p[0]) + ' ' + f1(p[1])).join('L') + (close ? 'Z' : '');
const thin = (l) => l.filter((p, i) => i === 0 || i === l.length - 1 || i % 2 === 0);
const padA = (A) => {
  const B = A.slice();
  for (let i = 0; i < NX; i++) B[i] = B[(NY - 1) * NX + i] = 99;
  for (let j = 0; j < NY; j++) B[j * NX] = B[j * NX + NX - 1] = 99;
  return B;
};
const C = [];
for (let lv = 40; lv < 150; lv += 6) C.push([lv, contour(F, lv, 14).map(thin)]);
const res = contour(padA(R), 0, 60).map((l) => l),
  deep = contour(padA(R), -5, 30),
  deep2 = contour(padA(R), -10, 24);
const river = spline(
  [
    [478, 358],
    [512, 374],
    [560, 402],
    [604, 402],
    [640, 392],
    [684, 402],
    [716, 430],
    [738, 470],
    [770, 498],
    [812, 516],
    [860, 520],
    [900, 540],
    [936, 566],
    [974, 572],
    [1010, 560],
    [1066, 580],
    [1130, 618],
  ],
  10,
);
const ribbon = (l, w0, w1) => {
  const a = [],
    b = [];
  l.forEach((p, i) => {
    const q = l[i + 1] || p,
      o = l[i - 1] || p,
      dx = q[0] - o[0],
      dy = q[1] - o[1],
      n = Math.hypot(dx, dy) || 1,
      w = (w0 + ((w1 - w0) * i) / l.length) * (1 + 0.35 * Math.sin(i * 0.35));
    a.push([p[0] - (dy / n) * w, p[1] + (dx / n) * w]);
    b.unshift([p[0] + (dy / n) * w, p[1] - (dx / n) * w]);
  });
  return d(a.concat(b), true);
};
const roads = {
  s: [
    [
      [486, 288],
      [520, 326],
      [566, 366],
      [628, 356],
      [676, 366],
      [722, 396],
      [764, 446],
      [806, 480],
      [866, 488],
      [918, 506],
      [968, 530],
      [1010, 524],
      [1060, 534],
      [1130, 566],
    ],
    [
      [436, 408],
      [480, 424],
      [540, 444],
      [600, 448],
      [660, 444],
      [690, 470],
      [724, 520],
      [770, 556],
      [850, 566],
      [900, 586],
      [940, 612],
      [1000, 612],
      [1060, 640],
      [1130, 672],
    ],
  ],
  t: [
    [
      [676, 366],
      [682, 404],
      [676, 420],
      [660, 444],
    ],
    [
      [866, 488],
      [862, 520],
      [850, 566],
    ],
    [
      [1010, 524],
      [1012, 560],
      [1000, 612],
    ],
    [
      [722, 396],
      [756, 350],
      [790, 318],
      [836, 260],
      [872, 180],
      [930, 120],
      [960, -10],
    ],
    [
      [540, 444],
      [520, 500],
      [470, 560],
      [430, 640],
      [420, 720],
    ],
    [
      [486, 288],
      [500, 230],
      [540, 190],
      [560, 120],
      [600, 60],
      [610, -10],
    ],
    [
      [900, 586],
      [880, 640],
      [850, 720],
    ],
  ],
};
const villages = [
  [594, 330, 26, -12],
  [706, 372, 40, 24],
  [650, 470, 30, 6],
  [856, 462, 34, 8],
  [800, 592, 24, 12],
  [884, 606, 26, 20],
  [1034, 500, 44, 8],
  [1046, 586, 26, 14],
  [548, 270, 8, 30],
  [536, 470, 14, 10],
  [838, 236, 12, -30],
];

/** What would be under water if the dam broke. */
const flood = [
  [476, 350],
  [520, 352],
  [570, 378],
  [640, 366],
  [700, 384],
  [742, 420],
  [776, 468],
  [822, 486],
  [872, 492],
  [916, 512],
  [950, 538],
  [946, 590],
  [900, 572],
  [846, 552],
  [792, 540],
  [750, 516],
  [726, 470],
  [700, 434],
  [640, 424],
  [580, 430],
  [520, 404],
  [480, 378],
];

const METRES_PER_PIXEL = 6.25;
const CENTRE = { x: W / 2, y: H / 2, latitude: 30.2147, longitude: 119.4063 };
const DEGREES = METRES_PER_PIXEL / 111_320;

/** A point of the drawing as a place on the ground. */
export function placeAt(x, y) {
  return {
    latitude: +(CENTRE.latitude - (y - CENTRE.y) * DEGREES).toFixed(6),
    longitude: +(CENTRE.longitude + ((x - CENTRE.x) * DEGREES) / Math.cos((CENTRE.latitude * Math.PI) / 180)).toFixed(
      6,
    ),
  };
}
const lonLat = ([x, y]) => {
  const place = placeAt(x, y);
  return [place.longitude, place.latitude];
};
const close = (line) => (line[0][0] === line.at(-1)[0] && line[0][1] === line.at(-1)[1] ? line : [...line, line[0]]);

const feature = (kind, type, coordinates, more = {}) => ({
  type: 'Feature',
  properties: { kind, ...more },
  geometry: { type, coordinates },
});
const lines = (kind, list, more) =>
  feature(
    kind,
    'MultiLineString',
    list.map((l) => l.map(lonLat)),
    more,
  );
const polygons = (kind, list, more) =>
  feature(
    kind,
    'MultiPolygon',
    list.map((l) => [close(l).map(lonLat)]),
    more,
  );

/** The whole ground, lowest layer first. */
export function baseMap() {
  const houses = [];
  const streets = [];
  for (const [x, y, n, turn] of villages) {
    const cols = Math.ceil(Math.sqrt(n * 1.9));
    const a = (turn * Math.PI) / 180;
    const put = ([px, py]) => [x + px * Math.cos(a) - py * Math.sin(a), y + px * Math.sin(a) + py * Math.cos(a)];
    for (let k = 0; k < n; k++) {
      if (rnd() < 0.2) continue;
      const cx = ((k % cols) - cols / 2) * 12.5 + rnd() * 3;
      const cy = (Math.floor(k / cols) - n / cols / 2) * 11 + rnd() * 3;
      const w = 5 + rnd() * 6;
      const h = 4 + rnd() * 4;
      houses.push(
        [
          [cx, cy],
          [cx + w, cy],
          [cx + w, cy + h],
          [cx, cy + h],
        ].map(put),
      );
    }
    streets.push(
      [
        [-cols * 6.5 - 6, -1],
        [cols * 6.5 + 8, -1],
      ].map(put),
      [
        [0, (-n / cols) * 5.5 - 8],
        [0, (n / cols) * 5.5 + 8],
      ].map(put),
    );
  }
  const ribbonOf = (line, from, to) => {
    const left = [];
    const right = [];
    line.forEach((p, i) => {
      const next = line[i + 1] || p;
      const last = line[i - 1] || p;
      const dx = next[0] - last[0];
      const dy = next[1] - last[1];
      const length = Math.hypot(dx, dy) || 1;
      const w = (from + ((to - from) * i) / line.length) * (1 + 0.35 * Math.sin(i * 0.35));
      left.push([p[0] - (dy / length) * w, p[1] + (dx / length) * w]);
      right.unshift([p[0] + (dy / length) * w, p[1] - (dx / length) * w]);
    });
    return [...left, ...right];
  };
  const dam = spline([damA, [472, 345], damB], 10);
  return {
    type: 'FeatureCollection',
    features: [
      lines(
        'contour',
        C.filter((_, i) => i % 4 !== 3).flatMap(([, ls]) => ls),
      ),
      lines(
        'contour-index',
        C.filter((_, i) => i % 4 === 3).flatMap(([, ls]) => ls),
      ),
      lines('stream', arms),
      polygons('water', res, { name: '岚溪水库' }),
      polygons('depth', deep),
      polygons('depth', deep2),
      polygons('water', [ribbonOf(river, 4, 8.5)], { name: '岚溪' }),
      lines('street', streets),
      polygons('house', houses),
      lines(
        'track',
        roads.t.map((r) => spline(r, 8)),
      ),
      lines(
        'road',
        roads.s.map((r) => spline(r, 8)),
      ),
      lines('dam', [dam]),
      feature('inundation', 'Polygon', [close(flood).map(lonLat)], { name: '预计淹没区' }),
      feature('label', 'Point', lonLat([150, 136]), { of: 'water', text: '岚溪水库', turn: 24 }),
      feature('label', 'Point', lonLat([614, 404]), { of: 'water', text: '岚溪', turn: -8 }),
      feature('label', 'Point', lonLat([862, 246]), { of: 'place', text: '岭背村' }),
      feature('label', 'Point', lonLat([565, 264]), { of: 'place', text: '管理处' }),
      feature('label', 'Point', lonLat([1046, 526]), { of: 'road', text: 'G356' }),
      feature('label', 'Point', lonLat([1046, 664]), { of: 'road', text: 'S217' }),
    ],
  };
}
