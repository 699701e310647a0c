import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Baresip } from './kit/baresip.ts';
import { Tocsin } from './kit/tocsin.ts';
import { hears } from './kit/two-phones.ts';

const CALLER_HZ = 523;
const DESK_HZ = 784;
const HALL_HZ = 1175;

test('a number with two phones rings on both; the one that is not taken up is quiet when the other is', async (t) => {
  const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off' });
  const server = tocsin.sip;
  const [caller, desk, hall] = await Promise.all([
    Baresip.start(t, { user: '1002', server, toneHz: CALLER_HZ }),
    Baresip.start(t, { user: '1004', server, toneHz: DESK_HZ, answer: 'manual' }),
    Baresip.start(t, { user: '1004', server, toneHz: HALL_HZ, answer: 'manual', transport: 'tcp' }),
  ]);
  await caller.dial('1004');
  await Promise.all([desk.until('CALL_INCOMING'), hall.until('CALL_INCOMING')]);
  await hall.command('accept');
  await Promise.all([caller.until('CALL_ESTABLISHED'), hall.until('CALL_ESTABLISHED'), desk.until('CALL_CLOSED')]);
  assert.ok(!desk.isInCall, 'the phone that was not taken up is free');
  await Promise.all([hears(caller, HALL_HZ), hears(hall, CALLER_HZ)]);
  await caller.command('hangup');
  await hall.until('CALL_CLOSED');
});
