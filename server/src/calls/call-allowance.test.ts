import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#kernel/clock.ts';
import { CallAllowance } from './call-allowance.ts';

const staff = { id: 'staff', name: { zh: '职工', en: 'Staff' }, mayCall: [], callsAtOnce: 2, callsPerHour: 5 };
const MINUTE_MS = 60_000;

test('an account has so many outside calls at once, and each that ends makes room, once', () => {
  const allowance = new CallAllowance(new ManualClock());
  const [first, second] = [allowance.take('1003', staff, 'local'), allowance.take('1003', staff, 'local')];
  assert.ok(first.kind === 'allowed' && second.kind === 'allowed');
  const third = allowance.take('1003', staff, 'local');
  assert.equal(third.kind === 'refused' && third.because, 'too-many-at-once');
  assert.equal(allowance.take('1004', staff, 'local').kind, 'allowed', 'another account');
  first.end();
  first.end();
  assert.equal(allowance.take('1003', staff, 'local').kind, 'allowed');
  assert.equal(allowance.take('1003', staff, 'local').kind, 'refused');
});

test('within any hour it makes so many, and a minute that is an hour old no longer counts', () => {
  const clock = new ManualClock();
  const allowance = new CallAllowance(clock);
  const call = () => {
    const taken = allowance.take('1003', staff, 'local');
    if (taken.kind === 'allowed') taken.end();
    return taken.kind === 'refused' ? taken.because : taken.kind;
  };
  for (let minute = 0; minute < 5; minute += 1) {
    assert.equal(call(), 'allowed');
    clock.advance(MINUTE_MS);
  }
  assert.equal(call(), 'too-many-this-hour');
  clock.advance(54 * MINUTE_MS);
  assert.equal(call(), 'too-many-this-hour', 'at 59 minutes');
  clock.advance(MINUTE_MS);
  assert.equal(call(), 'allowed', 'the first has gone');
  assert.equal(call(), 'too-many-this-hour');
  clock.advance(600 * MINUTE_MS);
  for (let i = 0; i < 5; i += 1) assert.equal(call(), 'allowed');
  assert.equal(call(), 'too-many-this-hour');
});

test('a cry for help is never refused', () => {
  const allowance = new CallAllowance(new ManualClock());
  for (let i = 0; i < 20; i += 1) assert.equal(allowance.take('1003', staff, 'emergency').kind, 'allowed');
  assert.equal(allowance.take('1003', staff, 'local').kind, 'refused');
});
