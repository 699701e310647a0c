/** Where boxes and names go so that they do not lie on each other. Pure: the same input gives the same places. */
export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Wanted {
  id: string;
  /** The point that the box is about. */
  anchor: { x: number; y: number };
  width: number;
  height: number;
  /** Top left corners relative to the anchor, best first. */
  offsets: readonly (readonly [dx: number, dy: number])[];
}

/** Candidate corners around a point at a distance, right before left, above before below. */
export function around(width: number, height: number, gap: number): [dx: number, dy: number][] {
  const middleX = -width / 2;
  const middleY = -height / 2;
  return [
    [gap, -height - gap * 0.4],
    [gap, gap * 0.4],
    [-width - gap, -height - gap * 0.4],
    [-width - gap, gap * 0.4],
    [gap * 1.6, middleY],
    [-width - gap * 1.6, middleY],
    [middleX, -height - gap * 1.4],
    [middleX, gap * 1.4],
    [gap * 3, -height - gap * 2],
    [-width - gap * 3, -height - gap * 2],
    [gap * 3, gap * 2],
    [-width - gap * 3, gap * 2],
  ];
}

/**
 * Places each box at the first of its offsets that covers nothing; when all cover something, at the one that covers least.
 * Earlier boxes are placed first and stay; `taken` is what was there before.
 */
export function placeBoxes(
  wanted: readonly Wanted[],
  taken: readonly Rectangle[] = [],
  /** Boxes about points inside it should lie inside it too. */
  window?: Rectangle,
): Map<string, Rectangle> {
  const lying: Rectangle[] = [...taken];
  const places = new Map<string, Rectangle>();
  for (const { id, anchor, width, height, offsets } of wanted) {
    let best: { place: Rectangle; cost: number } | undefined;
    for (const [i, [dx, dy]] of offsets.entries()) {
      const place = { x: anchor.x + dx, y: anchor.y + dy, width, height };
      let cost = i * 0.5;
      for (const other of lying) cost += overlap(place, other);
      if (window) cost += width * height - Math.min(width * height, overlap(place, window, 0));
      if (!best || cost < best.cost - 1e-9) best = { place, cost };
    }
    if (!best) continue;
    places.set(id, best.place);
    lying.push(best.place);
  }
  return places;
}

/** Square pixels that two rectangles share, a margin around them included. */
function overlap(a: Rectangle, b: Rectangle, margin = 4): number {
  const w = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x) + margin;
  const h = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y) + margin;
  return w > 0 && h > 0 ? w * h : 0;
}

/** The point of a rectangle's edge that a leader line from outside should touch. */
export function nearestOnEdge(box: Rectangle, point: { x: number; y: number }): { x: number; y: number } {
  const x = Math.max(box.x, Math.min(box.x + box.width, point.x));
  const y = Math.max(box.y, Math.min(box.y + box.height, point.y));
  // From the side the line meets the middle of the edge; from above or below, the nearest point.
  return x === point.x ? { x, y } : { x, y: box.y + box.height / 2 };
}

/** Width of a line of text at 12 px, near enough to place it: Chinese is square, the rest is a little more than half. */
export function textWidth(text: string, px = 12): number {
  let ems = 0;
  for (const sign of text) ems += /[\u2e80-\uffef]/.test(sign) ? 1 : sign === ' ' ? 0.32 : 0.62;
  return Math.ceil(ems * px);
}
