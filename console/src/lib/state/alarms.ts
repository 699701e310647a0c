import type { AlarmView } from '@tocsin/protocol/views.ts';

/** Never more cards than this; the rest is one line with a count. */
export const CARDS_SHOWN = 10;

/** Waiting first, by level then age, oldest first; then what someone has taken, newest taken last. */
export function sortAlarms(alarms: Iterable<AlarmView>): {
  waiting: AlarmView[];
  taken: AlarmView[];
  handled: AlarmView[];
} {
  const waiting: AlarmView[] = [];
  const taken: AlarmView[] = [];
  const handled: AlarmView[] = [];
  for (const alarm of alarms) {
    switch (alarm.state) {
      case 'raised':
        waiting.push(alarm);
        break;
      case 'acknowledged':
        taken.push(alarm);
        break;
      case 'cleared':
        handled.push(alarm);
        break;
      case 'shelved':
        break;
    }
  }
  waiting.sort((a, b) => a.level - b.level || a.raisedAt - b.raisedAt);
  taken.sort((a, b) => a.level - b.level || (a.acknowledgedAt ?? 0) - (b.acknowledgedAt ?? 0));
  handled.sort((a, b) => (b.clearedAt ?? 0) - (a.clearedAt ?? 0));
  return { waiting, taken, handled };
}

/** The alarm that has waited longest. */
export function oldestOf(waiting: readonly AlarmView[]): AlarmView | undefined {
  let oldest: AlarmView | undefined;
  for (const alarm of waiting) if (!oldest || alarm.raisedAt < oldest.raisedAt) oldest = alarm;
  return oldest;
}
