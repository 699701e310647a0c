import type { Level, Location, Name } from '@tocsin/protocol/common.ts';

/** Something a device, a gauge, or a part of the system itself cries out. */
export interface Signal {
  /** The device's own id where it has one: a second copy is the same signal. */
  id: string;
  kind: string;
  /** What makes two signals the same alarm while it stands. */
  sameness: string;
  arrivedAt: number;
  /** The device's own time, where it has a clock. */
  at?: number;
  level?: Level;
  /** What stood is over, by the device's own word. */
  isOver?: boolean;
  /** An exercise; what comes of it is a drill. */
  isDrill?: boolean;
  /** Until when it holds, by who said it. */
  expiresAt?: number;
  device?: string;
  gauge?: string;
  rule?: string;
  zone?: string;
  person?: string;
  location?: Location;
  batteryPercent?: number;
  text?: string;
  /** Given by who knows better than the stages: gauges and the system's own parts. */
  title?: Name;
  facts?: Name;
}

/** Kinds of alarms: their name on the card, how grave they are when the device does not say, and their group in a flood. */
export const ALARM_KINDS: Readonly<Record<string, { name: Required<Name>; level: Level; group: AlarmGroup }>> = {
  'one-key': { name: { zh: '一键报警', en: 'One-key alarm' }, level: 2, group: 'life' },
  fall: { name: { zh: '跌倒报警', en: 'Fall' }, level: 2, group: 'life' },
  inactivity: { name: { zh: '长时间无活动', en: 'No activity' }, level: 3, group: 'life' },
  smoke: { name: { zh: '烟雾报警', en: 'Smoke' }, level: 1, group: 'fire' },
  gas: { name: { zh: '燃气报警', en: 'Gas' }, level: 1, group: 'fire' },
  water: { name: { zh: '漏水报警', en: 'Water leak' }, level: 3, group: 'water' },
  'gauge-level': { name: { zh: '超过警戒值', en: 'Over threshold' }, level: 2, group: 'water' },
  'gauge-rule': { name: { zh: '多站联合预警', en: 'Stations together' }, level: 2, group: 'water' },
  'gauge-rise': { name: { zh: '上涨过快', en: 'Rising fast' }, level: 3, group: 'water' },
  warning: { name: { zh: '预警信息', en: 'Public warning' }, level: 3, group: 'other' },
  intrusion: { name: { zh: '入侵报警', en: 'Intrusion' }, level: 3, group: 'other' },
  silent: { name: { zh: '设备失联', en: 'Device silent' }, level: 4, group: 'technical' },
  technical: { name: { zh: '设备故障', en: 'Device fault' }, level: 4, group: 'technical' },
  test: { name: { zh: '测试', en: 'Test' }, level: 4, group: 'technical' },
  other: { name: { zh: '告警', en: 'Alarm' }, level: 3, group: 'other' },
};

export type AlarmGroup = 'life' | 'fire' | 'water' | 'technical' | 'other';

/** What a group's card is called in a flood. */
export const GROUP_NAMES: Record<AlarmGroup, Required<Name>> = {
  life: { zh: '人身报警', en: 'Personal alarms' },
  fire: { zh: '火警与燃气', en: 'Fire and gas' },
  water: { zh: '水情告警', en: 'Water alarms' },
  technical: { zh: '设备告警', en: 'Technical alarms' },
  other: { zh: '其他告警', en: 'Other alarms' },
};

export function kindOf(signal: { kind: string }) {
  return ALARM_KINDS[signal.kind] ?? ALARM_KINDS.other!;
}
