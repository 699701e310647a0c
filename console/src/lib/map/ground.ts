import { mercatorX, mercatorY } from './geometry.ts';

/** The base map, lowest first: each is drawn in its own way (see ground-layer.ts). */
export const GROUND_KINDS = [
  'contour',
  'contour-index',
  'stream',
  'water',
  'depth',
  'river',
  'street',
  'building',
  'track',
  'road',
  'dam',
  'inundation',
] as const;
export type GroundKind = (typeof GROUND_KINDS)[number];

/** Lines and rings of one feature in Mercator units (0-1), with the box that holds them. */
export interface GroundFeature {
  kind: GroundKind;
  name?: string;
  /** x, y, x, y … */
  lines: Float64Array[];
  isClosed: boolean;
  west: number;
  east: number;
  north: number;
  south: number;
}

export interface GroundLabel {
  of: 'water' | 'river' | 'place' | 'road' | 'inundation';
  text: string;
  x: number;
  y: number;
  latitude: number;
  longitude: number;
  /** Degrees, clockwise. */
  turn: number;
}

export interface Ground {
  features: GroundFeature[];
  labels: GroundLabel[];
  /** When the map was made, if its file says so. */
  made?: string;
}

type Ring = [longitude: number, latitude: number][];
interface Feature {
  properties?: Record<string, unknown> | null;
  geometry?: { type: string; coordinates: unknown } | null;
}

/**
 * Reads a site's GeoJSON. `properties.kind` says what a feature is; a kind that this console does not know is left out,
 * because a missing hedge is better than a wrong one.
 */
export function readGround(geoJson: unknown): Ground {
  const collection = (geoJson ?? {}) as { features?: Feature[]; made?: unknown; date?: unknown };
  const ground: Ground = { features: [], labels: [] };
  for (const feature of collection.features ?? []) {
    const label = labelOf(feature);
    if (label) {
      ground.labels.push(label);
      continue;
    }
    const kind = kindOf(feature.properties ?? {});
    if (kind) ground.features.push(featureOf(kind, feature));
  }
  const made = collection.made ?? collection.date;
  if (typeof made === 'string') ground.made = made;
  return ground;
}

/** The box that holds the whole ground, in Mercator units; undefined when there is none. */
export function extentOf({ features }: Ground): Pick<GroundFeature, 'west' | 'east' | 'north' | 'south'> | undefined {
  if (features.length === 0) return undefined;
  return {
    west: Math.min(...features.map(({ west }) => west)),
    east: Math.max(...features.map(({ east }) => east)),
    north: Math.min(...features.map(({ north }) => north)),
    south: Math.max(...features.map(({ south }) => south)),
  };
}

function kindOf(properties: Record<string, unknown>): GroundKind | undefined {
  const kind = properties['kind'];
  if (kind === 'contour') return properties['isIndex'] === true ? 'contour-index' : 'contour';
  if (kind === 'road') return properties['class'] === 'minor' ? 'track' : 'road';
  if (kind === 'house') return 'building';
  return GROUND_KINDS.find((known) => known === kind);
}

function labelOf({ properties, geometry }: Feature): GroundLabel | undefined {
  if (geometry?.type !== 'Point' || !properties) return undefined;
  const [longitude, latitude] = geometry.coordinates as [number, number];
  const text = properties['text'] ?? properties['name'];
  if (typeof text !== 'string' || text === '') return undefined;
  const rank = String(properties['of'] ?? properties['rank'] ?? 'place');
  const of = rank === 'water' || rank === 'river' || rank === 'road' || rank === 'inundation' ? rank : 'place';
  const turn = Number(properties['turn'] ?? properties['angle'] ?? 0);
  return { of, text, latitude, longitude, x: mercatorX(longitude), y: mercatorY(latitude), turn };
}

function featureOf(kind: GroundKind, { properties, geometry }: Feature): GroundFeature {
  const type = geometry?.type ?? '';
  const lines = ringsOf(type, geometry?.coordinates).map(toMercator);
  const name = properties?.['name'];
  const box = { west: Infinity, east: -Infinity, north: Infinity, south: -Infinity };
  for (const line of lines) {
    for (let i = 0; i < line.length; i += 2) {
      box.west = Math.min(box.west, line[i] as number);
      box.east = Math.max(box.east, line[i] as number);
      box.north = Math.min(box.north, line[i + 1] as number);
      box.south = Math.max(box.south, line[i + 1] as number);
    }
  }
  return { kind, lines, isClosed: type.endsWith('Polygon'), ...box, ...(typeof name === 'string' ? { name } : {}) };
}

function ringsOf(type: string, coordinates: unknown): Ring[] {
  switch (type) {
    case 'LineString':
      return [coordinates as Ring];
    case 'MultiLineString':
    case 'Polygon':
      return coordinates as Ring[];
    case 'MultiPolygon':
      return (coordinates as Ring[][]).flat();
    default:
      return [];
  }
}

function toMercator(ring: Ring): Float64Array {
  const line = new Float64Array(ring.length * 2);
  ring.forEach(([longitude, latitude], i) => {
    line[i * 2] = mercatorX(longitude);
    line[i * 2 + 1] = mercatorY(latitude);
  });
  return line;
}
