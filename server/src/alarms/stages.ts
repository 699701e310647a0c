/**
 * What happens to every alarm on its way in. A stage gives the draft on, changed or not, or decides and ends the way.
 * Stages are pure but for reading the desk as it stands; what they decide is carried out by alarms.ts.
 */
import type { AlarmDevice, Gauge, GaugeRule, Person, Zone } from '@tocsin/protocol/directory.ts';
import type { Level, Name } from '@tocsin/protocol/common.ts';
import type { AlarmView } from '@tocsin/protocol/views.ts';
import { GROUP_NAMES, kindOf, type AlarmGroup, type Signal } from './signal.ts';

/** A repeat within this time after the last signal joins an alarm that has been acknowledged; a later one is a new cry. */
export const REPEAT_WINDOW_MS = 10 * 60_000;

/** ISA-18.2: ten alarms in ten minutes are a flood for one operator. */
export const FLOOD = { alarms: 10, withinMs: 10 * 60_000, cards: 10 } as const;

export interface Draft {
  readonly signal: Signal;
  title?: Name;
  facts?: Name;
  level?: Level;
  isShelved?: boolean;
}

export type Decision =
  | { kind: 'go-on'; draft: Draft }
  /** Kept and on the timeline, but no card. */
  | { kind: 'noted'; because: 'test-signal' | 'nothing-stood' }
  /** What this alarm was raised for is over. */
  | { kind: 'returned-to-normal'; alarm: string; draft: Draft }
  | { kind: 'joined'; alarm: string; draft: Draft }
  /** In a flood: into the card of its group, which is opened when there is none, and takes these cards in. */
  | { kind: 'grouped'; group: AlarmGroup; into?: string; folds: string[]; draft: Draft };

/** The desk as the stages see it. */
export interface Desk {
  readonly now: number;
  readonly directory: AlarmDirectory;
  /** Not cleared, in the order of raising. */
  readonly open: readonly AlarmView[];
  sameness(alarm: string): string | undefined;
  lastSignalAt(alarm: string): number;
  isShelved(source: string): boolean;
  /** Cards raised, and signals grouped, within FLOOD.withinMs. */
  readonly recent: number;
}

export interface AlarmDirectory {
  readonly site: { gauges: Gauge[]; gaugeRules?: GaugeRule[]; devices: AlarmDevice[] };
  device(id: string): AlarmDevice | undefined;
  gauge(id: string): Gauge | undefined;
  person(id: string): Person | undefined;
  zone(id: string): Zone | undefined;
}

export type Stage = (draft: Draft, desk: Desk) => Decision;

const noteTestSignals: Stage = (draft) =>
  draft.signal.kind === 'test' ? { kind: 'noted', because: 'test-signal' } : { kind: 'go-on', draft };

/** A device says that what it cried for is over: that is no new alarm, whatever stands. */
const endWhatIsOver: Stage = (draft, desk) => {
  if (!draft.signal.isOver) return { kind: 'go-on', draft };
  const standing = desk.open.find(({ id }) => desk.sameness(id) === draft.signal.sameness);
  return standing
    ? { kind: 'returned-to-normal', alarm: standing.id, draft }
    : { kind: 'noted', because: 'nothing-stood' };
};

/** The same device crying the same again is one card with a count. */
const joinRepeats: Stage = (draft, desk) => {
  const { sameness, arrivedAt } = draft.signal;
  const standing = desk.open.find((alarm) => {
    if (desk.sameness(alarm.id) !== sameness) return false;
    return alarm.state !== 'acknowledged' || arrivedAt - desk.lastSignalAt(alarm.id) <= REPEAT_WINDOW_MS;
  });
  return standing ? { kind: 'joined', alarm: standing.id, draft } : { kind: 'go-on', draft };
};

