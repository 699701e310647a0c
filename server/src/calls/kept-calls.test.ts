import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { openTestStore } from '#store/test-database.ts';
import { type KeptCall, KeptCalls } from './kept-calls.ts';

const call = (id: string): KeptCall => ({
  view: {
    id,
    kind: 'two-party',
    from: { number: '1001' },
    to: { number: '1002' },
    state: 'answered',
    startedAt: 0,
    isRecording: true,
  },
  legs: ['leg-a', 'leg-b'],
});

/** One process after another on the same database; `next` closes one, so that everything it has put is written. */
async function processes(t: TestContext) {
  const store = await openTestStore(t);
  let kept: KeptCalls | undefined;
  return async () => {
    await kept?.[Symbol.asyncDispose]();
    kept = new KeptCalls({ store, clock: systemClock, log: silentLog });
    return kept;
  };
}

const ids = async (kept: KeptCalls) => (await kept.left()).calls.map(({ view }) => view.id).sort();

test('what a process has left stays until the next has gone on with it or dropped it', async (t) => {
  const next = await processes(t);
  const first = await next();
  for (const id of ['call-a', 'call-b', 'call-c']) first.put('call', id, call(id));
  const killedWhileTakingUp = await next();
  assert.deepEqual(await ids(killedWhileTakingUp), ['call-a', 'call-b', 'call-c']);
  const second = await next();
  assert.deepEqual(await ids(second), ['call-a', 'call-b', 'call-c'], 'a second kill loses nothing');
  second.put('call', 'call-a', call('call-a'));
  second.remove('call', 'call-b');
  second.dropRest();
  const third = await next();
  assert.deepEqual(await ids(third), ['call-a'], 'one goes on, one was over, one was wanted by nobody');
  await (await next())[Symbol.asyncDispose]();
});
