import type { Gauge } from '@tocsin/protocol/directory.ts';
import type { GaugeView } from '@tocsin/protocol/views.ts';

/** How far back the rate of rise looks, and the shortest stretch from which it says anything. */
export const RATE_WINDOW_MS = 60 * 60_000;
const RATE_SHORTEST_MS = 5 * 60_000;

/** Readings kept for the rate; a gauge that measures more often loses the older half. */
const READINGS_KEPT = 720;

/** A rise alarm is over when the rate is below this share of its limit, so that it does not flutter. */
const RISE_OVER_AT = 0.8;

/** Below this share of the distance between the lowest and the highest threshold an hour, the water stands. */
const STEADY_SHARE = 0.01;

/** What a reading has changed. */
export type GaugeEvent =
  | { kind: 'over'; level: 1 | 2 | 3 | 4; threshold: number }
  | { kind: 'back-to-normal' }
  | { kind: 'rises-fast'; ratePerHour: number }
  | { kind: 'rise-over' };

/** One gauge: its last readings, the threshold that it is over, and how fast it rises. Pure but for its own memory. */
export class GaugeWatch {
  readonly gauge: Gauge;
  #readings: { at: number; value: number }[] = [];
  #over: GaugeView['over'];
  #isRisingFast = false;
  isSilent = false;
  lastHeardAt: number | undefined;

  constructor(gauge: Gauge) {
    this.gauge = gauge;
  }

  /** Brings back what was known before a restart; no events come of it. */
  restore(
    state: { over?: GaugeView['over']; isRisingFast?: boolean; isSilent?: boolean },
    readings: { at: number; value: number }[],
  ): void {
    this.#over = state.over;
    this.#isRisingFast = state.isRisingFast ?? false;
    this.isSilent = state.isSilent ?? false;
    this.#readings = readings;
  }

  get state(): { over?: GaugeView['over']; isRisingFast: boolean; isSilent: boolean } {
    return { over: this.#over, isRisingFast: this.#isRisingFast, isSilent: this.isSilent };
  }

  /** Takes a reading; one that is older than the last changes nothing but the curve. */
  take(value: number, at: number): GaugeEvent[] {
    const last = this.#readings.at(-1);
    if (last && at <= last.at) return [];
    this.#readings.push({ at, value });
    if (this.#readings.length > READINGS_KEPT) this.#readings.splice(0, READINGS_KEPT / 2);
    while (this.#readings[0]!.at < at - RATE_WINDOW_MS) this.#readings.shift();
    return [...this.#takeThreshold(value), ...this.#takeRise()];
  }

  view(): GaugeView {
    const last = this.#readings.at(-1);
    const rate = this.#ratePerHour();
    const rounded = rate === undefined ? undefined : Math.round(rate * 1000) / 1000;
    return {
      id: this.gauge.id,
      value: last?.value,
      at: last?.at,
      trend:
        rate === undefined
          ? undefined
          : Math.abs(rate) <= this.#steadyRate()
            ? 'steady'
            : rate > 0
              ? 'rising'
              : 'falling',
      ratePerHour: rounded,
      over: this.#over,
      isSilent: this.isSilent,
    };
  }

  /** A threshold is entered above it, and left below it by the hysteresis. */
  #takeThreshold(value: number): GaugeEvent[] {
    const { thresholds, hysteresis = 0 } = this.gauge;
    const gravest = (reached: (above: number) => boolean) =>
      thresholds.filter(({ above }) => reached(above)).toSorted((a, b) => b.above - a.above)[0];
    const entered = gravest((above) => value > above);
    const held = gravest(
      (above) => this.#over !== undefined && above <= this.#over.threshold && value >= above - hysteresis,
    );
    const now = held && (!entered || held.above >= entered.above) ? held : entered;
    const before = this.#over;
    this.#over = now && { level: now.level, threshold: now.above };
    if (!now) return before ? [{ kind: 'back-to-normal' }] : [];
    return !before || now.above > before.threshold ? [{ kind: 'over', level: now.level, threshold: now.above }] : [];
  }

  #takeRise(): GaugeEvent[] {
    const limit = this.gauge.risePerHour;
    const rate = this.#ratePerHour();
    if (limit === undefined || rate === undefined) return [];
    if (!this.#isRisingFast && rate > limit) {
      this.#isRisingFast = true;
      return [{ kind: 'rises-fast', ratePerHour: rate }];
    }
    if (this.#isRisingFast && rate < limit * RISE_OVER_AT) {
      this.#isRisingFast = false;
      return [{ kind: 'rise-over' }];
    }
    return [];
  }

  #ratePerHour(): number | undefined {
    const [first, last] = [this.#readings[0], this.#readings.at(-1)];
    if (!first || !last || last.at - first.at < RATE_SHORTEST_MS) return undefined;
    return ((last.value - first.value) / (last.at - first.at)) * 3_600_000;
  }

  #steadyRate(): number {
    const above = this.gauge.thresholds.map((threshold) => threshold.above);
    const span = above.length > 1 ? Math.max(...above) - Math.min(...above) : Math.abs(above[0] ?? 1);
    return span * STEADY_SHARE;
  }
}
