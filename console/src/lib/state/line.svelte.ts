import { phone } from '#phone/phone.svelte.ts';
import { seatCalls, type SeatCall } from './seat-calls.ts';
import { live, session } from './session.svelte.ts';

/** The seat's calls as the phone bar tells them. */
class Line {
  readonly calls = $derived(
    seatCalls({
      phoneCalls: phone.calls,
      calls: live.calls.values(),
      conferences: live.conferences.values(),
      account: session.me?.phone?.account,
    }),
  );
  readonly incoming = $derived(this.calls.find(({ state }) => state === 'incoming'));
  /** The one that is talked to, else the one being dialled, else one that is held. */
  readonly current = $derived(
    this.calls.find(({ state }) => state === 'talking') ??
      this.calls.find(({ state }) => state === 'dialling' || state === 'ringing') ??
      this.calls.find(({ state }) => state === 'held'),
  );
  readonly others: SeatCall[] = $derived(this.calls.filter((call) => call !== this.current && call !== this.incoming));
}

export const line = new Line();

/** F2 */
export function answerIncoming(): void {
  const id = line.incoming?.phoneCall;
  if (id) void phone.answer(id);
}

/** F4: the call that is talked to; never one that only rings, and never a plan. */
export function hangUpCurrent(): void {
  const id = line.current?.phoneCall ?? line.incoming?.phoneCall;
  if (id) void phone.hangUp(id);
}

/** F8 */
export function holdOrRetrieve(): Promise<void> | undefined {
  const call = line.current;
  if (!call?.phoneCall) return undefined;
  return call.state === 'held' ? phone.retrieve(call.phoneCall) : phone.hold(call.phoneCall);
}