/** Who or what cries, in words. */
const nameIt: Stage = (draft, { directory }) => {
  const { signal } = draft;
  const kind = kindOf(signal).name;
  const device = signal.device === undefined ? undefined : directory.device(signal.device);
  const person = signal.person === undefined ? undefined : directory.person(signal.person);
  const zone = signal.zone === undefined ? undefined : directory.zone(signal.zone);
  const who = person?.name ?? device?.name ?? zone?.name ?? { zh: signal.device ?? signal.gauge ?? '' };
  const title = signal.title ?? {
    zh: clip([who.zh, kind.zh].filter(Boolean).join(' · '), 80),
    en: clip([who.en ?? who.zh, kind.en].filter(Boolean).join(' · '), 120),
  };
  const isStranger = signal.device !== undefined && !device;
  const battery = signal.batteryPercent;
  const facts = signal.facts ?? {
    zh: join([
      isStranger && '未登记的设备',
      person && device?.name.zh,
      signal.text,
      battery !== undefined && `电量 ${battery}%`,
    ]),
    en: join([
      isStranger && 'unknown device',
      person && (device?.name.en ?? device?.name.zh),
      signal.text,
      battery !== undefined && `battery ${battery}%`,
    ]),
  };
  return { kind: 'go-on', draft: { ...draft, title, facts } };
};

const gradeSeverity: Stage = (draft) => ({
  kind: 'go-on',
  draft: { ...draft, level: draft.signal.level ?? kindOf(draft.signal).level },
});

const shelveIfMaintained: Stage = (draft, desk) => {
  const { device, gauge, sameness } = draft.signal;
  const isShelved = [device, gauge, sameness].some((source) => source !== undefined && desk.isShelved(source));
  return { kind: 'go-on', draft: { ...draft, isShelved } };
};

/**
 * In a flood a new card would bury the others. Signals go into one card for each group; when the desk is nearly full,
 * the cards of the largest group are folded together, so that there are never more than FLOOD.cards.
 */
const groupInFlood: Stage = (draft, desk) => {
  if (desk.recent + 1 < FLOOD.alarms || draft.isShelved) return { kind: 'go-on', draft };
  const { group } = kindOf(draft.signal);
  const raised = desk.open.filter((alarm) => alarm.state === 'raised');
  const into = raised.find((alarm) => desk.sameness(alarm.id) === groupSameness(group));
  const folds = raised.filter((alarm) => alarm.id !== into?.id && isSingleOf(group, alarm, desk)).map(({ id }) => id);
  return { kind: 'grouped', group, into: into?.id, folds, draft };
};

/** What happens to every alarm on its way in, in this order. */
export const ALARM_STAGES: readonly Stage[] = [
  noteTestSignals,
  endWhatIsOver,
  joinRepeats,
  nameIt,
  gradeSeverity,
  shelveIfMaintained,
  groupInFlood,
];

/** Takes a signal through the stages. */
export function decide(signal: Signal, desk: Desk): Decision {
  let decision: Decision = { kind: 'go-on', draft: { signal } };
  for (const stage of ALARM_STAGES) {
    if (decision.kind !== 'go-on') break;
    decision = stage(decision.draft, desk);
  }
  return decision;
}

/** What marks the card of a group. */
export function groupSameness(group: AlarmGroup): string {
  return `flood/${group}`;
}

/** A card of one alarm of this group, which nobody has taken up and nothing hangs on. */
export function isSingleOf(group: AlarmGroup, alarm: AlarmView, desk: Pick<Desk, 'sameness'>): boolean {
  const isGroup = desk.sameness(alarm.id)?.startsWith('flood/') ?? false;
  const hangsOn = alarm.run !== undefined || alarm.incident !== undefined;
  return alarm.state === 'raised' && !isGroup && !hangsOn && kindOf(alarm).group === group;
}

/** The title of a group's card. */
export function groupTitle(group: AlarmGroup): Required<Name> {
  return GROUP_NAMES[group];
}

function join(parts: (string | false | undefined)[]): string {
  return clip(parts.filter(Boolean).join(' · '), 200);
}

function clip(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}
