import type { AlarmView } from '@tocsin/protocol/views.ts';
import type { Plan, PlanTrigger } from './plan.ts';
import type { StepDirectory } from './step.ts';

export interface Proposal {
  plan: string;
  /** `start`: without a press; `propose`: on the alarm's card. */
  how: 'propose' | 'start';
}

/** Alarms about the system itself bring no plan forward unless a trigger names their kind. */
const TECHNICAL: ReadonlySet<string> = new Set(['silent', 'technical', 'test']);

/**
 * Which plan an alarm brings forward. What stands at the device or the gauge's threshold comes before what plans say of
 * themselves; of several plans the first in `plans` wins; one that starts by itself wins over one that is proposed.
 */
export function proposalFor(alarm: AlarmView, plans: readonly Plan[], directory: StepDirectory): Proposal | undefined {
  const starting = plans.find((plan) =>
    plan.triggers.some((trigger) => trigger.do === 'start' && matches(trigger, alarm)),
  );
  if (starting) return { plan: starting.id, how: 'start' };
  const rule = directory.site.gaugeRules.find(({ id }) => id === alarm.rule);
  if (rule?.plan !== undefined && plans.some(({ id }) => id === rule.plan)) return { plan: rule.plan, how: rule.do };
  const named = TECHNICAL.has(alarm.kind) ? undefined : planOfSource(alarm, directory);
  if (named && plans.some((plan) => plan.id === named)) return { plan: named, how: 'propose' };
  const proposed = plans.find((plan) => plan.triggers.some((trigger) => matches(trigger, alarm)));
  return proposed && { plan: proposed.id, how: 'propose' };
}

/** The plan that the directory has for this device, or for the gravest threshold of this gauge that is passed. */
function planOfSource(alarm: AlarmView, directory: StepDirectory): string | undefined {
  if (alarm.device) return directory.device(alarm.device)?.plan;
  if (!alarm.gauge) return undefined;
  const thresholds = directory.gauge(alarm.gauge)?.thresholds ?? [];
  return thresholds
    .filter(({ level, plan }) => plan !== undefined && level >= alarm.level)
    .toSorted((a, b) => a.level - b.level)[0]?.plan;
}

function matches({ alarmKind, device, gauge, level }: PlanTrigger, alarm: AlarmView): boolean {
  const says = [alarmKind, device, gauge, level].some((condition) => condition !== undefined);
  return (
    says &&
    (alarmKind === undefined ? level !== undefined || !TECHNICAL.has(alarm.kind) : alarmKind === alarm.kind) &&
    (device === undefined || device === alarm.device) &&
    (gauge === undefined || gauge === alarm.gauge) &&
    (level === undefined || alarm.level <= level)
  );
}
