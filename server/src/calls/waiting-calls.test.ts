import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import type { Lamps } from './lamps.ts';
import type { Leg } from './leg.ts';
import { WaitingCalls } from './waiting-calls.ts';

/** The phone 1004, which talks. */
function phone() {
  const clock = new ManualClock();
  const lamps = Object.assign(new Emitter<{ changed: [account: string] }>(), {
    isFreeNow: false,
    isFree: () => lamps.isFreeNow,
  });
  const waiting = new WaitingCalls(lamps as unknown as Lamps, clock);
  const caller = new AbortController();
  const wait = (call: string) => waiting.wait('1004', call, { ringForMs: 10_000, signal: caller.signal });
  const hangsUp = () => {
    lamps.isFreeNow = true;
    lamps.emit('changed', '1004');
  };
  return { clock, waiting, caller, wait, hangsUp };
}

test('who has waited longest is taken first, and once', async () => {
  const { clock, waiting, wait } = phone();
  const first = wait('call-a');
  void wait('call-b');
  clock.advance(3000);
  const leg = { id: 'leg-1' } as Leg;
  const waits = waiting.first('1004')!;
  assert.ok(waits.takeBy(leg));
  assert.ok(!waits.takeBy(leg), 'a second time is too late');
  assert.deepEqual(await first, { kind: 'answered', leg, afterMs: 3000 });
  assert.equal(waiting.first('1004')?.call, 'call-b');
});

test('a phone that is free is rung for the first of the row alone', async () => {
  const { wait, waiting, hangsUp } = phone();
  const first = wait('call-a');
  void wait('call-b');
  hangsUp();
  assert.deepEqual(await first, { kind: 'free' });
  assert.equal(waiting.first('1004')?.call, 'call-b');
});

test('nobody waits for ever, nor after he has hung up, nor behind five others', async () => {
  const { clock, caller, wait, waiting } = phone();
  const first = wait('call-a');
  clock.advance(10_000);
  assert.deepEqual(await first, { kind: 'unanswered', afterMs: 10_000 });
  const row = ['b', 'c', 'd', 'e', 'f'].map((id) => wait(`call-${id}`));
  assert.deepEqual(await wait('call-g'), { kind: 'busy' });
  caller.abort('abandoned');
  assert.deepEqual(new Set((await Promise.all(row)).map(({ kind }) => kind)), new Set(['cancelled']));
  assert.equal(waiting.first('1004'), undefined);
  assert.equal(clock.pending, 0);
});
