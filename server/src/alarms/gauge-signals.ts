import type { Gauge } from '@tocsin/protocol/directory.ts';
import type { GaugeView } from '@tocsin/protocol/views.ts';
import type { GaugeEvent } from './gauge.ts';
import type { RuleEvent } from './gauge-rules.ts';
import type { Signal } from './signal.ts';

/** What a gauge's event means for the desk: a signal without its id and time, or the end of one. */
export type GaugeSignal =
  { kind: 'cries'; signal: Omit<Signal, 'id' | 'arrivedAt'> } | { kind: 'recovers'; sameness: string };

const LEVELS = {
  1: { zh: '红色', en: 'red' },
  2: { zh: '橙色', en: 'orange' },
  3: { zh: '黄色', en: 'yellow' },
  4: { zh: '蓝色', en: 'blue' },
} as const;

export function signalOfGauge({ name, unit, location, id }: Gauge, event: GaugeEvent, value: number): GaugeSignal {
  const shown = Math.round(value * 1000) / 1000;
  const en = name.en ?? name.zh;
  switch (event.kind) {
    case 'over': {
      const title = {
        zh: `${name.zh} ${shown} ${unit}，超过 ${event.threshold}`,
        en: `${en} ${shown} ${unit}, over ${event.threshold}`,
      };
      const facts = {
        zh: `${LEVELS[event.level].zh}警戒值 ${event.threshold} ${unit}`,
        en: `${LEVELS[event.level].en} threshold ${event.threshold} ${unit}`,
      };
      const sameness = `${id}/gauge-level`;
      return {
        kind: 'cries',
        signal: { kind: 'gauge-level', sameness, gauge: id, level: event.level, location, title, facts },
      };
    }
    case 'rises-fast': {
      const rate = Math.round(event.ratePerHour * 100) / 100;
      const title = { zh: `${name.zh} 每小时上涨 ${rate} ${unit}`, en: `${en} rises ${rate} ${unit} an hour` };
      const facts = { zh: `当前 ${shown} ${unit}`, en: `now ${shown} ${unit}` };
      return {
        kind: 'cries',
        signal: { kind: 'gauge-rise', sameness: `${id}/gauge-rise`, gauge: id, location, title, facts },
      };
    }
    case 'back-to-normal':
      return { kind: 'recovers', sameness: `${id}/gauge-level` };
    case 'rise-over':
      return { kind: 'recovers', sameness: `${id}/gauge-rise` };
  }
}

export function signalOfRule(
  { kind, rule }: RuleEvent,
  gauge: (id: string) => Gauge | undefined,
  view: (id: string) => GaugeView | undefined,
): GaugeSignal {
  const sameness = samenessOfRule(rule.id);
  if (kind === 'over') return { kind: 'recovers', sameness };
  const ids = [...new Set([...rule.all, ...rule.any].map((condition) => condition.gauge))];
  const said = ids.flatMap((id) => {
    const [known, now] = [gauge(id), view(id)];
    return known && now?.value !== undefined ? [{ known, value: Math.round(now.value * 1000) / 1000 }] : [];
  });
  const facts = {
    zh: said.map(({ known, value }) => `${known.name.zh} ${value} ${known.unit}`).join(' · '),
    en: said.map(({ known, value }) => `${known.name.en ?? known.name.zh} ${value} ${known.unit}`).join(' · '),
  };
  const location = said[0]?.known.location;
  return {
    kind: 'cries',
    signal: {
      ...{ kind: 'gauge-rule', sameness, rule: rule.id, level: rule.level, title: rule.name, facts },
      ...(location && { location }),
    },
  };
}

/** What an alarm of a rule is known by. */
export function samenessOfRule(rule: string): string {
  return `rule/${rule}`;
}
