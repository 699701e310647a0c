import type { AlarmView } from '@tocsin/protocol/views.ts';
import { goto } from '$app/navigation';
import { act } from './act.ts';

/** Takes an alarm. Somebody in need is called back and the plan for such an alarm is run, with the one press; his page opens. */
export async function takeAlarm(alarm: AlarmView, callBack: boolean): Promise<void> {
  const result = await act({ do: 'alarm.acknowledge', alarm: alarm.id, callBack, runPlan: callBack });
  if (result.ok && callBack) await goto(`/alarm/${alarm.id}`);
}
