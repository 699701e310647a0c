import type { Location } from '@tocsin/protocol/common.ts';

/** A place without what belongs to a measurement. */
export type Place = Pick<Location, 'latitude' | 'longitude'>;

/** What a hand drew on the map. */
export type Area =
  { kind: 'circle'; centre: Place; radiusMetres: number } | { kind: 'polygon'; points: readonly Place[] };

const EARTH_RADIUS_METRES = 6_371_008.8;
const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** Web Mercator, the whole world 0-1 from west to east. */
export function mercatorX(longitude: number): number {
  return (longitude + 180) / 360;
}

/** Web Mercator, the whole world 0-1 from north to south. */
export function mercatorY(latitude: number): number {
  const s = Math.sin(radians(Math.max(-85.0511, Math.min(85.0511, latitude))));
  return 0.5 - Math.log((1 + s) / (1 - s)) / (4 * Math.PI);
}

/** Great-circle distance in metres. */
export function metresBetween(a: Place, b: Place): number {
  const dLatitude = radians(b.latitude - a.latitude);
  const dLongitude = radians(b.longitude - a.longitude);
  const h =
    Math.sin(dLatitude / 2) ** 2 +
    Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * Math.sin(dLongitude / 2) ** 2;
  return 2 * EARTH_RADIUS_METRES * Math.asin(Math.sqrt(h));
}

export function lengthMetres(points: readonly Place[]): number {
  let sum = 0;
  for (let i = 1; i < points.length; i++) sum += metresBetween(points[i - 1] as Place, points[i] as Place);
  return sum;
}

/** Metres that one screen pixel stands for. */
export function metresPerPixel(latitude: number, zoom: number): number {
  return (2 * Math.PI * 6_378_137 * Math.cos(radians(latitude))) / (256 * 2 ** zoom);
}

/** Even-odd rule; a place on the edge may fall on either side. */
export function isInPolygon(place: Place, points: readonly Place[]): boolean {
  let isIn = false;
  for (let i = 0, j = points.length - 1; i < points.length; j = i++) {
    const a = points[i] as Place;
    const b = points[j] as Place;
    const crosses = a.latitude > place.latitude !== b.latitude > place.latitude;
    if (
      crosses &&
      place.longitude <
        ((b.longitude - a.longitude) * (place.latitude - a.latitude)) / (b.latitude - a.latitude) + a.longitude
    ) {
      isIn = !isIn;
    }
  }
  return isIn;
}

export function isInArea(place: Place, area: Area): boolean {
  return area.kind === 'circle'
    ? metresBetween(place, area.centre) <= area.radiusMetres
    : isInPolygon(place, area.points);
}

/** An outline counts as inside when its middle or any of its corners is. */
export function touchesArea(outline: readonly Place[], area: Area): boolean {
  return outline.length > 0 && (isInArea(middleOf(outline), area) || outline.some((corner) => isInArea(corner, area)));
}

export function middleOf(points: readonly Place[]): Place {
  let latitude = 0;
  let longitude = 0;
  for (const point of points) {
    latitude += point.latitude;
    longitude += point.longitude;
  }
  return { latitude: latitude / points.length, longitude: longitude / points.length };
}

/** The scale bar: the roundest length (1, 2, 5 × 10ⁿ m) of at most `atMostPx`, and its width. */
export function scaleBar(metresPerPx: number, atMostPx: number): { metres: number; px: number } {
  const most = metresPerPx * atMostPx;
  const power = 10 ** Math.floor(Math.log10(most));
  const metres = [5, 2, 1].map((step) => step * power).find((length) => length <= most) ?? power;
  return { metres, px: metres / metresPerPx };
}

/** 420 m, 1.35 km, 12 km. */
export function readableMetres(metres: number): string {
  if (metres < 1000) return `${Math.round(metres)} m`;
  return `${metres < 10_000 ? Number((metres / 1000).toFixed(2)) : Math.round(metres / 1000)} km`;
}
