import { ICONS, type IconName } from '#ui/icons/icons.ts';
import { frameX, frameY, type Frame } from './canvas-layer.ts';
import { mercatorX, mercatorY } from './geometry.ts';
import type { MapUnit } from './marks.ts';
import { textWidth } from './placement.ts';
import type { Tokens } from './tokens.ts';

/** With more than so many on the screen, a unit is a dot; a framed icon would only cover its neighbours. */
const FRAMED_UP_TO = 400;
/** With more than so many, only those that are speaking, picked or in trouble keep their names. */
const NAMED_UP_TO = 120;
const HIT_PX = 14;

const TONES = { plain: 'tx-1', green: 'green', red: 'red', idle: 'tx-3' } as const;

interface Placed {
  unit: MapUnit;
  x: number;
  y: number;
}

/** People and vehicles: five thousand of them that move once a second are one canvas and a few drawn images. */
export class UnitDrawing {
  #units: readonly MapUnit[] = [];
  #x = new Float64Array(0);
  #y = new Float64Array(0);
  #sprites = new Map<string, HTMLCanvasElement>();
  #tokens: Tokens | undefined;
  #picked: ReadonlySet<string> = new Set();

  set(units: readonly MapUnit[], picked: ReadonlySet<string>): void {
    this.#units = units;
    this.#picked = picked;
    if (this.#x.length < units.length) {
      this.#x = new Float64Array(units.length * 2);
      this.#y = new Float64Array(units.length * 2);
    }
    for (let i = 0; i < units.length; i++) {
      const { latitude, longitude } = units[i] as MapUnit;
      this.#x[i] = mercatorX(longitude);
      this.#y[i] = mercatorY(latitude);
    }
  }

  draw(frame: Frame, tokens: Tokens): void {
    if (tokens !== this.#tokens) {
      this.#tokens = tokens;
      this.#sprites.clear();
    }
    const visible: Placed[] = [];
    for (let i = 0; i < this.#units.length; i++) {
      const x = frameX(frame, this.#x[i] as number);
      const y = frameY(frame, this.#y[i] as number);
      if (x > -20 && y > -20 && x < frame.width + 20 && y < frame.height + 20) {
        visible.push({ unit: this.#units[i] as MapUnit, x, y });
      }
    }
    const { context } = frame;
    const isFramed = visible.length <= FRAMED_UP_TO;
    for (const { unit, x, y } of visible) {
      const isLoud = this.#isLoud(unit);
      const sprite = this.#sprite(unit, isFramed || isLoud, this.#picked.has(unit.id));
      const half = sprite.width / 4;
      context.drawImage(sprite, Math.round(x - half), Math.round(y - half), half * 2, half * 2);
    }
    this.#names(frame, visible, tokens);
  }

  /** The unit under a point of the screen, the nearest when there are several. */
  at(x: number, y: number, view: { world: number; left: number; top: number }): MapUnit | undefined {
    let nearest = -1;
    let least = HIT_PX;
    for (let i = 0; i < this.#units.length; i++) {
      const dx = Math.abs((this.#x[i] as number) * view.world - view.left - x);
      const dy = Math.abs((this.#y[i] as number) * view.world - view.top - y);
      const distance = Math.max(dx, dy);
      if (distance > least) continue;
      least = distance;
      nearest = i;
    }
    return nearest < 0 ? undefined : this.#units[nearest];
  }

  #isLoud(unit: MapUnit): boolean {
    return unit.tone === 'green' || unit.tone === 'red' || this.#picked.has(unit.id);
  }

  #names(frame: Frame, visible: readonly Placed[], tokens: Tokens): void {
    const { context } = frame;
    const isCrowd = visible.length > NAMED_UP_TO;
    const named = isCrowd ? visible.filter(({ unit }) => this.#isLoud(unit)).slice(0, NAMED_UP_TO) : visible;
    context.font = `12px ${tokens.font}`;
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    context.lineJoin = 'round';
    context.lineWidth = 3;
    context.strokeStyle = tokens['m-halo'];
    const lines = new Map<number, number[]>();
    for (const { unit, x, y } of named) {
      // Names that would lie on a name already written on this line are left out; coming closer brings them.
      const row = Math.round(y / 14);
      const right = x + 13 + textWidth(unit.name);
      const isCovered = [row - 1, row, row + 1].some((near) =>
        (lines.get(near) ?? []).some(
          (taken, i, all) => i % 2 === 0 && x + 13 < (all[i + 1] as number) && right > taken,
        ),
      );
      if (isCovered && (isCrowd || !this.#isLoud(unit))) continue;
      lines.set(row, [...(lines.get(row) ?? []), x + 13, right]);
      context.fillStyle = unit.tone === 'idle' ? tokens['tx-2'] : tokens['tx-1'];
      context.strokeText(unit.name, Math.round(x) + 14, Math.round(y) + 0.5);
      context.fillText(unit.name, Math.round(x) + 14, Math.round(y) + 0.5);
    }
  }

  /** A mark drawn once at twice its size, for each icon, colour and shape that occurs. */
  #sprite(unit: MapUnit, isFramed: boolean, isPicked: boolean): HTMLCanvasElement {
    const key = `${unit.icon} ${unit.tone} ${isFramed} ${isPicked}`;
    const known = this.#sprites.get(key);
    if (known) return known;
    const sprite = document.createElement('canvas');
    const tokens = this.#tokens as Tokens;
    // A dot among hundreds is quiet: the ground and what happens on it must stay readable.
    const colour = isPicked
      ? tokens.cyan
      : !isFramed && unit.tone === 'plain'
        ? tokens['tx-3']
        : tokens[TONES[unit.tone]];
    const side = isFramed ? 24 : 6;
    sprite.width = sprite.height = side * 2;
    const context = sprite.getContext('2d') as CanvasRenderingContext2D;
    context.scale(2, 2);
    context.fillStyle = isFramed ? tokens['bg-1'] : colour;
    context.strokeStyle = isFramed ? colour : tokens['m-halo'];
    context.lineWidth = isFramed ? (isPicked || unit.tone === 'green' ? 2 : 1.2) : 1;
    const inset = isFramed ? 2 : 1;
    context.fillRect(inset, inset, side - 2 * inset, side - 2 * inset);
    context.strokeRect(inset, inset, side - 2 * inset, side - 2 * inset);
    if (isFramed) drawIcon(context, unit.icon, 5, 5, 14, colour);
    this.#sprites.set(key, sprite);
    return sprite;
  }
}

/** Draws one of the product's icons; its drawings hold nothing but paths. */
export function drawIcon(
  context: CanvasRenderingContext2D,
  name: IconName,
  x: number,
  y: number,
  size: number,
  colour: string,
): void {
  context.save();
  context.translate(x, y);
  context.scale(size / 16, size / 16);
  context.strokeStyle = colour;
  context.lineWidth = 1.6;
  context.lineCap = 'square';
  for (const [, path] of ICONS[name].matchAll(/ d="([^"]+)"/g)) context.stroke(new Path2D(path));
  context.restore();
}
