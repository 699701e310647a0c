import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ledgerOf, room, step, stepOf } from '../test-room.ts';

test('the step is done when the gateway has every text, and receipts still come in', async (t) => {
  const { start, handed, tellText, texts, view, reaches, until } = await room(
    t,
    step('tell', 'send-text', "people: [zhang, chen], text: '到{village}集合'"),
  );
  const { id } = await start({ parameters: { village: '柳树坪' } });
  assert.deepEqual(
    [...texts.values()].map(({ text }) => text),
    ['到柳树坪集合', '到柳树坪集合'],
  );
  tellText(handed[0]!, 'sent');
  tellText(handed[1]!, 'failed');
  await reaches(id, 'tell', 'done');
  assert.equal(stepOf(await view(id), 'tell').summary?.zh, '已发 1/2 · 送达 0 · 失败 1');
  tellText(handed[0]!, 'delivered');
  await until(async () => ledgerOf(await view(id))['zhang/sms'] === 'delivered');
  assert.equal(ledgerOf(await view(id))['chen/sms'], 'failed');
});

test('without a gateway the texts wait, the step says so, and goes on after its time', async (t) => {
  const { start, clock, online, view, reaches } = await room(
    t,
    step('tell', 'send-text', 'people: [zhang], text: 集合, waitS: 60'),
  );
  online.texts = false;
  const { id } = await start();
  assert.match(stepOf(await view(id), 'tell').summary!.zh, /短信网关离线，等待/);
  clock.advance(60_000);
  await reaches(id, 'tell', 'failed');
  assert.equal(stepOf(await view(id), 'tell').because, 'text-gateway-offline');
  assert.deepEqual(ledgerOf(await view(id)), { 'zhang/sms': 'queued' });
});
