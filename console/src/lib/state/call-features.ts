import { nameOf, t } from '#i18n/language.svelte.ts';
import { readableNumber } from '#i18n/format.ts';
import type { CallView } from '@tocsin/protocol/views.ts';
import type { MenuItem } from '#ui/Menu.svelte';
import { act } from './act.ts';
import { dialogs } from './dialogs.svelte.ts';
import { recordingActs } from './recording-acts.ts';
import type { SeatCall } from './seat-calls.ts';
import { live, session } from './session.svelte.ts';
import { toasts } from './toasts.svelte.ts';

/** Ringing calls of others that the menu offers to take; a busy house has more. */
const MOST_PICK_UPS = 3;

/** What can be done with the seat's call beside hold and transfer, and with calls that wait or ring elsewhere. */
export function callFeatures(current: SeatCall | undefined, who: string): MenuItem[] {
  const account = session.me?.phone?.account;
  const calls = [...live.calls.values()];
  const call = current?.state === 'talking' && !current.conference ? current.call : undefined;
  const mine = call === undefined ? undefined : live.calls.get(call);
  const answers = session.directory.site?.features.answers ?? [];
  return [
    {
      label: t.phone.addThird,
      icon: 'users',
      disabled: call === undefined,
      run: () => call && dialogs.show({ kind: 'third', call, who }),
    },
    { label: t.phone.park, icon: 'hold', disabled: call === undefined, run: () => call && park(call) },
    ...(mine ? recordingActs({ call: mine.id }, mine) : []),
    ...answers.map(({ id, name }) => ({
      label: t.phone.playAnswer(nameOf(name)),
      disabled: mine === undefined,
      run: () => mine && act({ do: 'call.play', call: mine.id, sound: { answer: id }, to: otherNumber(mine, account) }),
    })),
    ...calls
      .filter(({ parked, state }) => parked && state !== 'ended')
      .map((parked) => ({
        label: t.phone.takeBack(parked.parked!.slot, nameOfWaiting(parked)),
        run: () => act({ do: 'call.retrieve', call: parked.id }),
      })),
    ...calls
      .filter((one) => one.state === 'ringing' && one.kind === 'two-party' && one.to.number !== account)
      .filter((one) => one.from.number !== account)
      .slice(0, MOST_PICK_UPS)
      .map((one) => ({
        label: t.phone.pickUp(partyName(one.from), partyName(one.to)),
        run: () => act({ do: 'call.pick-up', call: one.id }),
      })),
  ];
}

async function park(call: string): Promise<void> {
  const result = await act({ do: 'call.park', call });
  if (result.ok) toasts.show({ kind: 'information', text: t.phone.parkedAt((result.value as { slot: string }).slot) });
}

function otherNumber({ from, to }: CallView, account: string | undefined): string {
  return from.number === account ? to.number : from.number;
}

function nameOfWaiting({ parked, from, to }: CallView): string {
  return partyName(parked?.by === from.number ? to : from);
}

function partyName({ name, number }: CallView['from']): string {
  return name ? nameOf(name) : readableNumber(number);
}
