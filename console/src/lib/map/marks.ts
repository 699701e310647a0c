import type { Level, Location } from '@tocsin/protocol/common.ts';
import type { IconName } from '#ui/icons/icons.ts';
import type { Place } from './geometry.ts';

/** What the map shows, in the map's own words: whoever feeds it turns live state into these. */
export interface MapZone {
  id: string;
  /** 柳树坪 · 2 只静默 */
  label: string;
  outline: readonly Place[];
  look: 'idle' | 'playing' | 'warning' | 'down';
}

export interface MapGauge {
  id: string;
  at: Place;
  /** 坝前水位 · 超汛限 0.92 */
  caption: string;
  value: string;
  unit: string;
  trend?: 'rising' | 'steady' | 'falling';
  level?: Level;
  isSilent: boolean;
}

export interface MapChannel {
  id: string;
  label: string;
  /** Written along the edge of the circle. */
  edgeLabel: string;
  at: Place;
  coverageMetres?: number;
  look: 'idle' | 'on-air' | 'down';
}

export interface MapUnit {
  id: string;
  name: string;
  latitude: number;
  longitude: number;
  icon: IconName;
  tone: 'plain' | 'green' | 'red' | 'idle';
}

export interface MapDevice {
  id: string;
  at: Place;
  isSilent: boolean;
}

export interface MapAlarm {
  id: string;
  at: Place;
  label: string;
  level: Level;
  /** Nobody has taken it. */
  isWaiting: boolean;
}

export interface MapFeed {
  id: string;
  at: Location;
  label: string;
  look: 'live' | 'lost' | 'idle';
  /** A camera of the site; its id is the camera's. */
  isFixed?: boolean;
}

/** A dashed way from one place to another: the nearest unit to an alarm. */
export interface MapWay {
  id: string;
  points: readonly Place[];
}

export interface MapFacts {
  zones: readonly MapZone[];
  gauges: readonly MapGauge[];
  channels: readonly MapChannel[];
  units: readonly MapUnit[];
  devices: readonly MapDevice[];
  alarms: readonly MapAlarm[];
  feeds: readonly MapFeed[];
  ways?: readonly MapWay[];
}

export type MarkKind = 'zone' | 'gauge' | 'channel' | 'unit' | 'device' | 'alarm' | 'feed' | 'camera';

/** The one mark whose pop-over is open. */
export interface Chosen {
  kind: MarkKind;
  id: string;
  at: Place;
}

/** One line of the search: pressing it flies there. */
export interface Found {
  kind: MarkKind | 'place';
  id: string;
  title: string;
  detail: string;
  icon: IconName;
  at: Place;
}

export const LAYERS = [
  'alarms',
  'zones',
  'gauges',
  'channels',
  'units',
  'feeds',
  'devices',
  'inundation',
  'contours',
  'names',
] as const;
export type LayerName = (typeof LAYERS)[number];
