import type { Location } from '@tocsin/protocol/common.ts';
import type { DeviceReading } from '@tocsin/protocol/gateway.ts';
import type { AlarmDevice } from '@tocsin/protocol/directory.ts';
import type { DeviceView, GaugeView } from '@tocsin/protocol/views.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Emitter } from '#kernel/emitter.ts';
import type { Reading, SourceRecord } from './alarm-store.ts';
import type { AlarmEvents } from './cards.ts';
import { GaugeWatch } from './gauge.ts';
import { GaugeRules } from './gauge-rules.ts';
import { signalOfGauge, signalOfRule, type GaugeSignal } from './gauge-signals.ts';
import type { Signal } from './signal.ts';
import type { AlarmDirectory } from './stages.ts';
import type { AlarmWriter } from './writer.ts';

/** A gauge without a time of its own is silent after this. */
const GAUGE_SILENT_AFTER_S = 3600;

/** When devices were last heard is written no more often than this; a crash makes them seem so much longer silent. */
const SAVE_EVERY_MS = 5000;

interface WatchesOptions {
  directory: AlarmDirectory;
  clock: Clock;
  chance: Chance;
  writer: AlarmWriter;
  emitter: Emitter<AlarmEvents>;
  cry(signal: Signal): void;
  recover(sameness: string): void;
}

interface DeviceWatch {
  device: AlarmDevice;
  lastHeardAt?: number;
  batteryPercent?: number;
  location?: Location;
  isSilent: boolean;
}

/** Who is heard of and who has fallen silent, and what the gauges measure: both can raise alarms, and take them back. */
export class Watches {
  readonly #options: WatchesOptions;
  readonly #devices: Map<string, DeviceWatch>;
  readonly #gauges: Map<string, GaugeWatch>;
  readonly #rules: GaugeRules;
  /** Nobody is silent before he has had the time to speak since the server began. */
  readonly #since: number;
  readonly #unsaved = new Set<string>();
  #saveTimer: Timer | undefined;

  constructor(options: WatchesOptions) {
    this.#options = options;
    this.#since = options.clock.now();
    const { devices, gauges, gaugeRules = [] } = options.directory.site;
    this.#rules = new GaugeRules(gaugeRules);
    this.#devices = new Map(devices.map((device) => [device.id, { device, isSilent: false }]));
    this.#gauges = new Map(gauges.map((gauge) => [gauge.id, new GaugeWatch(gauge)]));
  }

  /** `rules`: those whose alarm stands. */
  restore(records: SourceRecord[], readings: Reading[], rules: string[]): void {
    const curves = Map.groupBy(readings, ({ gauge }) => gauge);
    for (const { id, kind, heardAt, state } of records) {
      const device = kind === 'device' ? this.#devices.get(id) : undefined;
      const gauge = kind === 'gauge' ? this.#gauges.get(id) : undefined;
      if (device) Object.assign(device, state, { lastHeardAt: heardAt ?? undefined });
      if (gauge) {
        gauge.lastHeardAt = heardAt ?? undefined;
        gauge.restore(
          state,
          (curves.get(id) ?? []).map(({ at, value }) => ({ at, value })),
        );
      }
    }
    this.#rules.restore(rules, this.gauges());
  }

  record(id: string): SourceRecord | undefined {
    const device = this.#devices.get(id);
    if (device) {
      const { lastHeardAt, batteryPercent, location, isSilent } = device;
      return { id, kind: 'device', heardAt: lastHeardAt, state: { batteryPercent, location, isSilent } };
    }
    const gauge = this.#gauges.get(id);
    return gauge && { id, kind: 'gauge', heardAt: gauge.lastHeardAt, state: gauge.state };
  }

