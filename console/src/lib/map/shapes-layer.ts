import { frameX, frameY, type Frame } from './canvas-layer.ts';
import { mercatorX, mercatorY, metresPerPixel, type Area, type Place } from './geometry.ts';
import type { MapChannel, MapWay, MapZone } from './marks.ts';
import type { Tokens } from './tokens.ts';

const HATCH_PX = 6;

/** Diagonal lines of one colour, for areas that something is happening in. */
export function hatchOf(colour: string, leans: 'left' | 'right', gapPx = HATCH_PX): CanvasPattern | string {
  // A tile of gap × √2 repeats diagonal lines without a seam.
  const side = Math.round(gapPx * Math.SQRT2 * 2) / 2;
  const tile = document.createElement('canvas');
  const scale = 4;
  tile.width = tile.height = side * scale;
  const context = tile.getContext('2d');
  if (!context) return colour;
  context.scale(scale, scale);
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  for (const shift of [-side, 0, side]) {
    if (leans === 'right') {
      context.moveTo(shift, side);
      context.lineTo(shift + side, 0);
    } else {
      context.moveTo(shift, 0);
      context.lineTo(shift + side, side);
    }
  }
  context.stroke();
  const pattern = context.createPattern(tile, 'repeat');
  pattern?.setTransform(new DOMMatrix().scale(1 / scale));
  return pattern ?? colour;
}

const ZONE_LOOKS = {
  idle: { colour: 'tx-3', width: 1, dash: [3, 3], alpha: 0.7 },
  playing: { colour: 'green', width: 1.5, dash: [], alpha: 1 },
  warning: { colour: 'yellow', width: 1.5, dash: [], alpha: 1 },
  down: { colour: 'tx-3', width: 1, dash: [3, 3], alpha: 0.7 },
} as const;

export function drawZone(
  frame: Frame,
  zone: MapZone,
  tokens: Tokens,
  hatch: CanvasPattern | string,
  isChosen: boolean,
) {
  if (zone.outline.length < 3) return;
  const { context } = frame;
  const look = ZONE_LOOKS[zone.look];
  trace(frame, zone.outline, true);
  if (zone.look === 'playing') {
    context.globalAlpha = 0.45;
    context.fillStyle = hatch;
    context.fill();
  }
  context.globalAlpha = isChosen ? 1 : look.alpha;
  context.strokeStyle = isChosen ? tokens.cyan : tokens[look.colour];
  context.lineWidth = isChosen ? 2 : look.width;
  context.setLineDash(isChosen ? [] : look.dash);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

/** The edge of a channel's coverage, with its name along it. */
export function drawCoverage(frame: Frame, channel: MapChannel, tokens: Tokens): void {
  if (!channel.coverageMetres) return;
  const { context } = frame;
  const x = frameX(frame, mercatorX(channel.at.longitude));
  const y = frameY(frame, mercatorY(channel.at.latitude));
  const radius = channel.coverageMetres / metresPerPixel(channel.at.latitude, frame.zoom);
  if (radius < 24) return;
  context.strokeStyle = channel.look === 'on-air' ? tokens.green : tokens['tx-3'];
  context.globalAlpha = 0.8;
  context.lineWidth = 1;
  context.setLineDash([2, 5]);
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
  if (radius < 120) return;
  const angle = Math.PI * 0.88;
  context.save();
  context.translate(x + Math.cos(angle) * (radius - 10), y + Math.sin(angle) * (radius - 10));
  context.rotate(angle - Math.PI / 2);
  context.font = `12px ${tokens.font}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.lineWidth = 3;
  context.lineJoin = 'round';
  context.strokeStyle = tokens['m-halo'];
  context.fillStyle = tokens['m-label'];
  context.strokeText(channel.edgeLabel, 0, 0);
  context.fillText(channel.edgeLabel, 0, 0);
  context.restore();
}

export function drawWay(frame: Frame, way: MapWay, tokens: Tokens): void {
  const { context } = frame;
  trace(frame, way.points, false);
  context.strokeStyle = tokens.cyan;
  context.lineWidth = 2;
  context.setLineDash([5, 4]);
  context.stroke();
  context.setLineDash([]);
}

/** What the hand is drawing, or has drawn: always cyan, because it is mine. */
export function drawArea(frame: Frame, area: Area, tokens: Tokens, isDone: boolean): void {
  const { context } = frame;
  if (area.kind === 'circle') {
    const x = frameX(frame, mercatorX(area.centre.longitude));
    const y = frameY(frame, mercatorY(area.centre.latitude));
    context.beginPath();
    context.arc(x, y, area.radiusMetres / metresPerPixel(area.centre.latitude, frame.zoom), 0, 2 * Math.PI);
  } else {
    trace(frame, area.points, isDone);
  }
  if (isDone || area.kind === 'circle') {
    context.globalAlpha = 0.1;
    context.fillStyle = tokens.cyan;
    context.fill();
    context.globalAlpha = 1;
  }
  context.strokeStyle = tokens.cyan;
  context.lineWidth = 2;
  context.setLineDash(isDone ? [] : [6, 4]);
  context.stroke();
  context.setLineDash([]);
  if (area.kind === 'circle') return;
  context.fillStyle = tokens.cyan;
  for (const point of area.points) {
    context.fillRect(frameX(frame, mercatorX(point.longitude)) - 3, frameY(frame, mercatorY(point.latitude)) - 3, 6, 6);
  }
}

function trace(frame: Frame, points: readonly Place[], isClosed: boolean): void {
  const { context } = frame;
  context.beginPath();
  points.forEach((point, i) => {
    const x = frameX(frame, mercatorX(point.longitude));
    const y = frameY(frame, mercatorY(point.latitude));
    if (i === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
  });
  if (isClosed) context.closePath();
}
