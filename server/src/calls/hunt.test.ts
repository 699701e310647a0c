import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HuntGroup } from '@tocsin/protocol/directory.ts';
import { ManualClock } from '#kernel/clock.ts';
import { hunt, type MemberState } from './hunt.ts';
import { STRATEGIES } from './hunt-strategies.ts';
import type { DialOutcome, Leg } from './leg.ts';

const free = (...members: [number: string, freeSince: number][]) =>
  members.map(([number, freeSince]) => ({ number, freeSince }));
const numbersOf = (waves: { number: string }[][]) => waves.map((wave) => wave.map(({ number }) => number).join('+'));

test('in turn goes by the list, all at once is one wave, longest idle begins with who has rested most', () => {
  const members = free(['1002', 500], ['1004', 100], ['1005', 0]);
  assert.deepEqual(numbersOf(STRATEGIES['in-turn'](members)), ['1002', '1004', '1005']);
  assert.deepEqual(numbersOf(STRATEGIES['all-at-once'](members)), ['1002+1004+1005']);
  assert.deepEqual(numbersOf(STRATEGIES['longest-idle'](members)), ['1005', '1004', '1002']);
  for (const strategy of Object.values(STRATEGIES)) assert.deepEqual(strategy([]), []);
});

test('of two who have rested equally long, who is listed first is rung first', () => {
  assert.deepEqual(numbersOf(STRATEGIES['longest-idle'](free(['1005', 7], ['1002', 7]))), ['1005', '1002']);
});

/** A group of phones; `answers` has what becomes of each ring of a number, in order; without one it rings in vain. */
function group(
  more: Partial<HuntGroup>,
  answers: Record<string, DialOutcome['kind'][]> = {},
  states: Record<string, MemberState> = {},
) {
  const clock = new ManualClock();
  const startedMs = clock.monotonic();
  const rung: string[] = [];
  const givenUp: string[] = [];
  const settings = HuntGroup.parse({
    number: '2001',
    name: { zh: '值班' },
    members: ['1002', '1004', '1005'],
    ringEachS: 10,
    totalS: 60,
    ...more,
  });
  const caller = new AbortController();
  const outcome = hunt(
    settings,
    {
      clock,
      state: (member) => states[member] ?? 'free',
      freeSince: () => 0,
      ring: async (number, { ringForMs, signal }) => {
        rung.push(number);
        const kind = answers[number]?.shift();
        if (kind === 'answered') return { kind, leg: { hangUp: async () => {} } as unknown as Leg, afterMs: 1 };
        if (kind === 'refused') return { kind, status: 603 };
        if (kind === 'busy') return { kind };
        return await new Promise((resolve) => {
          const timer = clock.after(ringForMs, () => resolve({ kind: 'unanswered', afterMs: ringForMs }));
          signal.addEventListener('abort', () => {
            timer.cancel();
            givenUp.push(`${number} ${String(signal.reason)}`);
            resolve({ kind: 'cancelled' });
          });
        });
      },
    },
    caller.signal,
  );
  /** Lets time pass until the hunt has ended. */
  const end = async (stepMs = 1000, atMostMs = 200_000) => {
    let ended: Awaited<typeof outcome> | undefined;
    void outcome.then((value) => (ended = value));
    for (let passed = 0; passed <= atMostMs && !ended; passed += stepMs) {
      await new Promise((resolve) => setImmediate(resolve));
      if (!ended) clock.advance(stepMs);
    }
    return ended;
  };
  return { end, rung, givenUp, caller, passedMs: () => clock.monotonic() - startedMs };
}

test('in turn, the second is rung when the first does not come', async () => {
  const { end, rung } = group({ strategy: 'in-turn' }, { '1004': ['answered'] });
  const outcome = await end();
  assert.equal(outcome?.kind, 'answered');
  assert.equal(outcome?.kind === 'answered' && outcome.member, '1004');
  assert.deepEqual(rung, ['1002', '1004']);
});

test('the losers of all at once are told that it was answered elsewhere', async () => {
  const { end, givenUp } = group({ strategy: 'all-at-once' }, { '1005': ['answered'] });
  assert.equal((await end())?.kind, 'answered');
  assert.deepEqual(givenUp, ['1002 answered-elsewhere', '1004 answered-elsewhere']);
});

test('who is busy, quiet or unregistered is not rung', async () => {
  const states = { '1002': 'busy', '1004': 'do-not-disturb' } as const;
  const { end, rung } = group({ strategy: 'in-turn', totalS: 20 }, {}, states);
  assert.equal((await end())?.kind, 'nobody-answered');
  assert.deepEqual(rung, ['1005', '1005']);
});

test('with nobody free it ends at once', async () => {
  const states = { '1002': 'unregistered', '1004': 'unregistered', '1005': 'busy' } as const;
  const { end, rung, passedMs } = group({ strategy: 'longest-idle' }, {}, states);
  assert.equal((await end())?.kind, 'nobody-free');
  assert.deepEqual(rung, []);
  assert.equal(passedMs(), 0);
});

test('it goes round until its time is up, and no longer', async () => {
  const { end, rung, passedMs } = group({ strategy: 'in-turn', totalS: 45 });
  assert.equal((await end())?.kind, 'nobody-answered');
  assert.deepEqual(rung, ['1002', '1004', '1005', '1002', '1004']);
  assert.ok(passedMs() <= 46_000);
});

test('who refuses is not rung again; who is busy by his own word does not make it spin', async () => {
  const { end, rung } = group(
    { strategy: 'in-turn', members: ['1002', '1004'] },
    { '1002': ['refused'], '1004': ['busy', 'busy', 'busy'] },
  );
  assert.equal((await end())?.kind, 'nobody-free');
  assert.deepEqual(rung, ['1002', '1004']);
});

test('when the caller hangs up, whoever rings is given up', async () => {
  const { end, caller, givenUp } = group({ strategy: 'all-at-once' });
  await new Promise((resolve) => setImmediate(resolve));
  caller.abort('abandoned');
  assert.equal((await end())?.kind, 'cancelled');
  assert.equal(givenUp.length, 3);
});
