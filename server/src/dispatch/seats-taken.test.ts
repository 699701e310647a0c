import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Right, Site } from '@tocsin/protocol/directory.ts';
import { SeatsTaken } from './seats-taken.ts';

const user = (account: string | undefined, rights: Right[] = ['view']) => ({
  user: {
    id: account ?? 'observer',
    name: { zh: '某' },
    role: 'r',
    organisation: 'o',
    ...(account ? { account } : {}),
  },
  rights: new Set(rights),
});
const seatsOf = (capacity?: Site['capacity']) => new SeatsTaken({ site: { capacity } as Site });

test('as many desks are let in as there are seats; each comes free when its last window closes', () => {
  const seats = seatsOf({ seats: 2 });
  const [a, b, c] = [user('1001'), user('1002'), user('1003')];
  const first = seats.sitDown(a);
  const second = seats.sitDown(a);
  seats.sitDown(b);
  assert.ok(seats.isFreeFor(a), 'a third window of the same desk');
  assert.ok(!seats.isFreeFor(c));
  first();
  assert.ok(!seats.isFreeFor(c), 'one window is still open');
  second();
  assert.ok(seats.isFreeFor(c));
});

test('observers take no seat, administrators are always let in, and without a capacity everybody is', () => {
  const seats = seatsOf({ seats: 1 });
  seats.sitDown(user(undefined));
  assert.ok(seats.isFreeFor(user('1001')));
  seats.sitDown(user('1001'));
  assert.ok(seats.isFreeFor(user(undefined)));
  assert.ok(seats.isFreeFor(user('1002', ['administer'])));
  assert.ok(seatsOf().isFreeFor(user('1003')));
});