  /** Any sign of life of a device. One that the directory does not know is not watched. */
  hear(id: string, news: { batteryPercent?: number; location?: Location }): void {
    const watch = this.#devices.get(id);
    if (!watch) return;
    const { batteryPercent = watch.batteryPercent, location = watch.location } = news;
    Object.assign(watch, { lastHeardAt: this.#options.clock.now(), batteryPercent, location });
    if (watch.isSilent) {
      watch.isSilent = false;
      this.#options.recover(`${id}/silent`);
    }
    this.#saveSoon(id);
    this.#options.emitter.emit('device-changed', deviceView(watch));
  }

  /** A value of a gauge; one that the directory does not know is dropped. */
  read(id: string, { value, at }: DeviceReading): void {
    const watch = this.#gauges.get(id);
    if (!watch) return;
    const { clock, writer, emitter, recover } = this.#options;
    const now = clock.now();
    // A clock that runs ahead would make every later reading old.
    const readAt = at === undefined || at > now ? now : at;
    writer.reading({ gauge: id, at: readAt, value });
    watch.lastHeardAt = now;
    if (watch.isSilent) {
      watch.isSilent = false;
      recover(`${id}/silent`);
    }
    for (const event of watch.take(value, readAt)) this.#carryOut(signalOfGauge(watch.gauge, event, value));
    for (const event of this.#rules.take(watch.view()))
      this.#carryOut(
        signalOfRule(
          event,
          (each) => this.#gauges.get(each)?.gauge,
          (each) => this.gauge(each),
        ),
      );
    writer.source(id);
    emitter.emit('gauge-changed', watch.view());
  }

  gauges(): GaugeView[] {
    return [...this.#gauges.values()].map((watch) => watch.view());
  }

  gauge(id: string): GaugeView | undefined {
    return this.#gauges.get(id)?.view();
  }

  devices(): DeviceView[] {
    return [...this.#devices.values()].map(deviceView);
  }

  /** Looks for those who have fallen silent. */
  sweep(): void {
    const { emitter } = this.#options;
    for (const [id, watch] of this.#devices) {
      if (watch.isSilent || !this.#isOverdue(watch.lastHeardAt, watch.device.silentAfterS)) continue;
      watch.isSilent = true;
      this.#saveSoon(id);
      emitter.emit('device-changed', deviceView(watch));
      this.#cry(id, 'silent', {
        device: id,
        person: watch.device.person,
        location: watch.location ?? watch.device.location,
        text: silentFor(watch.device.silentAfterS),
      });
    }
    for (const [id, watch] of this.#gauges) {
      const silentAfterS = watch.gauge.silentAfterS ?? GAUGE_SILENT_AFTER_S;
      if (watch.isSilent || !this.#isOverdue(watch.lastHeardAt, silentAfterS)) continue;
      watch.isSilent = true;
      this.#saveSoon(id);
      emitter.emit('gauge-changed', watch.view());
      const { name, location } = watch.gauge;
      const title = { zh: `${name.zh} · 测站失联`, en: `${name.en ?? name.zh} · gauge silent` };
      this.#cry(id, 'silent', {
        gauge: id,
        location,
        title,
        facts: { zh: silentFor(silentAfterS), en: `no reading for ${silentAfterS} s` },
      });
    }
  }

  close(): void {
    this.#saveTimer?.cancel();
    for (const id of this.#unsaved) this.#options.writer.source(id);
  }

  #isOverdue(lastHeardAt: number | undefined, silentAfterS: number): boolean {
    return this.#options.clock.now() - Math.max(lastHeardAt ?? 0, this.#since) > silentAfterS * 1000;
  }

  #carryOut(news: GaugeSignal): void {
    const { clock, chance, cry, recover } = this.#options;
    if (news.kind === 'recovers') return recover(news.sameness);
    cry({ ...news.signal, id: chance.id('signal'), arrivedAt: clock.now() });
  }

  #cry(source: string, kind: string, facts: Partial<Signal>): void {
    const { clock, chance, cry } = this.#options;
    cry({ id: chance.id('signal'), kind, sameness: `${source}/${kind}`, arrivedAt: clock.now(), ...facts });
  }

  #saveSoon(id: string): void {
    this.#unsaved.add(id);
    this.#saveTimer ??= this.#options.clock.after(SAVE_EVERY_MS, () => {
      this.#saveTimer = undefined;
      for (const one of this.#unsaved) this.#options.writer.source(one);
      this.#unsaved.clear();
    });
  }
}

function deviceView({ device, lastHeardAt, batteryPercent, isSilent, location }: DeviceWatch): DeviceView {
  return { id: device.id, lastHeardAt, batteryPercent, isSilent, location: location ?? device.location };
}

function silentFor(seconds: number): string {
  return seconds >= 120 ? `${Math.round(seconds / 60)} 分钟无信号` : `${seconds} 秒无信号`;
}
