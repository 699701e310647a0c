import type { PlanView } from '@tocsin/protocol/views.ts';
import { nameOf, t } from '#i18n/language.svelte.ts';
import { sounds } from '#sound/sounds.ts';
import { act } from './act.ts';

/** Starts a plan; the run appears when the server says so. */
export async function startPlan(
  plan: PlanView,
  options: { drill: boolean; alarm?: string; incident?: string },
): Promise<void> {
  const result = await act(
    {
      do: 'plan.start',
      plan: plan.id,
      drill: options.drill,
      ...(options.alarm ? { alarm: options.alarm } : {}),
      ...(options.incident ? { incident: options.incident } : {}),
      parameters: {},
    },
    { done: `${options.drill ? `${t.common.drillMark} · ` : ''}${t.desk.started(nameOf(plan.name))}` },
  );
  if (result.ok) sounds.play('started');
}
