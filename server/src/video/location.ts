import { DispatchError } from '#kernel/errors.ts';

/** Where a phone is. WGS 84. */
export interface FeedLocation {
  /** Degrees north, -90 to 90. */
  latitude: number;
  /** Degrees east, -180 to 180. */
  longitude: number;
  /** Radius of the 68 % circle, metres. */
  accuracyMetres: number;
  /** When it was measured, by our clock. */
  atMs: number;
}

/** Checks a location that a page has sent; a time of measurement in the future or long past becomes now. Throws REQUEST_MALFORMED. */
export function parseLocation(body: unknown, nowMs: number): FeedLocation {
  const { latitude, longitude, accuracyMetres, atMs } = (body ?? {}) as Record<string, unknown>;
  return {
    latitude: within('latitude', latitude, -90, 90),
    longitude: within('longitude', longitude, -180, 180),
    accuracyMetres: within('accuracyMetres', accuracyMetres ?? 0, 0, 1_000_000),
    atMs: typeof atMs === 'number' && atMs <= nowMs && atMs > nowMs - 3_600_000 ? atMs : nowMs,
  };
}

function within(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && value >= least && value <= most) return value;
  throw new DispatchError('REQUEST_MALFORMED', `${name} is not a number from ${least} to ${most}`);
}
