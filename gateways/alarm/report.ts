import type { DeviceAlarm } from '@tocsin/protocol/gateway.ts';

/** What one event of a device means to us, whatever protocol it came by. */
export type Report =
  | {
      what: 'alarm';
      kind: DeviceAlarm['kind'];
      /** What stood is over: the detector is at rest again. */
      isOver?: boolean;
      level?: DeviceAlarm['level'];
      /** The detector, zone or button of a device that has several. */
      point?: string;
      text?: string;
    }
  /** A sign of life, and nothing else. */
  | { what: 'alive' }
  /** Something that is no alarm: armed, disarmed, a log entry. It is a sign of life too. */
  | { what: 'information'; text: string };

type AlarmKind = DeviceAlarm['kind'];

/** An alarm's meaning in a table of codes. */
export function cry(kind: AlarmKind, text: string, level?: DeviceAlarm['level']): Report {
  return { what: 'alarm', kind, text, ...(level && { level }) };
}

/** The end of it. */
export function over(kind: AlarmKind, text: string): Report {
  return { what: 'alarm', kind, text, isOver: true };
}
