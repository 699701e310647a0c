import { conditionsOf } from './load.ts';
import type { Condition, PlanStep } from './plan.ts';
import type { Parameters } from './step.ts';

/** What conditions are held against. */
export interface Circumstances {
  parameters: Parameters;
  isDrill: boolean;
  step(id: string): { state: string; choice?: string } | undefined;
}

/** The first condition of a step that does not hold, or undefined when all do. */
export function unmetCondition(step: PlanStep, circumstances: Circumstances): Condition | undefined {
  return conditionsOf(step).find((condition) => !holds(condition, circumstances));
}

function holds(condition: Condition, { parameters, isDrill, step }: Circumstances): boolean {
  if ('drill' in condition) return condition.drill === isDrill;
  if ('parameter' in condition) {
    const value = parameters[condition.parameter];
    if ('is' in condition) return value === condition.is;
    if ('above' in condition) return Number(value) > condition.above;
    return Number(value) < condition.below;
  }
  const other = step(condition.step);
  if ('choice' in condition) return other?.choice === condition.choice;
  return other?.state === condition.outcome;
}
