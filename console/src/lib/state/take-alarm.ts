import type { AlarmView } from '@tocsin/protocol/views.ts';
import { goto } from '$app/navigation';
import { act } from './act.ts';

/** Takes an alarm, calls its device or person back when it has one, and opens its page. */
export async function takeAlarm(alarm: AlarmView, callBack: boolean): Promise<void> {
  const result = await act({ do: 'alarm.acknowledge', alarm: alarm.id, callBack, runPlan: false });
  if (result.ok && callBack) await goto(`/alarm/${alarm.id}`);
}
