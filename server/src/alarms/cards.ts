import type { AlarmView, AlarmState, DeviceView, GaugeView, ShelfView } from '@tocsin/protocol/views.ts';
import type { Name } from '@tocsin/protocol/common.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Emitter } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { Timeline } from '#timeline/timeline.ts';
import type { AlarmRecord } from './alarm-store.ts';
import { Shelves } from './shelves.ts';
import { kindOf, type AlarmGroup, type Signal } from './signal.ts';
import {
  decide,
  FLOOD,
  groupSameness,
  groupTitle,
  isSingleOf,
  type AlarmDirectory,
  type Decision,
  type Desk,
  type Draft,
} from './stages.ts';
import type { AlarmWriter } from './writer.ts';

export interface AlarmEvents extends Record<string, unknown[]> {
  /** A card as it is now; also when it has just been cleared. */
  changed: [AlarmView];
  /** A card that was folded into another, and is gone from the desk. */
  removed: [id: string];
  /** A new alarm, or one that has become graver: what is above decides what it brings about. Not for shelved ones. */
  raised: [AlarmView];
  'gauge-changed': [GaugeView];
  'device-changed': [DeviceView];
  'shelves-changed': [source: string];
  /** The exercise with a recorded flood is over. */
  'replay-ended': [];
}

/** Open cards beyond this are grouped as in a flood, however slowly they came. */
const OPEN_LIMIT = 500;

/** A card that many signals join is shown anew no more often than this. */
const SHOW_EVERY_MS = 100;

/** Sources named on a group's card, the last first. */
const SOURCES_NAMED = 3;

type CardInput = 'acknowledge' | 'clear' | 'recover' | 'cry-again';

/** Read a row as "in this state, on this input, become that". An input without a row is refused, or dropped. */
const TABLE: Record<AlarmState, Partial<Record<CardInput, AlarmState>>> = {
  raised: { acknowledge: 'acknowledged', clear: 'cleared', recover: 'cleared', 'cry-again': 'raised' },
  acknowledged: { clear: 'cleared', recover: 'cleared', 'cry-again': 'raised' },
  shelved: { acknowledge: 'acknowledged', clear: 'cleared', recover: 'cleared' },
  cleared: {},
};

interface CardsOptions {
  timeline: Pick<Timeline, 'append'>;
  directory: AlarmDirectory;
  clock: Clock;
  chance: Chance;
  log: Log;
  writer: AlarmWriter;
  emitter: Emitter<AlarmEvents>;
}

/** The cards on the desk, and what signals and dispatchers do to them. */
export class Cards {
  readonly #options: CardsOptions;
  readonly #cards = new Map<string, AlarmRecord>();
  /** Cleared or folded, and perhaps not written yet. */
  readonly #gone = new Map<string, AlarmRecord>();
  readonly #shelves = new Shelves();
  readonly #showTimers = new Map<string, { timer: Timer; isDue: boolean }>();
  /** Times of new cards and grouped signals, oldest first. */
  #recent: number[] = [];
  #told: Promise<unknown> = Promise.resolve();

  constructor(options: CardsOptions) {
    this.#options = options;
  }

  restore(records: AlarmRecord[], shelves: ShelfView[]): void {
    this.#shelves.restore(shelves);
    for (const record of records) this.#cards.set(record.view.id, record);
  }

  countRecent(at: number): void {
    this.#recent.push(at);
  }

  recent(): number {
    const since = this.#options.clock.now() - FLOOD.withinMs;
    const first = this.#recent.findIndex((at) => at >= since);
    if (first > 0) this.#recent.splice(0, first);
    else if (first < 0) this.#recent.length = 0;
    return this.#recent.length;
  }

  record(id: string): AlarmRecord | undefined {
    return this.#cards.get(id) ?? this.#gone.get(id);
  }

