import type { CallView } from '@tocsin/protocol/views.ts';
import { readableNumber } from '#i18n/format.ts';
import { nameOf, t } from '#i18n/language.svelte.ts';
import type { MenuItem } from '#ui/Menu.svelte';
import { act } from './act.ts';
import { recordingActs } from './recording-acts.ts';
import { session } from './session.svelte.ts';
import { toasts } from './toasts.svelte.ts';

/** Minutes that a call of others can be limited to with one press. */
const LIMITS_MINUTES = [5, 15] as const;

/** Who is at one end of a call, in short. */
export function endName({ name, number }: CallView['from']): string {
  return name ? nameOf(name) : readableNumber(number);
}

/** Puts this seat's phone where others talk; it answers by itself. */
export async function supervise(
  of: { call: string } | { conference: string },
  mode: 'listen' | 'whisper' | 'barge',
  towards?: string,
): Promise<void> {
  const result = await act({ do: 'supervision.begin', ...of, mode, ...(towards ? { towards } : {}) });
  if (result.ok) toasts.show({ kind: 'information', text: t.calls.joining });
}

/** What can be done with a call of others. */
export function callActs(call: CallView): MenuItem[] {
  const ends = [call.from, call.to];
  const talks = call.state === 'answered' || call.state === 'held';
  const mayNot = !talks || !session.may('supervise');
  return [
    {
      label: t.calls.listen,
      icon: 'headset' as const,
      disabled: mayNot,
      run: () => supervise({ call: call.id }, 'listen'),
    },
    ...ends.map((end) => ({
      label: t.calls.whisperTo(endName(end)),
      disabled: mayNot,
      run: () => supervise({ call: call.id }, 'whisper', end.number),
    })),
    {
      label: t.calls.barge,
      icon: 'users' as const,
      disabled: mayNot,
      run: () => supervise({ call: call.id }, 'barge'),
    },
    ...ends.map((end) => ({
      label: t.calls.preEmptFor(endName(end)),
      disabled: mayNot,
      run: () => act({ do: 'call.pre-empt', call: call.id, take: end.number }),
    })),
    { label: t.calls.preEmpt, disabled: mayNot, run: () => act({ do: 'call.pre-empt', call: call.id }) },
    ...(talks ? recordingActs({ call: call.id }, call) : []),
    ...LIMITS_MINUTES.map((minutes) => ({
      label: t.calls.limit(minutes),
      icon: 'clock' as const,
      disabled: !talks || !session.may('call'),
      run: () => act({ do: 'call.limit', call: call.id, seconds: minutes * 60 }, { done: t.calls.limited(minutes) }),
    })),
    {
      label: t.calls.end,
      icon: 'hang-up' as const,
      disabled: !session.may('call'),
      run: () => act({ do: 'call.end', call: call.id }),
    },
  ];
}
