/**
 * The alarms of a site: raised → acknowledged → cleared, or shelved (the words of ISA-18.2). Signals go through the
 * stages of stages.ts; here their decisions are carried out, shown, told to the timeline and written. Alarms never
 * dial: what an alarm brings about is decided above, from the `raised` event.
 */
import type { DeviceAlarm, DeviceHeartbeat, DeviceReading } from '@tocsin/protocol/gateway.ts';
import type { Level, Location, Name } from '@tocsin/protocol/common.ts';
import type { AlarmView, DeviceView, GaugeView, ShelfView } from '@tocsin/protocol/views.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import type { Timeline } from '#timeline/timeline.ts';
import * as sql from './alarm-store.ts';
import { Cards, type AlarmEvents } from './cards.ts';
import { FloodReplay, type ReplayState } from './flood-replay.ts';
import type { Signal } from './signal.ts';
import type { AlarmDirectory } from './stages.ts';
import { Watches } from './watches.ts';
import { AlarmWriter } from './writer.ts';

/** Signals remembered by id, so that a second copy is known: as many as a flood of an hour. */
const IDS_KEPT = 20_000;

/** Readings of one gauge that are played again at most. */
const REPLAY_READINGS = 10_000;

export interface ReplayWish {
  from?: number | undefined;
  to?: number | undefined;
  /** Minutes from its beginning. */
  curve?: { gauge: string; minute: number; value: number }[] | undefined;
  speed: number;
}

export interface AlarmSignal {
  /** Of who says it, where it may come twice. */
  id?: string;
  kind: string;
  /** What makes two of these the same alarm while it stands. */
  sameness: string;
  level: Level;
  title: Name;
  facts?: Name;
  zone?: string;
  person?: string;
  device?: string;
  gauge?: string;
  location?: Location;
  isDrill?: boolean;
  expiresAt?: number;
}

export interface Alarms extends AsyncDisposable, Listenable<AlarmEvents> {
  /**
   * A device cries out. The card is shown at once; resolves when the signal is durable, so that its gateway may forget
   * it. An unknown device is an alarm too. Undefined for a test signal and for a second copy.
   *
   * @throws DispatchError DATABASE_UNAVAILABLE when too many signals wait for the disk
   */
  takeDeviceAlarm(device: string, alarm: DeviceAlarm): Promise<AlarmView | undefined>;
  takeHeartbeat(device: string, heartbeat: DeviceHeartbeat): void;
  takeLocation(device: string, location: Location): void;
  /** A gauge's value; may raise or recover alarms. Resolves when durable. */
  takeReading(gauge: string, reading: DeviceReading): Promise<void>;
  /** An alarm of the system itself: a gateway gone, a call to the emergency number unanswered. */
  raise(signal: AlarmSignal): Promise<AlarmView | undefined>;
  /** What `raise` raised under this sameness is over. */
  recover(sameness: string): void;
  /** @throws DispatchError ALARM_UNKNOWN, ALARM_STATE when it is not raised */
  acknowledge(id: string, actor: string): AlarmView;
  /** @throws DispatchError ALARM_UNKNOWN, ALARM_STATE when it is cleared already */
  clear(id: string, as: 'handled' | 'false-alarm' | 'test', actor: string, note?: string): AlarmView;
  /** Hangs on the card what has come of the alarm; undefined, and nothing done, when it has been cleared meanwhile. */
  attach(
    id: string,
    facts: { incident?: string; run?: string; doing?: Name; proposedPlan?: string; cameras?: string[] },
  ): AlarmView | undefined;
  /**
   * Alarms of this device, gauge or kind of alarm make no sound until then: it is being worked on. It comes back by itself.
   *
   * @throws DispatchError SHELF_LIMIT
   */
  shelve(source: string, untilMs: number, actor: string, reason: string): Promise<void>;
  /** @throws DispatchError SHELF_UNKNOWN */
  unshelve(source: string, actor: string): Promise<void>;
  /** What is shelved, the first to come back first. */
  shelves(): ShelfView[];
  /** What a card is shelved by. @throws DispatchError ALARM_UNKNOWN, ALARM_STATE for a card of many sources */
  sourceOf(alarm: string): string;
  /** Not cleared, in the order of raising. */
  open(): AlarmView[];
  /** Also one that was cleared long ago. */
  get(id: string): Promise<AlarmView | undefined>;
  history(limit?: number, before?: number): Promise<AlarmView[]>;
  /** Every signal that an alarm was made of, oldest first, at most 10,000. */
  signals(id: string): Promise<Signal[]>;
  gauges(): GaugeView[];
  gauge(id: string): GaugeView | undefined;
  /** Calls `listener` at every reading, until the returned function is called. */
  watchGauges(listener: (gauge: GaugeView) => void): () => void;
  curve(gauge: string, from: number, to: number): Promise<{ at: number; value: number }[]>;
  devices(): DeviceView[];
  /**
   * Plays curves again as an exercise: what was recorded between two times, or a curve that is given. Resolves when it plays.
   *
   * @throws DispatchError REPLAY_RUNNING, REPLAY_EMPTY
   */
  replay(what: ReplayWish, actor: string): Promise<ReplayState>;
  /** Ends the exercise; nothing when none plays. */
  stopReplay(): void;
  replaying(): ReplayState | undefined;
  /** Resolves when everything that has happened so far is on disk. */
  durable(): Promise<void>;
  snapshot(): { open: number; recent: number; waiting: number };
}

