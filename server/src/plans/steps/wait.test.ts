import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testPorts } from '../test-desk.ts';
import { room, step, stepOf } from '../test-room.ts';

test('a wait ends early when the gauge is over the value', async (t) => {
  const { start, measure, reaches } = await room(
    t,
    step('water', 'wait', 'seconds: 600, until: { gauge: upstream, above: 74 }'),
  );
  const { id } = await start();
  measure('upstream', 73);
  measure('upstream', 74.1);
  await reaches(id, 'water', 'done');
});

test('a wait that a restart interrupted is not prolonged by it', async (t) => {
  const steps = step('pause', 'wait', 'seconds: 60');
  const first = await room(t, steps);
  const { id } = await first.start();
  first.clock.advance(45_000);
  const second = await room(t, steps, { store: first.store, clock: first.clock, desk: testPorts(first.clock) });
  await second.runs.resume();
  second.clock.advance(15_000);
  await second.until(async () => (await second.view(id)).state === 'done');
});

test('a condition that does not come true in time may be a failure', async (t) => {
  const { start, clock, view, until } = await room(
    t,
    step('water', 'wait', 'seconds: 60, until: { gauge: upstream, above: 74 }, otherwise: fail'),
  );
  const { id } = await start();
  await until(async () => {
    clock.advance(20_000);
    return stepOf(await view(id), 'water').state === 'failed';
  });
  assert.equal(stepOf(await view(id), 'water').because, 'condition-not-met');
});
