import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallView, ConferenceView } from '@tocsin/protocol/views.ts';
import type { PhoneCall } from '#phone/softphone.ts';
import { seatCalls } from './seat-calls.ts';

const ringing = {
  id: 'call-1',
  kind: 'two-party',
  from: { number: '6012', name: { zh: '何建军' }, person: 'he' },
  to: { number: '1003' },
  state: 'ringing',
  startedAt: 5,
  alarm: 'alarm-1',
  isRecording: false,
} satisfies CallView;
const phoneCall = (more: Partial<PhoneCall>): PhoneCall => ({
  id: 'p1',
  direction: 'in',
  number: '6012',
  state: 'incoming',
  since: 7,
  isSideLine: false,
  ...more,
});
const nothing = { phoneCalls: [], calls: [], conferences: [], account: '1003' };

test('a call that rings here is told with what the switch knows of the caller', () => {
  const [call] = seatCalls({ ...nothing, phoneCalls: [phoneCall({})], calls: [ringing] });
  assert.deepEqual(call, {
    id: 'p1',
    phoneCall: 'p1',
    call: 'call-1',
    state: 'incoming',
    number: '6012',
    name: { zh: '何建军' },
    person: 'he',
    alarm: 'alarm-1',
    since: 7,
  });
});

test('without a browser phone the switch speaks alone', () => {
  const [call] = seatCalls({ ...nothing, calls: [ringing] });
  assert.equal(call?.state, 'incoming');
  assert.equal(call?.phoneCall, undefined);
});

test('a radio channel is not a call of the bar, a conference is known as one', () => {
  const conference = { id: 'c1', number: '8001' } as ConferenceView;
  const calls = seatCalls({
    ...nothing,
    phoneCalls: [
      phoneCall({ id: 'r', number: 'vhf-1', isSideLine: true }),
      phoneCall({ id: 'm', number: '8001', state: 'talking' }),
    ],
    conferences: [conference],
  });
  assert.deepEqual(
    calls.map(({ id, conference: of }) => [id, of]),
    [['m', 'c1']],
  );
});

test('where a caller is from and how important he is comes along, also when he has called a group', () => {
  const from = { ...ringing.from, region: { zh: '杭州' }, vip: 5 };
  const toGroup = { ...ringing, from, to: { number: '2001' } };
  const [own] = seatCalls({ ...nothing, calls: [{ ...ringing, from }] });
  const [ofGroup] = seatCalls({ ...nothing, phoneCalls: [phoneCall({})], calls: [toGroup] });
  assert.deepEqual([own?.region, own?.vip], [{ zh: '杭州' }, 5]);
  assert.deepEqual([ofGroup?.region, ofGroup?.vip], [{ zh: '杭州' }, 5]);
});
