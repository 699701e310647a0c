import assert from 'node:assert/strict';
import { test } from 'node:test';
import { room, step, stepOf } from '../test-room.ts';

test('everyone is called at once, the chair’s seat with them, and the line tells who is in', async (t) => {
  const { start, conferences, view, reaches, ports } = await room(
    t,
    step('meet', 'conference', "people: ['group:leaders', chen], ringS: 20, retries: 2, say: 请入会"),
  );
  const opened: (string | undefined)[] = [];
  const open = ports.conferences.open;
  ports.conferences.open = (options) => (opened.push(options.chair), open(options));
  const { id } = await start();
  const [conference] = conferences;
  assert.deepEqual(opened, ['dispatcher']);
  assert.deepEqual(
    conference!.parties.map(({ person, ringForMs, retries, confirm, withDeputies }) => [
      person,
      ringForMs,
      retries,
      confirm,
      withDeputies,
    ]),
    [
      ['zhang', 20_000, 2, 'press-1', true],
      ['wang', 20_000, 2, 'press-1', true],
      ['chen', 20_000, 2, 'press-1', true],
    ],
  );
  conference!.becomes('zhang', 'in');
  conference!.becomes('wang', 'ringing');
  assert.equal(stepOf(await view(id), 'meet').summary?.zh, '在会 1/3 · 振铃 2');
  conference!.becomes('wang', 'busy');
  conference!.becomes('chen', 'unreachable', { detail: '空号' });
  await reaches(id, 'meet', 'done');
  assert.equal(stepOf(await view(id), 'meet').summary?.zh, '在会 1/3');
});

test('a voicemail is told, and nobody in the conference is a failure', async (t) => {
  const { start, conferences, view, reaches } = await room(
    t,
    step('meet', 'conference', 'people: [zhang], deputies: false'),
  );
  const { id } = await start();
  conferences[0]!.becomes('zhang', 'voicemail', { isSettled: true, detail: '语音信箱' });
  await reaches(id, 'meet', 'failed');
  assert.equal(stepOf(await view(id), 'meet').because, 'nobody-joined');
  const [row] = (await view(id)).ledger;
  assert.deepEqual([row!.state, row!.detail], ['voicemail', '语音信箱']);
});

test('a conference that the dispatcher ends while people are still called ends the step', async (t) => {
  const { start, conferences, view, reaches } = await room(t, step('meet', 'conference', 'people: [zhang, chen]'));
  const { id } = await start();
  await conferences[0]!.end('dispatcher-ended');
  await reaches(id, 'meet', 'failed');
  assert.equal(stepOf(await view(id), 'meet').because, 'conference-ended: dispatcher-ended');
});
