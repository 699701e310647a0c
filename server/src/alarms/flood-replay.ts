import type { Gauge, GaugeRule } from '@tocsin/protocol/directory.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Reading } from './alarm-store.ts';
import { GaugeWatch } from './gauge.ts';
import { GaugeRules } from './gauge-rules.ts';
import { signalOfGauge, signalOfRule, type GaugeSignal } from './gauge-signals.ts';

export interface ReplayState {
  /** The moment that is played, and the last. */
  at: number;
  to: number;
  speed: number;
  by: string;
  values: { gauge: string; value: number }[];
}

export interface FloodReplayOptions {
  /** Of all gauges, in the order of their times; at least one. */
  readings: readonly Reading[];
  gauges: readonly Gauge[];
  rules: readonly GaugeRule[];
  speed: number;
  by: string;
  clock: Clock;
  cry(signal: Extract<GaugeSignal, { kind: 'cries' }>['signal']): void;
  recover(sameness: string): void;
  onEnd(): void;
}

/** Longer pauses of a curve are cut to this, so that nobody waits for a night without readings. */
const PAUSE_AT_MOST_MS = 60_000;

/**
 * Plays recorded curves again at a chosen speed, for exercises: the same thresholds, rates and rules judge them, on gauges of
 * their own, so that the real ones are watched on meanwhile. Whatever comes of it is marked as drill.
 */
export class FloodReplay {
  readonly #options: FloodReplayOptions;
  readonly #watches: Map<string, GaugeWatch>;
  readonly #rules: GaugeRules;
  readonly #standing = new Set<string>();
  #next = 0;
  #timer: Timer | undefined;

  constructor(options: FloodReplayOptions) {
    this.#options = options;
    this.#watches = new Map(options.gauges.map((gauge) => [gauge.id, new GaugeWatch(gauge)]));
    this.#rules = new GaugeRules(options.rules);
    this.#timer = options.clock.after(0, () => this.#play());
  }

  get state(): ReplayState {
    const { readings, speed, by } = this.#options;
    const values = [...this.#watches.values()].flatMap((watch) => {
      const { id, value } = watch.view();
      return value === undefined ? [] : [{ gauge: id, value }];
    });
    return { at: readings[Math.max(0, this.#next - 1)]!.at, to: readings.at(-1)!.at, speed, by, values };
  }

  /** Ends it now; what it raised is over. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const sameness of this.#standing) this.#options.recover(sameness);
    this.#standing.clear();
    this.#options.onEnd();
  }

  #play(): void {
    const { readings, speed, clock } = this.#options;
    const reading = readings[this.#next]!;
    this.#next += 1;
    this.#take(reading);
    const following = readings[this.#next];
    // The last is left standing for as long as a reading would take, so that its alarm is seen.
    const pauseMs = following ? (following.at - reading.at) / speed : PAUSE_AT_MOST_MS;
    this.#timer = clock.after(Math.min(PAUSE_AT_MOST_MS, Math.max(0, pauseMs)), () =>
      following ? this.#play() : this.stop(),
    );
  }

  #take({ gauge: id, at, value }: Reading): void {
    const watch = this.#watches.get(id);
    if (!watch) return;
    for (const event of watch.take(value, at)) this.#carryOut(signalOfGauge(watch.gauge, event, value));
    for (const event of this.#rules.take(watch.view()))
      this.#carryOut(
        signalOfRule(
          event,
          (each) => this.#watches.get(each)?.gauge,
          (each) => this.#watches.get(each)?.view(),
        ),
      );
  }

  #carryOut(news: GaugeSignal): void {
    const { cry, recover } = this.#options;
    if (news.kind === 'recovers') {
      this.#standing.delete(`drill/${news.sameness}`);
      return recover(`drill/${news.sameness}`);
    }
    const { signal } = news;
    const sameness = `drill/${signal.sameness}`;
    this.#standing.add(sameness);
    const { zh, en } = signal.title!;
    cry({
      ...signal,
      sameness,
      isDrill: true,
      title: { zh: `【演练】${zh}`, ...(en !== undefined && { en: `DRILL: ${en}` }) },
    });
  }
}
