/** How a simulated gauge's value moves. */
export interface GaugeShape {
  /** The value on a quiet day. */
  normal: number;
  /** How far it wanders around that by itself. */
  wander: number;
  /** The value at the height of a flood. */
  peak: number;
}

/** A flood: rises within `riseMs`, stays, falls in twice the time. */
export interface Flood {
  sinceMs: number;
  riseMs: number;
  stayMs: number;
}

/** The value at a time; two slow waves that never quite repeat, and the flood on top. */
export function valueAt(shape: GaugeShape, atMs: number, flood?: Flood): number {
  const hours = atMs / 3600_000;
  const calm = shape.normal + shape.wander * (0.6 * Math.sin(hours * 2.1) + 0.4 * Math.sin(hours * 7.3 + 1));
  const share = flood ? floodShare(flood, atMs) : 0;
  return round(calm + (shape.peak - calm) * share);
}

/** Whether a flood is over. */
export function isOver(flood: Flood, atMs: number): boolean {
  return atMs - flood.sinceMs > flood.riseMs * 3 + flood.stayMs;
}

/** 0 = quiet, 1 = the peak; smooth at both ends. */
function floodShare({ sinceMs, riseMs, stayMs }: Flood, atMs: number): number {
  const age = atMs - sinceMs;
  if (age <= 0) return 0;
  if (age < riseMs) return smooth(age / riseMs);
  if (age < riseMs + stayMs) return 1;
  return smooth(Math.max(0, 1 - (age - riseMs - stayMs) / (riseMs * 2)));
}

function smooth(share: number): number {
  return share * share * (3 - 2 * share);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
