import type { Name } from '@tocsin/protocol/common.ts';
import type { CallView, ConferenceView } from '@tocsin/protocol/views.ts';
import type { PhoneCall } from '#phone/softphone.ts';

/** A call of this seat, told from both sides: what the phone can do with it, what the switch knows of it. */
export interface SeatCall {
  id: string;
  /** The phone's own call; absent while only the switch speaks of it. */
  phoneCall?: string;
  /** The switch's own id of it, once the switch has told of it. */
  call?: string;
  state: 'incoming' | 'dialling' | 'ringing' | 'talking' | 'held';
  number: string;
  name?: Name;
  person?: string;
  /** Of the caller: where his number is from, how important he is. */
  region?: Name;
  vip?: number;
  /** A conference is left, not ended. */
  conference?: string;
  alarm?: string;
  since: number;
}

/**
 * The calls of this seat for the phone bar. The browser phone's own calls lead: they can be answered. When it has none
 * (it is lost, or the seat has a telephone on the table) what the switch says is shown.
 */
export function seatCalls(facts: {
  phoneCalls: readonly PhoneCall[];
  calls: Iterable<CallView>;
  conferences: Iterable<ConferenceView>;
  account: string | undefined;
}): SeatCall[] {
  const conferences = [...facts.conferences];
  const calls = [...facts.calls];
  const mine = calls.filter(
    (call) =>
      call.state !== 'ended' &&
      facts.account !== undefined &&
      (call.to.number === facts.account || call.from.number === facts.account),
  );
  if (facts.phoneCalls.length > 0) {
    return facts.phoneCalls
      .filter((call) => !call.isSideLine)
      .map((call) => {
        const known = mine.find((one) => otherSide(one, facts.account).number === call.number);
        // A call to a group rings here too, and is told under the group's number.
        const told = known ?? calls.find(({ state, from }) => state === 'ringing' && from.number === call.number);
        const conference = conferences.find(({ number }) => number === call.number);
        const name = known ? otherSide(known, facts.account).name : undefined;
        const person = known ? otherSide(known, facts.account).person : undefined;
        return {
          id: call.id,
          phoneCall: call.id,
          ...(known ? { call: known.id } : {}),
          state: call.state,
          number: call.number,
          ...(name ? { name } : call.name ? { name: { zh: call.name } } : {}),
          ...(person ? { person } : {}),
          ...(told ? ofCaller(told, call.number) : {}),
          ...(conference ? { conference: conference.id } : {}),
          ...(known?.alarm ? { alarm: known.alarm } : {}),
          since: call.since,
        };
      });
  }
  return mine
    .filter((call) => call.kind !== 'channel' && call.kind !== 'announcement')
    .map((call) => {
      const other = otherSide(call, facts.account);
      return {
        id: call.id,
        call: call.id,
        state: stateOf(call, facts.account),
        number: other.number,
        ...(other.name ? { name: other.name } : {}),
        ...(other.person ? { person: other.person } : {}),
        ...ofCaller(call, other.number),
        ...(call.conference ? { conference: call.conference } : {}),
        ...(call.alarm ? { alarm: call.alarm } : {}),
        since: call.answeredAt ?? call.startedAt,
      };
    });
}

function ofCaller({ from }: CallView, number: string): Pick<SeatCall, 'region' | 'vip'> {
  if (from.number !== number) return {};
  return { ...(from.region ? { region: from.region } : {}), ...(from.vip === undefined ? {} : { vip: from.vip }) };
}

function otherSide(call: CallView, account: string | undefined): CallView['from'] {
  return call.from.number === account ? call.to : call.from;
}

function stateOf(call: CallView, account: string | undefined): SeatCall['state'] {
  if (call.state === 'ringing') return call.to.number === account ? 'incoming' : 'ringing';
  return call.state === 'held' ? 'held' : 'talking';
}
