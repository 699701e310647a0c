import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ManualClock } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import { silentLog } from '#kernel/log.ts';
import type { Answerer } from '#media/answerer.ts';
import type { MediaEngine } from '#media/engine.ts';
import { askToConfirm, type Confirmation } from './confirm.ts';
import type { Leg } from './leg.ts';

/** Somebody who has answered; nothing is spoken to him, as there is no voice for it. */
function answered(who?: Promise<Answerer>) {
  const clock = new ManualClock();
  const gone = new AbortController();
  const leg = Object.assign(new Emitter<{ digit: [string] }>(), {
    ...{ id: 'leg-1', node: { id: 'node-1' }, gone: gone.signal },
    ...(who ? { whoAnswers: () => who } : {}),
  });
  const bridge = { add: async () => {}, remove: async () => {}, close: async () => {} };
  const engine = {
    openBridge: async () => bridge,
    speak: () => Promise.reject(new Error('no voice')),
  } as unknown as MediaEngine;
  let result: Confirmation | undefined;
  void askToConfirm(leg as unknown as Leg, { purpose: 'join', forMs: 30_000 }, { engine, clock, log: silentLog }).then(
    (confirmation) => (result = confirmation),
  );
  const after = async (ms: number) => {
    await setImmediate();
    clock.advance(ms);
    await setImmediate();
    return result;
  };
  return { clock, leg, after };
}

test('who presses nothing is given up after the whole time, a machine after half of it', async () => {
  const person = answered(Promise.resolve('person'));
  assert.equal(await person.after(29_999), undefined);
  assert.equal(await person.after(1), 'not-confirmed');
  const machine = answered(Promise.resolve('machine'));
  assert.equal(await machine.after(14_999), undefined);
  assert.equal(await machine.after(1), 'machine');
  assert.equal(machine.clock.pending, 0, 'no timer is left');
});

test('who was taken for a machine and presses a key has said yes', async () => {
  const { leg, after, clock } = answered(Promise.resolve('machine'));
  await after(5_000);
  leg.emit('digit', '1');
  assert.equal(await after(0), 'confirmed');
  assert.equal(clock.pending, 0);
});

test('when nobody can tell who has answered, the whole time counts', async () => {
  const unknown = answered(Promise.reject(new Error('the media thread has ended')));
  assert.equal(await unknown.after(29_999), undefined);
  assert.equal(await unknown.after(1), 'not-confirmed');
});
