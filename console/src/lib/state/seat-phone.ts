import { nameOf, t } from '#i18n/language.svelte.ts';
import { phone } from '#phone/phone.svelte.ts';
import { clock } from './clock.svelte.ts';
import { personName } from './names.ts';
import { session } from './session.svelte.ts';
import { toasts } from './toasts.svelte.ts';

/** Opens the seat's browser phone with what the session gave for it; the returned function closes it. */
export function openSeatPhone(): () => void {
  const seat = session.me?.phone;
  if (!seat) return () => undefined;
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  void phone.open({
    account: seat.account,
    password: seat.password,
    domain: seat.domain,
    server: `${scheme}//${location.host}${seat.webSocketPath}`,
    displayName: nameOf(session.me?.name),
    isSideLine: (number) => number === 'pa' || session.directory.channels.has(number),
    now: () => clock.exact(),
    onFailed: (number, status) => {
      const person = session.directory.personByNumber(number);
      toasts.show({
        kind: 'warning',
        text: t.phone.lineFailed(person ? personName(person.id) : number, whyOf(status)),
      });
    },
  });
  return () => void phone.close();
}

/** RFC 3261 §21: what a final answer means to the one who dialled. */
function whyOf(status: number): string {
  const { party } = t.states;
  if (status === 486 || status === 600) return party.busy;
  if (status === 603 || status === 403) return party.refused;
  if (status === 408 || status === 480) return party.unanswered;
  return party.unreachable;
}
