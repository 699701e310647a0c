import type { Location } from '@tocsin/protocol/common.ts';
import type {
  AlarmView,
  CameraView,
  ChannelView,
  DeviceView,
  FeedView,
  GaugeView,
  PresenceView,
  ZoneView,
} from '@tocsin/protocol/views.ts';
import { duration, reading } from '#i18n/format.ts';
import { nameOf, t } from '#i18n/language.svelte.ts';
import type { MapAlarm, MapChannel, MapDevice, MapFeed, MapGauge, MapUnit, MapZone } from '#map/marks.ts';
import type { Directory } from './directory.ts';

type Live<View> = Pick<ReadonlyMap<string, View>, 'get' | 'values'>;

/** Live state and the directory in the map's words. Each noun alone, so that one moving unit redraws no gauge. */
export function zonesOnMap(directory: Directory, zones: Live<ZoneView>): MapZone[] {
  return [...directory.zones.values()].map(({ id, name, outline }) => {
    const zone = zones.get(id);
    const silent = zone ? zone.hornsTotal - (zone.hornsPlaying ?? zone.hornsTotal) : 0;
    const isPart = zone?.state === 'part-silent' || (zone?.state === 'playing' && silent > 0);
    return {
      id,
      label: isPart && silent > 0 ? t.map.silentHorns(nameOf(name), silent) : nameOf(name),
      outline,
      look: isPart ? 'warning' : zone?.state === 'playing' ? 'playing' : zone?.state === 'down' ? 'down' : 'idle',
    };
  });
}

export function gaugesOnMap(directory: Directory, gauges: Live<GaugeView>, now: number): MapGauge[] {
  return [...directory.gauges.values()].map(({ id, name, unit, location }) => {
    const gauge = gauges.get(id);
    const over = gauge?.over;
    const note =
      gauge?.isSilent && gauge.at !== undefined
        ? t.map.silentSince(duration(now - gauge.at))
        : over && gauge?.value !== undefined
          ? t.map.over(t.map.levelName(over.level), reading(gauge.value - over.threshold, unit))
          : '';
    return {
      id,
      at: location,
      caption: note ? `${nameOf(name)} · ${note}` : nameOf(name),
      value: gauge?.value === undefined ? '—' : reading(gauge.value, unit),
      unit,
      isSilent: gauge?.isSilent ?? true,
      ...(gauge?.trend ? { trend: gauge.trend } : {}),
      ...(over ? { level: over.level } : {}),
    };
  });
}

export function channelsOnMap(directory: Directory, channels: Live<ChannelView>): MapChannel[] {
  return [...directory.channels.values()].flatMap(({ id, name, location, coverageMetres }) => {
    if (!location) return [];
    const state = channels.get(id)?.state;
    const short = nameOf(name).split(' ').slice(0, 2).join(' ');
    return [
      {
        id,
        label: t.map.baseStation(short),
        edgeLabel: t.map.coverageEdge(short),
        at: location,
        look:
          state === 'down'
            ? ('down' as const)
            : state === 'transmitting' || state === 'receiving'
              ? ('on-air' as const)
              : ('idle' as const),
        ...(coverageMetres ? { coverageMetres } : {}),
      },
    ];
  });
}

const TONES: Partial<Record<PresenceView['state'], MapUnit['tone']>> = {
  in: 'green',
  speaking: 'green',
  unanswered: 'red',
  refused: 'red',
  away: 'idle',
  unregistered: 'idle',
};

/** Everyone whose place is known, but for those whose camera is drawn there already. */
export function unitsOnMap(
  directory: Directory,
  presence: Live<PresenceView>,
  onCamera: ReadonlySet<string>,
): MapUnit[] {
  const units: MapUnit[] = [];
  for (const person of directory.people.values()) {
    if (onCamera.has(person.id)) continue;
    const now = presence.get(person.id);
    const at = now?.location ?? person.location;
    if (!at) continue;
    units.push({
      id: person.id,
      name: nameOf(person.name),
      latitude: at.latitude,
      longitude: at.longitude,
      icon: iconOf(person.title, nameOf(person.name)),
      tone: (now && TONES[now.state]) ?? 'plain',
    });
  }
  return units;
}

function iconOf(title: string, name: string): MapUnit['icon'] {
  return /车|车辆|vehicle|car|truck|ambulance|急救/i.test(`${title} ${name}`) ? 'car' : 'user';
}

export function devicesOnMap(directory: Directory, devices: Live<DeviceView>): MapDevice[] {
  return [...directory.devices.values()].flatMap(({ id, location }) => {
    const device = devices.get(id);
    const at = device?.location ?? location;
    return at ? [{ id, at, isSilent: device?.isSilent ?? false }] : [];
  });
}

/** Alarms with a place that somebody must do, or is doing, something about. */
export function alarmsOnMap(alarms: Iterable<AlarmView>, directory: Directory): MapAlarm[] {
  const shown: MapAlarm[] = [];
  for (const alarm of alarms) {
    if (alarm.state !== 'raised' && alarm.state !== 'acknowledged') continue;
    // A gauge tells of its alarm by its own box.
    if (alarm.gauge && directory.gauges.has(alarm.gauge)) continue;
    const at = alarm.location ?? (alarm.device ? directory.devices.get(alarm.device)?.location : undefined);
    if (!at) continue;
    const person = alarm.person ? directory.people.get(alarm.person) : undefined;
    const label = person ? nameOf(person.name) : nameOf(alarm.title);
    shown.push({
      id: alarm.id,
      at,
      label: alarm.count > 1 ? t.map.merged(label, alarm.count) : label,
      level: alarm.level,
      isWaiting: alarm.state === 'raised',
    });
  }
  return shown;
}

/** Every camera of the site, where it stands: open, with a trouble, or at rest. */
export function camerasOnMap(directory: Directory, cameras: Live<CameraView>, feeds: Live<FeedView>): MapFeed[] {
  return [...directory.cameras.values()].map(({ id, name, location }) => {
    const view = cameras.get(id);
    const feed = view?.feed ? feeds.get(view.feed) : undefined;
    const isDown = Boolean(view?.trouble ?? feed?.trouble);
    return {
      ...{ id, at: location, isFixed: true },
      label: nameOf(name),
      look: isDown ? 'lost' : feed?.state === 'live' ? 'live' : 'idle',
    };
  });
}

export function feedsOnMap(feeds: Iterable<FeedView>, directory: Directory): MapFeed[] {
  const shown: MapFeed[] = [];
  for (const feed of feeds) {
    if (!feed.location || (feed.state !== 'live' && feed.state !== 'lost' && feed.state !== 'opened')) continue;
    const who = nameOf((feed.person ? directory.people.get(feed.person)?.name : undefined) ?? feed.name);
    shown.push({
      id: feed.id,
      at: feed.location as Location,
      label: feed.state === 'lost' ? t.map.lost(who) : feed.state === 'live' ? t.map.live(who) : who,
      look: feed.state === 'lost' ? 'lost' : 'live',
    });
  }
  return shown;
}
