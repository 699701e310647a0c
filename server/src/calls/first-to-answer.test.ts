import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#kernel/clock.ts';
import { type Attempt, ringFor } from './first-to-answer.ts';
import type { DialOutcome, Leg } from './leg.ts';

/** Phones that answer by hand, and how each of them was stopped. */
function row(count: number) {
  const stopped: string[] = [];
  const hungUp: string[] = [];
  const settle: ((outcome: DialOutcome) => void)[] = [];
  const attempts = Array.from(
    { length: count },
    (_, index): Attempt =>
      (signal) =>
        new Promise((resolve) => {
          settle[index] = resolve;
          signal.addEventListener('abort', () => {
            stopped.push(`${index} ${String(signal.reason)}`);
            resolve({ kind: 'cancelled' });
          });
        }),
  );
  const leg = (index: number) =>
    ({ id: `leg-${index}`, hangUp: async (why: string) => void hungUp.push(`${index} ${why}`) }) as unknown as Leg;
  const answer = (index: number) => settle[index]!({ kind: 'answered', leg: leg(index), afterMs: 0 });
  return { attempts, stopped, hungUp, settle, answer };
}

test('the first to answer has the call after so long, and the others are told that it was answered elsewhere', async () => {
  const clock = new ManualClock();
  const { attempts, stopped, answer } = row(3);
  const outcome = ringFor(attempts, { ringForMs: 5000 }, clock);
  clock.advance(1200);
  answer(1);
  const { kind, afterMs } = (await outcome) as Extract<DialOutcome, { kind: 'answered' }>;
  assert.deepEqual([kind, afterMs], ['answered', 1200]);
  assert.deepEqual(stopped, ['0 answered-elsewhere', '1 answered-elsewhere', '2 answered-elsewhere']);
  assert.equal(clock.pending, 0, 'no timer is left');
});

test('of two that answer at the same moment the second is hung up', async () => {
  const clock = new ManualClock();
  const { attempts, hungUp, answer } = row(2);
  const outcome = ringFor(attempts, { ringForMs: 5000 }, clock);
  answer(0);
  answer(1);
  assert.equal((await outcome).kind, 'answered');
  assert.deepEqual(hungUp, ['1 answered-elsewhere']);
});

test('when the time is up all are still, and know that nobody has answered', async () => {
  const clock = new ManualClock();
  const { attempts, stopped } = row(2);
  const outcome = ringFor(attempts, { ringForMs: 5000 }, clock);
  clock.advance(5000);
  assert.deepEqual(await outcome, { kind: 'unanswered', afterMs: 5000 });
  assert.deepEqual(stopped, ['0 unanswered', '1 unanswered']);
});

test('a caller who gives up ends the ringing; one who has given up before rings nobody', async () => {
  const clock = new ManualClock();
  const { attempts, stopped } = row(1);
  const caller = new AbortController();
  const outcome = ringFor(attempts, { ringForMs: 5000, signal: caller.signal }, clock);
  caller.abort('abandoned');
  assert.deepEqual(await outcome, { kind: 'cancelled' });
  assert.deepEqual(stopped, ['0 abandoned']);
  assert.deepEqual(await ringFor(row(1).attempts, { ringForMs: 5000, signal: caller.signal }, clock), {
    kind: 'cancelled',
  });
});

test('when every phone has failed by itself, what became of each is told', async () => {
  const clock = new ManualClock();
  const { attempts, settle } = row(2);
  const outcome = ringFor(attempts, { ringForMs: 5000 }, clock);
  settle[0]!({ kind: 'busy' });
  settle[1]!({ kind: 'refused', status: 603 });
  assert.deepEqual(await outcome, {
    kind: 'nobody',
    outcomes: [{ kind: 'busy' }, { kind: 'refused', status: 603 }],
  });
});