  open(): AlarmView[] {
    return [...this.#cards.values()].map(({ view }) => view);
  }

  /** A signal goes through the stages, and what they decide is done. The card as it is then; undefined for a test. */
  take(signal: Signal): AlarmView | undefined {
    const decision = decide(signal, this.#desk());
    const alarm = this.#carryOut(decision);
    this.#options.writer.signal({ signal, alarm: alarm?.id ?? 'none' });
    return alarm;
  }

  recover(sameness: string): void {
    for (const record of this.#cards.values()) {
      if (record.sameness === sameness) this.#end(record, 'recover', { clearedAs: 'recovered' }, 'system');
    }
  }

  /** What was said to hold until now is over, where nobody has taken it. */
  endExpired(): void {
    const now = this.#options.clock.now();
    for (const record of this.#cards.values()) {
      const { expiresAt, state } = record.view;
      if (expiresAt !== undefined && expiresAt <= now && state !== 'acknowledged')
        this.#end(record, 'recover', { clearedAs: 'recovered' }, 'system');
    }
  }

  acknowledge(id: string, actor: string): AlarmView {
    const record = this.#find(id);
    const next = TABLE[record.view.state].acknowledge;
    if (!next) throw new DispatchError('ALARM_STATE', `${id} is ${record.view.state}`);
    this.#set(record, { state: next, acknowledgedBy: actor, acknowledgedAt: this.#options.clock.now() });
    this.#note('alarm.acknowledged', record.view, { afterMs: this.#options.clock.now() - record.view.raisedAt }, actor);
    return record.view;
  }

  clear(id: string, as: 'handled' | 'false-alarm' | 'test', actor: string, note: string): AlarmView {
    const record = this.#find(id);
    if (!this.#end(record, 'clear', { clearedAs: as, note: note || undefined }, actor)) {
      throw new DispatchError('ALARM_STATE', `${id} is ${record.view.state}`);
    }
    return record.view;
  }

  attach(
    id: string,
    facts: { incident?: string; run?: string; doing?: Name; proposedPlan?: string; cameras?: string[] },
  ): AlarmView | undefined {
    const record = this.#cards.get(id);
    if (record) this.#set(record, facts);
    return record?.view;
  }

  /** What a card is shelved by: its device or gauge, else what makes it the same alarm. */
  sourceOf(id: string): string | undefined {
    const record = this.#cards.get(id);
    if (!record || record.sameness.startsWith('flood/')) return undefined;
    return record.view.device ?? record.view.gauge ?? record.sameness;
  }

  shelves(): ShelfView[] {
    return this.#shelves.all();
  }

  shelf(source: string): ShelfView | undefined {
    return this.#shelves.get(source);
  }

  /** @throws DispatchError SHELF_LIMIT */
  shelve(shelf: Omit<ShelfView, 'name'>): void {
    const { id: source, until, reason, by } = shelf;
    const records = [...this.#cards.values()].filter((record) => isOf(record, source));
    const { directory } = this.#options;
    const name = directory.device(source)?.name ??
      directory.gauge(source)?.name ??
      records[0]?.view.title ?? { zh: source };
    this.#shelves.put({ ...shelf, name });
    for (const record of records) if (record.view.state === 'raised') this.#set(record, { state: 'shelved' });
    this.#options.writer.shelf(source);
    this.#options.emitter.emit('shelves-changed', source);
    this.#tell('alarm.shelved', { source, until, reason }, by);
  }

  /** What still stands cries again. @throws DispatchError SHELF_UNKNOWN */
  unshelve(source: string, actor: string): void {
    this.#shelves.take(source);
    this.#options.writer.shelf(source);
    this.#options.emitter.emit('shelves-changed', source);
    this.#tell('alarm.unshelved', { source }, actor);
    for (const record of this.#cards.values()) {
      if (record.view.state !== 'shelved' || !isOf(record, source)) continue;
      this.#set(record, { state: 'raised' });
      this.countRecent(this.#options.clock.now());
      this.#options.emitter.emit('raised', record.view);
    }
  }

  /** Takes back what was shelved until now. */
  endShelves(): void {
    for (const source of this.#shelves.over(this.#options.clock.now())) this.unshelve(source, 'system');
  }

  /** Resolves when everything that has happened to cards so far is on the timeline. */
  async told(): Promise<void> {
    await this.#told;
  }

  close(): void {
    for (const { timer } of this.#showTimers.values()) timer.cancel();
    this.#showTimers.clear();
  }

  // --- what the stages decide ---

  #carryOut(decision: Decision): AlarmView | undefined {
    switch (decision.kind) {
      case 'noted':
        return undefined;
      case 'go-on':
        return this.#raise(decision.draft);
      case 'returned-to-normal':
        return this.#returnToNormal(this.#cards.get(decision.alarm)!, decision.draft);
      case 'joined':
        return this.#join(this.#cards.get(decision.alarm)!, decision.draft);
      case 'grouped':
        return this.#group(decision);
    }
  }

  #raise({ signal, title, facts, level, isShelved }: Draft): AlarmView {
    const { device, gauge, zone, person, location, batteryPercent, kind, arrivedAt, isDrill, expiresAt, rule } = signal;
    const record = this.#add(signal.sameness, arrivedAt, {
      kind,
      level: level!,
      title: title!,
      facts: facts!,
      state: isShelved ? 'shelved' : 'raised',
      device,
      gauge,
      ...(rule !== undefined && { rule }),
      zone,
      person,
      location,
      batteryPercent,
      count: 1,
      ...(isDrill && { isDrill }),
      ...(expiresAt !== undefined && { expiresAt }),
    });
    if (!isShelved) this.countRecent(arrivedAt);
    this.#note('alarm.raised', record.view, {
      kind,
      level,
      title: title!.zh,
      signal: signal.id,
      deviceTime: signal.at,
    });
    if (!isShelved) this.#options.emitter.emit('raised', record.view);
    return record.view;
  }

