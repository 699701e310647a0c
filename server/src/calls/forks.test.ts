import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#kernel/clock.ts';
import { FORK_RINGS_FOR_MS, ringForks } from './forks.ts';
import type { DialOutcome, Leg } from './leg.ts';

const leg = { id: 'leg', hangUp: async () => {} } as unknown as Leg;
const ANSWERED: DialOutcome = { kind: 'answered', leg, afterMs: 0 };
const DEAD: DialOutcome = { kind: 'unreachable', why: 'no-response' };

/** Contacts by name: `says` is what becomes of each ring; without a word it rings until it is stopped. */
function account(
  says: Record<string, DialOutcome>,
  ranks: Record<string, number>,
  phones: Record<string, string> = {},
) {
  const clock = new ManualClock();
  const rung: string[] = [];
  const forks = Object.entries(ranks).map(([name, q]) => ({
    q,
    ...(phones[name] === undefined ? {} : { phone: phones[name] }),
    ring: (signal: AbortSignal) => {
      rung.push(`${name} ${clock.monotonic()}`);
      const said = says[name];
      if (said) return Promise.resolve(said);
      return new Promise<DialOutcome>((resolve) => {
        signal.addEventListener('abort', () => resolve({ kind: 'cancelled' }), { once: true });
      });
    },
  }));
  const startedMs = clock.monotonic();
  return {
    rung: () => rung.map((each) => each.replace(/\d+$/, (ms) => String(Number(ms) - startedMs))),
    ring: (ringForMs = 60_000) => ringForks(forks, { ringForMs }, clock),
    async wind(ms: number) {
      for (let i = 0; i < 20; i += 1) await Promise.resolve();
      clock.advance(ms);
      for (let i = 0; i < 20; i += 1) await Promise.resolve();
    },
  };
}

test('contacts of one preference ring together, the less preferred when none of them answers', async () => {
  const { ring, rung, wind } = account({ mobile: ANSWERED }, { mobile: 0.5, desk: 1, laptop: 1 });
  const outcome = ring();
  await wind(FORK_RINGS_FOR_MS);
  assert.deepEqual(rung(), ['desk 0', 'laptop 0', `mobile ${FORK_RINGS_FOR_MS}`]);
  const { kind, afterMs } = (await outcome) as Extract<DialOutcome, { kind: 'answered' }>;
  assert.deepEqual([kind, afterMs], ['answered', FORK_RINGS_FOR_MS]);
});

test('a busy desk phone is passed over at once; who declines has declined for all his phones', async () => {
  const busy = account({ desk: { kind: 'busy' }, mobile: ANSWERED }, { desk: 1, mobile: 0.1 });
  assert.equal((await busy.ring()).kind, 'answered');
  const declined = account({ desk: { kind: 'refused', status: 603 }, mobile: ANSWERED }, { desk: 1, mobile: 0.1 });
  assert.equal((await declined.ring()).kind, 'nobody');
  assert.deepEqual(declined.rung(), ['desk 0']);
});

test('the last contact has all the time that is left, and the whole is not longer than asked for', async () => {
  const { ring, rung, wind } = account({}, { desk: 1, mobile: 0.5 });
  const outcome = ring(40_000);
  await wind(FORK_RINGS_FOR_MS);
  await wind(25_000);
  assert.deepEqual(await outcome, { kind: 'unanswered', afterMs: 40_000 });
  assert.equal(rung().length, 2);
});

test('of two flows to one phone the second is tried when the first is dead, and not when the phone is busy', async () => {
  const phones = { first: 'urn:uuid:1', second: 'urn:uuid:1' };
  const dead = account({ first: DEAD, second: ANSWERED }, { first: 1, second: 1 }, phones);
  assert.equal((await dead.ring()).kind, 'answered');
  const busy = account({ first: { kind: 'busy' }, second: ANSWERED }, { first: 1, second: 1 }, phones);
  assert.equal((await busy.ring()).kind, 'nobody');
  assert.deepEqual(busy.rung(), ['first 0']);
});
