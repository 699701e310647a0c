import type { Clock } from '@tocsin/server/kernel/clock.ts';
import { isOver, valueAt, type Flood, type GaugeShape } from './curve.ts';
import type { GaugeDriver } from './sensor-gateway.ts';

/** Gauges that stand in no river: each follows its curve, floods on demand, and can be made to fail. */
export class GaugeSimulator implements GaugeDriver {
  readonly #clock: Clock;
  readonly #shapes: Map<string, GaugeShape>;
  readonly #floods = new Map<string, Flood>();
  readonly #silent = new Set<string>();

  constructor(options: { gauges: ({ id: string } & GaugeShape)[]; clock: Clock }) {
    this.#clock = options.clock;
    this.#shapes = new Map(options.gauges.map(({ id, ...shape }) => [id, shape]));
  }

  async read(gauge: string): Promise<number | undefined> {
    const shape = this.#shapes.get(gauge);
    if (!shape || this.#silent.has(gauge)) return undefined;
    const nowMs = this.#clock.now();
    const flood = this.#floods.get(gauge);
    if (flood && isOver(flood, nowMs)) this.#floods.delete(gauge);
    return valueAt(shape, nowMs, this.#floods.get(gauge));
  }

  /** The water rises to the peak within `riseMs` and stays there. @returns false for an unknown gauge */
  flood(gauge: string, { riseMs = 60_000, stayMs = 300_000 }: { riseMs?: number; stayMs?: number } = {}): boolean {
    if (!this.#shapes.has(gauge)) return false;
    this.#floods.set(gauge, { sinceMs: this.#clock.now(), riseMs, stayMs });
    return true;
  }

  /** Back to a quiet day, at once. */
  calm(gauge: string): void {
    this.#floods.delete(gauge);
  }

  /** A gauge that stops answering, or answers again. */
  setSilent(gauge: string, isSilent: boolean): void {
    if (isSilent) this.#silent.add(gauge);
    else this.#silent.delete(gauge);
  }
}