  /**
   * What raised it is over. Water and faults end by themselves; where people are meant, somebody looks after them first,
   * and the card says that the cry is over.
   */
  #returnToNormal(record: AlarmRecord, { signal }: Draft): AlarmView {
    this.#note('alarm.returned-to-normal', record.view, { signal: signal.id, deviceTime: signal.at });
    const { group } = kindOf(record.view);
    if (group === 'technical' || group === 'water') this.#end(record, 'recover', { clearedAs: 'recovered' }, 'system');
    else this.#set(record, { normalAt: signal.arrivedAt });
    return record.view;
  }

  /** One more of the same; a graver one cries again. */
  #join(record: AlarmRecord, { signal }: Draft): AlarmView {
    const { view } = record;
    const isGraver = signal.level !== undefined && signal.level < view.level;
    record.lastSignalAt = signal.arrivedAt;
    const { batteryPercent = view.batteryPercent, location = view.location } = signal;
    const { title = view.title, facts = view.facts } = signal;
    const shared = {
      ...{ count: view.count + 1, batteryPercent, location, normalAt: undefined },
      // Who warns says the whole anew; a device cries the same again.
      ...(signal.kind === 'warning' && { title, facts, level: signal.level, expiresAt: signal.expiresAt }),
    };
    this.#note('alarm.repeated', view, {
      signal: signal.id,
      level: signal.level,
      count: shared.count,
      deviceTime: signal.at,
    });
    if (!isGraver) {
      this.#set(record, shared);
      return record.view;
    }
    const state = TABLE[view.state]['cry-again'] ?? view.state;
    this.#set(record, { ...shared, level: signal.level, title, facts, state });
    if (state === 'raised') this.#options.emitter.emit('raised', record.view);
    return record.view;
  }

  #group({ group, into, folds, draft }: Extract<Decision, { kind: 'grouped' }>): AlarmView {
    const { signal, level } = draft;
    this.countRecent(signal.arrivedAt);
    const card = (into === undefined ? undefined : this.#cards.get(into)) ?? this.#openGroup(group, signal.arrivedAt);
    this.#fold(card, folds);
    card.lastSignalAt = signal.arrivedAt;
    this.#set(card, {
      count: card.view.count + 1,
      level: Math.min(card.view.level, level!) as AlarmView['level'],
      facts: namedFirst(draft.title!, card.view.facts),
      location: signal.location ?? card.view.location,
    });
    this.#note(
      'alarm.grouped',
      card.view,
      { signal: signal.id, kind: signal.kind, device: signal.device, title: draft.title!.zh, deviceTime: signal.at },
      undefined,
      signal.person,
    );
    this.#keepBelowLimit();
    return card.view;
  }

  #openGroup(group: AlarmGroup, at: number): AlarmRecord {
    const title = groupTitle(group);
    const kind =
      group === 'life' ? 'one-key' : group === 'fire' ? 'smoke' : group === 'technical' ? 'technical' : 'other';
    const record = this.#add(groupSameness(group), at, {
      kind,
      level: 4,
      title,
      facts: { zh: '', en: '' },
      state: 'raised',
      count: 0,
    });
    this.#note('alarm.flood-began', record.view, { group, recent: this.recent() });
    this.#options.emitter.emit('raised', record.view);
    return record;
  }

  /** Cards become part of a group's card; their signals go with them. */
  #fold(card: AlarmRecord, ids: string[]): void {
    if (ids.length === 0) return;
    for (const id of ids) {
      const single = this.#cards.get(id)!;
      const level = Math.min(card.view.level, single.view.level) as AlarmView['level'];
      const facts = namedFirst(single.view.title, card.view.facts);
      this.#set(card, { count: card.view.count + single.view.count, level, facts });
      single.view = {
        ...single.view,
        state: 'cleared',
        clearedAt: this.#options.clock.now(),
        note: `并入 ${card.view.title.zh}`,
      };
      this.#leave(single);
      this.#note('alarm.folded', single.view, { into: card.view.id });
      this.#options.emitter.emit('removed', id);
    }
    this.#options.writer.fold(ids, card.view.id);
  }

  /** In a flood of many kinds the largest groups of single cards are folded until the desk has room. */
  #keepBelowLimit(): void {
    for (;;) {
      const raised = this.open().filter((alarm) => alarm.state === 'raised');
      if (raised.length <= FLOOD.cards) return;
      const groups = new Map<AlarmGroup, string[]>();
      for (const alarm of raised) {
        const { group } = kindOf(alarm);
        if (isSingleOf(group, alarm, this.#desk())) groups.set(group, [...(groups.get(group) ?? []), alarm.id]);
      }
      const [group, ids] = [...groups].toSorted((a, b) => b[1].length - a[1].length)[0] ?? [];
      if (!group || !ids || ids.length < 2) return;
      const card = [...this.#cards.values()].find(
        ({ sameness, view }) => sameness === groupSameness(group) && view.state === 'raised',
      );
      this.#fold(card ?? this.#openGroup(group, this.#options.clock.now()), ids);
    }
  }

  // --- cards ---

  #desk(): Desk {
    const recent = this.#cards.size >= OPEN_LIMIT ? FLOOD.alarms : this.recent();
    const now = this.#options.clock.now();
    return {
      now,
      directory: this.#options.directory,
      open: this.open(),
      sameness: (id) => this.#cards.get(id)?.sameness,
      lastSignalAt: (id) => this.#cards.get(id)?.lastSignalAt ?? 0,
      isShelved: (source) => (this.#shelves.get(source)?.until ?? 0) > now,
      recent,
    };
  }

  #find(id: string): AlarmRecord {
    const record = this.record(id);
    if (!record) throw new DispatchError('ALARM_UNKNOWN', id);
    return record;
  }

  #add(sameness: string, at: number, view: Omit<AlarmView, 'id' | 'raisedAt'>): AlarmRecord {
    const record = {
      sameness,
      lastSignalAt: at,
      view: { id: this.#options.chance.id('alarm'), raisedAt: at, ...view },
    };
    this.#cards.set(record.view.id, record);
    this.#set(record, {});
    return record;
  }

  #end(record: AlarmRecord, input: 'clear' | 'recover', facts: Partial<AlarmView>, actor: string): boolean {
    const next = TABLE[record.view.state][input];
    if (!next) return false;
    const clearedAt = this.#options.clock.now();
    record.view = { ...record.view, ...facts, state: next, clearedAt };
    this.#leave(record);
    this.#note('alarm.cleared', record.view, { as: facts.clearedAs, note: facts.note }, actor);
    this.#options.emitter.emit('changed', record.view);
    return true;
  }

  #leave(record: AlarmRecord): void {
    const { id } = record.view;
    this.#showTimers.get(id)?.timer.cancel();
    this.#showTimers.delete(id);
    this.#cards.delete(id);
    this.#gone.set(id, record);
    this.#options.writer.alarm(id);
    void this.#options.writer.durable().then(() => this.#gone.delete(id));
  }

  #set(record: AlarmRecord, facts: Partial<AlarmView>): void {
    record.view = { ...record.view, ...facts };
    this.#options.writer.alarm(record.view.id);
    this.#show(record.view.id);
  }

  /** At once, and then at most every SHOW_EVERY_MS: a flood must not drown the consoles. */
  #show(id: string): void {
    const shown = this.#showTimers.get(id);
    if (shown) {
      shown.isDue = true;
      return;
    }
    const view = this.#cards.get(id)?.view;
    if (!view) return;
    const { clock, emitter } = this.#options;
    const timer = clock.after(SHOW_EVERY_MS, () => {
      const { isDue } = this.#showTimers.get(id)!;
      this.#showTimers.delete(id);
      if (isDue) this.#show(id);
    });
    this.#showTimers.set(id, { timer, isDue: false });
    emitter.emit('changed', view);
  }

  #tell(kind: string, data: Record<string, unknown>, actor: string): void {
    const { timeline, log } = this.#options;
    timeline
      .append({ kind, actor, data })
      .catch((error: unknown) => log.error('an entry was lost to the timeline', { kind, error }));
  }

  #note(kind: string, view: AlarmView, data: Record<string, unknown>, actor = 'system', person = view.person): void {
    const { timeline, log } = this.#options;
    const { id, incident, run } = view;
    const known = Object.fromEntries(
      Object.entries({ device: view.device, gauge: view.gauge, ...data }).filter(([, value]) => value !== undefined),
    );
    // The timeline writes in the order of the calls: when the last is written, all are.
    this.#told = timeline
      .append({ kind, alarm: id, incident, run, person, actor, data: known })
      .catch((error: unknown) =>
        log.error('an entry of an alarm was lost to the timeline', { alarm: id, kind, error }),
      );
  }
}

function isOf({ view, sameness }: AlarmRecord, source: string): boolean {
  return view.device === source || view.gauge === source || sameness === source;
}

/** The last sources on a group's card, the newest first, each once. */
function namedFirst(title: Name, facts: Name): Name {
  const list = (first: string, rest: string) =>
    [...new Set([first, ...rest.split('；').filter(Boolean)])].slice(0, SOURCES_NAMED).join('；');
  return { zh: list(title.zh, facts.zh), en: list(title.en ?? title.zh, facts.en ?? '') };
}
