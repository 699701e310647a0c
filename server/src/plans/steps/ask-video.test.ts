import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ledgerOf, room, step } from '../test-room.ts';

test('video is asked for by a link in a text, and its ledger follows the link', async (t) => {
  const { start, feeds, texts, tellText, reaches, view, clock } = await room(
    t,
    step('video', 'ask-video', 'people: [chen]'),
  );
  const { id } = await start();
  await reaches(id, 'video', 'done');
  const [text] = [...texts.values()];
  assert.match(text!.text, /https:\/\/x\/chen$/);
  tellText(text!.id, 'delivered');
  feeds[0]!.onState({ state: 'live', at: clock.now() });
  assert.deepEqual(ledgerOf(await view(id)), { 'chen/video': 'joined' });
});
