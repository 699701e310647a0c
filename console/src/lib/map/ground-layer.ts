import { frameX, frameY, type Frame } from './canvas-layer.ts';
import type { Ground, GroundFeature, GroundKind, GroundLabel } from './ground.ts';
import type { Tokens } from './tokens.ts';

/** Paths are kept in pixels of this zoom, counted from the first point of the map, and scaled when drawn. */
const PATH_WORLD = 256 * 2 ** 16;

interface Drawable {
  feature: GroundFeature;
  path: Path2D;
}

/** Draws the base map. Everything here stays below every fact in contrast. */
export class GroundDrawing {
  readonly #byKind = new Map<GroundKind, Drawable[]>();
  readonly #labels: readonly GroundLabel[];
  readonly #originX: number;
  readonly #originY: number;

  constructor(ground: Ground) {
    const first = ground.features[0]?.lines[0];
    this.#originX = first?.[0] ?? 0.5;
    this.#originY = first?.[1] ?? 0.5;
    this.#labels = ground.labels;
    for (const feature of ground.features) {
      const list = this.#byKind.get(feature.kind) ?? [];
      list.push({ feature, path: this.#pathOf(feature) });
      this.#byKind.set(feature.kind, list);
    }
  }

  draw(
    frame: Frame,
    tokens: Tokens,
    show: { contours: boolean; names: boolean; unless: (place: string) => boolean },
  ): void {
    const { context } = frame;
    context.fillStyle = tokens['m-land'];
    context.fillRect(0, 0, frame.width, frame.height);
    context.lineCap = 'round';
    context.lineJoin = 'round';
    // Widths are those of the picture at zoom 14; roads grow a little when one comes closer, and thin out from afar.
    const near = Math.max(0.55, Math.min(2.4, 2 ** ((frame.zoom - 14) * 0.45)));
    if (show.contours) {
      this.#lines(frame, 'contour', tokens['m-contour'], 1);
      this.#lines(frame, 'contour-index', tokens['m-contour-2'], 1);
    }
    this.#lines(frame, 'stream', tokens['m-stream'], 1.2 * near, 0.8);
    this.#areas(frame, 'water', tokens['m-water'], 1, tokens['m-shore'], 1.2);
    this.#areas(frame, 'depth', tokens['m-depth'], 0.65);
    this.#areas(frame, 'river', tokens['m-water'], 1, tokens['m-shore'], 1);
    if (frame.zoom >= 12.5) {
      this.#lines(frame, 'street', tokens['m-street'], 1.6 * near);
      this.#areas(frame, 'building', tokens['m-house'], 1);
    }
    this.#lines(frame, 'track', tokens['m-road-case'], 4.4 * near);
    this.#lines(frame, 'road', tokens['m-road-case'], 6.4 * near);
    this.#lines(frame, 'track', tokens['m-road'], 2 * near);
    this.#lines(frame, 'road', tokens['m-road'], 3.4 * near);
    this.#lines(frame, 'dam', tokens['m-road-case'], 9 * near);
    this.#lines(frame, 'dam', tokens['m-dam'], 4 * near);
    if (!show.names) return;
    for (const label of this.#labels)
      if (label.of !== 'place' || !show.unless(label.text)) this.#label(frame, label, tokens);
  }

  /** The flooded area is a fact, not ground: hatched and dashed in red above the ground, when its layer is on. */
  drawInundation(frame: Frame, tokens: Tokens, hatch: CanvasPattern | string): void {
    const { context } = frame;
    for (const { path } of this.#visible(frame, 'inundation')) {
      this.#inPath(frame, (scale) => {
        context.globalAlpha = 0.35;
        context.fillStyle = hatch;
        context.fill(path, 'evenodd');
        context.globalAlpha = 1;
        context.strokeStyle = tokens.red;
        context.lineWidth = 1.5 / scale;
        context.setLineDash([8 / scale, 4 / scale]);
        context.stroke(path);
        context.setLineDash([]);
      });
    }
  }

  #pathOf({ lines, isClosed }: GroundFeature): Path2D {
    const path = new Path2D();
    for (const line of lines) {
      for (let i = 0; i < line.length; i += 2) {
        const x = ((line[i] as number) - this.#originX) * PATH_WORLD;
        const y = ((line[i + 1] as number) - this.#originY) * PATH_WORLD;
        if (i === 0) path.moveTo(x, y);
        else path.lineTo(x, y);
      }
      if (isClosed) path.closePath();
    }
    return path;
  }

  *#visible(frame: Frame, kind: GroundKind): Generator<Drawable> {
    const west = frame.left / frame.world;
    const east = (frame.left + frame.width) / frame.world;
    const north = frame.top / frame.world;
    const south = (frame.top + frame.height) / frame.world;
    for (const drawable of this.#byKind.get(kind) ?? []) {
      const { feature } = drawable;
      if (feature.east < west || feature.west > east || feature.south < north || feature.north > south) continue;
      yield drawable;
    }
  }

  /** Draws in the paths' own pixels; `scale` is how many screen pixels one of them is. */
  #inPath(frame: Frame, draw: (scale: number) => void): void {
    const { context } = frame;
    const scale = frame.world / PATH_WORLD;
    context.save();
    context.translate(frameX(frame, this.#originX), frameY(frame, this.#originY));
    context.scale(scale, scale);
    draw(scale);
    context.restore();
  }

  #lines(frame: Frame, kind: GroundKind, colour: string, width: number, alpha = 1): void {
    this.#inPath(frame, (scale) => {
      const { context } = frame;
      context.strokeStyle = colour;
      context.lineWidth = width / scale;
      context.globalAlpha = alpha;
      for (const { path } of this.#visible(frame, kind)) context.stroke(path);
    });
  }

  #areas(frame: Frame, kind: GroundKind, fill: string, alpha: number, edge?: string, edgeWidth = 1): void {
    this.#inPath(frame, (scale) => {
      const { context } = frame;
      context.fillStyle = fill;
      context.globalAlpha = alpha;
      for (const { path } of this.#visible(frame, kind)) {
        context.fill(path, 'evenodd');
        if (!edge) continue;
        context.strokeStyle = edge;
        context.lineWidth = edgeWidth / scale;
        context.stroke(path);
      }
    });
  }

  #label(frame: Frame, { of, text, x, y, turn }: GroundLabel, tokens: Tokens): void {
    if (of === 'inundation' || (of !== 'water' && frame.zoom < 12.5)) return;
    const { context } = frame;
    context.save();
    context.translate(frameX(frame, x), frameY(frame, y));
    context.rotate((turn * Math.PI) / 180);
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.lineJoin = 'round';
    const size = of === 'water' ? 14 : of === 'place' ? 13 : 12;
    context.font = `${size}px ${tokens.font}`;
    const isWater = of === 'water' || of === 'river';
    context.letterSpacing = of === 'water' ? '4px' : of === 'river' ? '2.4px' : '0px';
    context.strokeStyle = isWater ? tokens['m-water'] : tokens['m-halo'];
    context.lineWidth = of === 'river' ? 2 : 3;
    context.fillStyle = isWater ? tokens['m-water-label'] : of === 'place' ? tokens['tx-2'] : tokens['m-label'];
    context.strokeText(text, 0, 0);
    context.fillText(text, 0, 0);
    context.restore();
  }
}
