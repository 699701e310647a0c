/**
 * The alarms of a site: raised → acknowledged → cleared, or shelved (the words of ISA-18.2). Signals go through the
 * stages of stages.ts; here their decisions are carried out, shown, told to the timeline and written. Alarms never
 * dial: what an alarm brings about is decided above, from the `raised` event.
 */
import type { DeviceAlarm, DeviceHeartbeat, DeviceReading } from '@tocsin/protocol/gateway.ts';
import type { Level, Location, Name } from '@tocsin/protocol/common.ts';
import type { AlarmView, DeviceView, GaugeView } from '@tocsin/protocol/views.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import type { Log } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import type { Timeline } from '#timeline/timeline.ts';
import * as sql from './alarm-store.ts';
import { Cards, type AlarmEvents } from './cards.ts';
import type { Signal } from './signal.ts';
import type { AlarmDirectory } from './stages.ts';
import { Watches } from './watches.ts';
import { AlarmWriter } from './writer.ts';

/** Signals remembered by id, so that a second copy is known: as many as a flood of an hour. */
const IDS_KEPT = 20_000;

export interface AlarmSignal {
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
    facts: { incident?: string; run?: string; doing?: Name; proposedPlan?: string },
  ): AlarmView | undefined;
  /** Alarms of this device or gauge make no sound until then: it is being worked on. */
  shelve(source: string, untilMs: number, actor: string, reason: string): void;
  unshelve(source: string, actor: string): void;
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

  constructor(options: Parameters<typeof openAlarms>[0]) {
    this.#options = options;
    const { store, clock, log } = options;
    this.#writer = new AlarmWriter({
      store,
      clock,
      log,
      alarm: (id) => this.#cards.record(id),
      source: (id) => this.#watches.record(id),
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
    this.#cards.restore(await sql.readOpenAlarms(store));
    this.#watches.restore(await sql.readSources(store), await sql.readReadings(store, since));
    for (const { id, arrivedAt } of await sql.readRecentSignals(store, since)) {
      this.#ids.add(id);
      this.#cards.countRecent(arrivedAt);
    }
    this.#sweep = clock.every(1000, () => this.#watches.sweep());
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
    await this.#writer.durable();
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
    const taken = this.#take({ facts: { zh: '' }, ...signal, id: chance.id('signal'), arrivedAt: clock.now() });
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

  shelve(source: string, untilMs: number, actor: string, reason: string): void {
    this.#cards.shelve(source, untilMs);
    this.#note('alarm.shelved', { source, until: untilMs, reason }, actor);
  }

  unshelve(source: string, actor: string): void {
    this.#cards.shelve(source, 0);
    this.#note('alarm.unshelved', { source }, actor);
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

  durable(): Promise<void> {
    return this.#writer.durable();
  }

  snapshot() {
    return { open: this.#cards.open().length, recent: this.#cards.recent(), waiting: this.#writer.waiting };
  }

  async [Symbol.asyncDispose](): Promise<void> {
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
