import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AlarmView } from '@tocsin/protocol/views.ts';
import { ledgerOf, room, step, stepOf } from '../test-room.ts';

test('contacts are called in turn until one confirms by key, and the others are spared', async (t) => {
  const { start, calls, reaches, view, until } = await room(
    t,
    step('family', 'call-one-of', "people: ['{alarm.contacts}', wang], say: '{alarm.person}求助，{alarm.address}'"),
  );
  const alarm = {
    id: 'alarm-1',
    kind: 'one-key',
    level: 2,
    title: { zh: '一键' },
    facts: { zh: '' },
    person: 'granny',
  } as AlarmView;
  const { id } = await start({ alarm });
  assert.equal(calls[0]!.message.text, '王桂兰求助，石桥村 12 号');
  calls[0]!.ends('unanswered');
  await until(() => calls.length === 2);
  calls[1]!.ends('confirmed');
  await reaches(id, 'family', 'done');
  assert.deepEqual(ledgerOf(await view(id)), {
    'zhang/voice': 'unanswered',
    'chen/voice': 'confirmed',
    'wang/voice': 'skipped',
  });
  assert.equal(stepOf(await view(id), 'family').summary?.zh, '陈静 已确认');
});

test('called in parallel, the first who confirms ends the calls of the others', async (t) => {
  const { start, calls, reaches, view } = await room(
    t,
    step('all', 'call-one-of', 'people: [zhang, chen], order: parallel, say: 求助'),
  );
  const { id } = await start();
  assert.equal(calls.length, 2);
  calls[1]!.ends('confirmed');
  await reaches(id, 'all', 'done');
  assert.deepEqual(ledgerOf(await view(id)), { 'zhang/voice': 'skipped', 'chen/voice': 'confirmed' });
});
