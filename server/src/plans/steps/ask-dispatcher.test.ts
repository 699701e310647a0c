import assert from 'node:assert/strict';
import { test } from 'node:test';
import { room, step, stepOf } from '../test-room.ts';

test('a question waits for the dispatcher, and its answer chooses the steps that follow', async (t) => {
  const ask = step(
    'ask',
    'ask-dispatcher',
    'question: 疏散？, choices: [{ id: go, name: { zh: 是 } }, { id: stay, name: { zh: 否 } }], answerWithinS: 60, default: go',
  );
  const { start, runs, reaches, view } = await room(
    t,
    ask +
      step('go', 'wait', 'seconds: 5, when: { step: ask, choice: go }') +
      step('stay', 'wait', 'seconds: 5, when: { step: ask, choice: stay }'),
  );
  const { id, steps } = await start();
  assert.equal(steps[0]!.question?.text.zh, '疏散？');
  await assert.rejects(runs.answer(id, 'ask', 'perhaps', 'dispatcher'), { code: 'NOT_FOUND' });
  await runs.answer(id, 'ask', 'stay', 'dispatcher');
  await reaches(id, 'stay', 'running');
  const run = await view(id);
  assert.deepEqual([stepOf(run, 'go').state, stepOf(run, 'go').because], ['skipped', 'condition-not-met']);
  assert.equal(stepOf(run, 'ask').question, undefined);
});

test('without an answer in time the default counts', async (t) => {
  const ask = step(
    'ask',
    'ask-dispatcher',
    'question: 疏散？, choices: [{ id: go, name: { zh: 是 } }, { id: stay, name: { zh: 否 } }], answerWithinS: 60, default: go',
  );
  const { start, clock, reaches, view } = await room(t, ask);
  const { id } = await start();
  clock.advance(60_000);
  await reaches(id, 'ask', 'done');
  assert.equal(stepOf(await view(id), 'ask').summary?.zh, '是（超时默认）');
});