/** Opens the alarms with those that stood when the last server ended. */
export async function openAlarms(options: {
  store: Store;
  timeline: Pick<Timeline, 'append'>;
  directory: AlarmDirectory;
  clock: Clock;
  chance: Chance;
  log: Log;
}): Promise<Alarms> {
  const book = new AlarmBook(options);
  await book.load();
  return book;
}

class AlarmBook implements Alarms {
  readonly #options: Parameters<typeof openAlarms>[0];
  readonly #emitter = new Emitter<AlarmEvents>();
  readonly #writer: AlarmWriter;
  readonly #cards: Cards;
  readonly #watches: Watches;
  readonly #ids = new Set<string>();
  #sweep: Timer | undefined;
  #replay: FloodReplay | undefined;

  constructor(options: Parameters<typeof openAlarms>[0]) {
    this.#options = options;
    const { store, clock, log } = options;
    this.#writer = new AlarmWriter({
      store,
      clock,
      log,
      alarm: (id) => this.#cards.record(id),
      source: (id) => this.#watches.record(id),
      shelf: (id) => this.#cards.shelf(id),
    });
    this.#cards = new Cards({ ...options, writer: this.#writer, emitter: this.#emitter });
    this.#watches = new Watches({
      ...options,
      writer: this.#writer,
      emitter: this.#emitter,
      cry: (signal) => this.#take(signal),
      recover: (sameness) => this.#cards.recover(sameness),
    });
  }

  async load(): Promise<void> {
    const { store, clock } = this.#options;
    const since = clock.now() - 2 * 3600 * 1000;
    this.#cards.restore(await sql.readOpenAlarms(store), await sql.readShelves(store));
    const rules = this.#cards.open().flatMap(({ rule, isDrill }) => (rule === undefined || isDrill ? [] : [rule]));
    this.#watches.restore(await sql.readSources(store), await sql.readReadings(store, since), rules);
    // An exercise does not outlive its server.
    for (const { id, kind, isDrill } of this.#cards.open())
      if (isDrill && kind.startsWith('gauge-')) this.#cards.recover(this.#cards.record(id)!.sameness);
    for (const { id, arrivedAt } of await sql.readRecentSignals(store, since, IDS_KEPT)) {
      this.#ids.add(id);
      this.#cards.countRecent(arrivedAt);
    }
    this.#sweep = clock.every(1000, () => {
      this.#watches.sweep();
      this.#cards.endExpired();
      this.#cards.endShelves();
    });
  }

  on: Alarms['on'] = (event, listener) => this.#emitter.on(event, listener);
  once: Alarms['once'] = (event, listener) => this.#emitter.once(event, listener);

  async takeDeviceAlarm(device: string, alarm: DeviceAlarm): Promise<AlarmView | undefined> {
    const { directory, clock, chance } = this.#options;
    this.#writer.checkRoom();
    const known = directory.device(device);
    const { batteryPercent, location = known?.location } = alarm;
    this.#watches.hear(device, { batteryPercent, location: alarm.location });
    const taken = this.#take({
      id: alarm.alarm === undefined ? chance.id('signal') : `${device}/${alarm.alarm}`,
      kind: alarm.kind,
      sameness: [device, alarm.kind, alarm.point].filter((part) => part !== undefined).join('/'),
      isOver: alarm.isOver,
      arrivedAt: clock.now(),
      at: alarm.at,
      level: alarm.level,
      device,
      person: known?.person,
      location,
      batteryPercent,
      text: alarm.text,
    });
    await Promise.all([this.#writer.durable(), this.#cards.told()]);
    return taken;
  }

  takeHeartbeat(device: string, { batteryPercent }: DeviceHeartbeat): void {
    this.#watches.hear(device, { batteryPercent });
  }

  takeLocation(device: string, location: Location): void {
    this.#watches.hear(device, { location });
  }

  async takeReading(gauge: string, reading: DeviceReading): Promise<void> {
    this.#writer.checkRoom();
    this.#watches.read(gauge, reading);
    await this.#writer.durable();
  }

  async raise(signal: AlarmSignal): Promise<AlarmView | undefined> {
    const { clock, chance } = this.#options;
    this.#writer.checkRoom();
    const taken = this.#take({
      facts: { zh: '' },
      ...signal,
      id: signal.id ?? chance.id('signal'),
      arrivedAt: clock.now(),
    });
    await this.#writer.durable();
    return taken;
  }

  recover(sameness: string): void {
    this.#cards.recover(sameness);
  }

  acknowledge(id: string, actor: string): AlarmView {
    return this.#cards.acknowledge(id, actor);
  }

  clear(id: string, as: 'handled' | 'false-alarm' | 'test', actor: string, note = ''): AlarmView {
    return this.#cards.clear(id, as, actor, note);
  }

  attach(id: string, facts: Parameters<Alarms['attach']>[1]): AlarmView | undefined {
    return this.#cards.attach(id, facts);
  }

  async shelve(source: string, untilMs: number, actor: string, reason: string): Promise<void> {
    const since = this.#options.clock.now();
    this.#cards.shelve({ id: source, since, until: untilMs, by: actor, reason });
    await this.#writer.durable();
  }

  async unshelve(source: string, actor: string): Promise<void> {
    this.#cards.unshelve(source, actor);
    await this.#writer.durable();
  }

  shelves(): ShelfView[] {
    return this.#cards.shelves();
  }

  sourceOf(alarm: string): string {
    if (!this.#cards.record(alarm)) throw new DispatchError('ALARM_UNKNOWN', alarm);
    const source = this.#cards.sourceOf(alarm);
    if (source === undefined) throw new DispatchError('ALARM_STATE', 'the card of many sources, or a cleared one');
    return source;
  }

  open(): AlarmView[] {
    return this.#cards.open();
  }

  async get(id: string): Promise<AlarmView | undefined> {
    return this.#cards.record(id)?.view ?? (await sql.readAlarm(this.#options.store, id))?.view;
  }

  history(limit = 100, before = Number.MAX_SAFE_INTEGER): Promise<AlarmView[]> {
    return sql.readHistory(this.#options.store, Math.min(1000, Math.max(1, limit)), before);
  }

  signals(id: string): Promise<Signal[]> {
    return sql.readSignals(this.#options.store, id, 10_000);
  }

  gauges(): GaugeView[] {
    return this.#watches.gauges();
  }

  gauge(id: string): GaugeView | undefined {
    return this.#watches.gauge(id);
  }

  watchGauges(listener: (gauge: GaugeView) => void): () => void {
    return this.#emitter.on('gauge-changed', listener);
  }

  curve(gauge: string, from: number, to: number) {
    return sql.readCurve(this.#options.store, gauge, from, to, 10_000);
  }

  devices(): DeviceView[] {
    return this.#watches.devices();
  }

  async replay({ from, to, curve, speed }: ReplayWish, actor: string): Promise<ReplayState> {
    if (this.#replay) throw new DispatchError('REPLAY_RUNNING');
    const { store, clock, chance, directory } = this.#options;
    const { gauges, gaugeRules = [] } = directory.site;
    const readings = curve
      ? curve.map(({ gauge, minute, value }) => ({ gauge, at: Math.round(minute * 60_000), value }))
      : (
          await Promise.all(
            gauges.map(({ id }) => sql.readCurve(store, id, from ?? 0, to ?? clock.now(), REPLAY_READINGS)),
          )
        ).flat();
    const known = readings.filter(({ gauge }) => directory.gauge(gauge)).toSorted((a, b) => a.at - b.at);
    if (known.length === 0) throw new DispatchError('REPLAY_EMPTY');
    // Two may have been pressed while the curves were read.
    if (this.#replay) throw new DispatchError('REPLAY_RUNNING');
    const replay = new FloodReplay({
      ...{ readings: known, speed, by: actor, clock, gauges, rules: gaugeRules },
      cry: (signal) => void this.#take({ ...signal, id: chance.id('signal'), arrivedAt: clock.now() }),
      recover: (sameness) => this.#cards.recover(sameness),
      onEnd: () => {
        this.#replay = undefined;
        this.#note('gauge.replay-ended', { speed }, actor);
        this.#emitter.emit('replay-ended');
      },
    });
    this.#replay = replay;
    this.#note(
      'gauge.replay-started',
      { speed, readings: known.length, from: known[0]!.at, to: known.at(-1)!.at },
      actor,
    );
    return replay.state;
  }

  stopReplay(): void {
    this.#replay?.stop();
  }

  replaying(): ReplayState | undefined {
    return this.#replay?.state;
  }

  durable(): Promise<void> {
    return this.#writer.durable();
  }

  snapshot() {
    return { open: this.#cards.open().length, recent: this.#cards.recent(), waiting: this.#writer.waiting };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#replay?.stop();
    this.#sweep?.cancel();
    this.#cards.close();
    this.#watches.close();
    await this.#writer[Symbol.asyncDispose]();
  }

  /** Once for each id, however often a gateway brings it. */
  #take(signal: Signal): AlarmView | undefined {
    if (this.#ids.has(signal.id)) return undefined;
    const view = this.#cards.take(signal);
    this.#ids.add(signal.id);
    if (this.#ids.size > IDS_KEPT) this.#ids.delete(this.#ids.values().next().value!);
    return view;
  }

  #note(kind: string, data: Record<string, unknown>, actor: string): void {
    const { timeline, log } = this.#options;
    timeline
      .append({ kind, actor, data })
      .catch((error: unknown) => log.error('an entry was lost to the timeline', { kind, error }));
  }
}
