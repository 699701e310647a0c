import type { GaugeCondition, GaugeRule } from '@tocsin/protocol/directory.ts';
import type { GaugeView } from '@tocsin/protocol/views.ts';

/** A rise counts as over below this share of its limit, so that it does not flutter. */
const RISE_OVER_AT = 0.8;

export type RuleEvent = { kind: 'met' | 'over'; rule: GaugeRule };

/**
 * Rules over several gauges: met when every condition of `all` and one of `any` is. A condition keeps what it was while its
 * gauge says nothing, and is left only beyond its hysteresis.
 */
export class GaugeRules {
  readonly #rules: readonly GaugeRule[];
  readonly #met = new Map<GaugeCondition, boolean>();
  readonly #standing = new Set<string>();

  constructor(rules: readonly GaugeRule[]) {
    this.#rules = rules;
  }

  /** What stood before a restart stands: its end shall be noticed. */
  restore(standing: Iterable<string>, gauges: Iterable<GaugeView>): void {
    for (const id of standing) this.#standing.add(id);
    // Between a limit and its hysteresis, what stood counts as met.
    for (const rule of this.#rules)
      if (this.#standing.has(rule.id)) for (const condition of conditionsOf(rule)) this.#met.set(condition, true);
    for (const view of gauges) this.#look(view);
  }

  /** A gauge has a new value. */
  take(view: GaugeView): RuleEvent[] {
    this.#look(view);
    return this.#rules.flatMap((rule): RuleEvent[] => {
      if (!conditionsOf(rule).some(({ gauge }) => gauge === view.id)) return [];
      const isMet = this.#isMet(rule);
      if (isMet === this.#standing.has(rule.id)) return [];
      if (isMet) this.#standing.add(rule.id);
      else this.#standing.delete(rule.id);
      return [{ kind: isMet ? 'met' : 'over', rule }];
    });
  }

  #look(view: GaugeView): void {
    for (const rule of this.#rules)
      for (const condition of conditionsOf(rule))
        if (condition.gauge === view.id)
          this.#met.set(condition, holds(condition, view, this.#met.get(condition) ?? false));
  }

  #isMet({ all, any }: GaugeRule): boolean {
    const met = (condition: GaugeCondition) => this.#met.get(condition) === true;
    return all.every(met) && (any.length === 0 || any.some(met));
  }
}

function conditionsOf({ all, any }: GaugeRule): GaugeCondition[] {
  return [...all, ...any];
}

function holds({ above, hysteresis = 0, risePerHour }: GaugeCondition, view: GaugeView, wasMet: boolean): boolean {
  const isAbove = above === undefined || (view.value !== undefined && view.value > above - (wasMet ? hysteresis : 0));
  const rate = view.ratePerHour;
  const limit = wasMet ? (risePerHour ?? 0) * RISE_OVER_AT : risePerHour;
  return isAbove && (risePerHour === undefined || (rate !== undefined && rate > limit!));
}
