import type { Location } from '@tocsin/protocol/common.ts';
import type { Camera } from '@tocsin/protocol/directory.ts';
import type { AlarmView } from '@tocsin/protocol/views.ts';
import type { Desk } from './desk.ts';
import { openFeedOf } from './open-camera.ts';

export const NEAREST_LIMITS = {
  /** Cameras of one alarm. */
  cameras: 2,
  /** One that looks further away shows nothing of it. */
  withinMetres: 2500,
  /** Pictures that alarms have opened and nobody watches yet: a flood of alarms must not pull every camera of a site. */
  openAtOnce: 6,
  /** Whoever takes the alarm within this time finds the picture running. */
  waitForViewerMs: 120_000,
} as const;

/** Opens the cameras that look nearest to an alarm's place, and names them on its card. */
export function openNearest(alarm: AlarmView, desk: Desk): void {
  const { alarms, directory, feeds, log } = desk;
  const { site } = directory;
  const place = alarm.location ?? site.devices.find(({ id }) => id === alarm.device)?.location;
  if (!place || alarm.kind === 'warning' || alarm.kind === 'technical') return;
  const nearest = nearestTo(place, site.cameras);
  if (nearest.length === 0) return;
  alarms.attach(alarm.id, { cameras: nearest.map(({ id }) => id) });
  for (const camera of nearest) {
    const waiting = feeds
      .list()
      .filter(({ owner, state, viewings }) => owner.kind === 'camera' && state !== 'ended' && viewings.length === 0);
    if (waiting.length >= NEAREST_LIMITS.openAtOnce) return;
    try {
      openFeedOf(
        camera,
        {
          by: 'system',
          firstViewerWithinMs: NEAREST_LIMITS.waitForViewerMs,
          ...(alarm.incident ? { incidentId: alarm.incident } : {}),
          ...(alarm.isDrill ? { isDrill: true } : {}),
        },
        desk,
      );
    } catch (error) {
      log.warn('camera not opened for an alarm', { alarmId: alarm.id, camera: camera.id, error });
    }
  }
}

/** The cameras that look at a place near this one, nearest first. */
export function nearestTo(
  place: Location,
  cameras: readonly Camera[],
  count: number = NEAREST_LIMITS.cameras,
): Camera[] {
  return cameras
    .map((camera) => ({ camera, metres: metresBetween(place, camera.looksAt ?? camera.location) }))
    .filter(({ metres }) => metres <= NEAREST_LIMITS.withinMetres)
    .sort((a, b) => a.metres - b.metres)
    .slice(0, count)
    .map(({ camera }) => camera);
}

const EARTH_RADIUS_METRES = 6_371_000;

/** Along the surface of a sphere (haversine): good to half a percent, which is less than anybody knows where an alarm is. */
function metresBetween(a: Location, b: Location): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const [south, north] = [radians(a.latitude), radians(b.latitude)];
  const half = (angle: number) => Math.sin(angle / 2) ** 2;
  const chord =
    half(north - south) + Math.cos(south) * Math.cos(north) * half(radians(b.longitude) - radians(a.longitude));
  return 2 * EARTH_RADIUS_METRES * Math.asin(Math.min(1, Math.sqrt(chord)));
}
