import type { Level } from '@tocsin/protocol/common.ts';
import type { TimelineEntry } from '@tocsin/protocol/views.ts';
import type { Clip } from './model.ts';

/** What the map can know of a moment from the entries up to it. */
export interface Moment {
  /** Alarms that were open, and whether anybody had taken them. */
  alarms: Map<string, { level: Level; title: string; isWaiting: boolean }>;
  playingZones: Set<string>;
  channelsOnAir: Set<string>;
  /** Feeds whose picture came. */
  liveFeeds: Set<string>;
}

/** Reads entries, oldest first, up to a moment. */
export function momentAt(entries: readonly TimelineEntry[], clips: readonly Clip[], at: number): Moment {
  const moment: Moment = { alarms: new Map(), playingZones: new Set(), channelsOnAir: new Set(), liveFeeds: new Set() };
  for (const entry of entries) {
    if (entry.at > at) break;
    const { kind, data, alarm } = entry;
    if (alarm && kind === 'alarm.raised') {
      const level = Number(data['level']);
      moment.alarms.set(alarm, {
        level: level >= 1 && level <= 4 ? (level as Level) : 3,
        title: wordsOf(data['title']),
        isWaiting: true,
      });
    } else if (alarm && kind === 'alarm.acknowledged') {
      const known = moment.alarms.get(alarm);
      if (known) moment.alarms.set(alarm, { ...known, isWaiting: false });
    } else if (alarm && kind === 'alarm.cleared') moment.alarms.delete(alarm);
    else if (kind === 'feed.live') moment.liveFeeds.add(String(data['feed']));
    else if (kind === 'feed.lost' || kind === 'feed.ended') moment.liveFeeds.delete(String(data['feed']));
  }
  for (const { from, to, entry } of clips) {
    if (from > at || (to ?? Infinity) <= at) continue;
    if (entry.kind === 'announcement.started' && Array.isArray(entry.data['zones'])) {
      for (const zone of entry.data['zones']) moment.playingZones.add(String(zone));
    }
    if (typeof entry.data['channel'] === 'string') moment.channelsOnAir.add(entry.data['channel']);
  }
  return moment;
}

function wordsOf(title: unknown): string {
  if (typeof title === 'string') return title;
  return typeof title === 'object' && title !== null && 'zh' in title ? String(title.zh) : '';
}
