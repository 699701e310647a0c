import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Site } from '@tocsin/protocol/directory.ts';
import { route } from './route.ts';

const ask = (dialled: string) => route({ dialled, calling: '1003', atMs: 0 }, book);
const leadsTo = (dialled: string) => ask(dialled).destination;

const site = {
  rooms: [{ number: '8001', name: { zh: '会商' } }],
  trunks: [
    {
      id: 'carrier',
      name: { zh: '运营商' },
      bearer: 'pstn',
      lines: 30,
      send: { prefix: '9', host: '127.0.0.1', port: 15090, stripPrefix: true },
    },
    {
      id: 'satellite',
      name: { zh: '卫星' },
      bearer: 'satellite',
      lines: 2,
      send: { prefix: '98', host: '10.0.0.9', port: 5060, stripPrefix: false },
    },
    { id: 'inbound', name: { zh: '热线' }, bearer: 'pstn', lines: 30 },
  ],
} as unknown as Site;
const book = { site, account: (user: string) => (user === '1004' ? { user, kind: 'phone' as const } : undefined) };

test('extensions, rooms and the echo test are found before any trunk', () => {
  assert.deepEqual(leadsTo('1004'), { kind: 'account', user: '1004' });
  assert.deepEqual(leadsTo('8001'), { kind: 'room', number: '8001' });
  assert.deepEqual(leadsTo('9196'), { kind: 'echo' });
});

test('the trunk with the longest prefix takes the number, with or without the prefix as it wants', () => {
  assert.deepEqual(leadsTo('913800001111'), {
    kind: 'trunk',
    ways: [{ trunk: 'carrier', host: '127.0.0.1', port: 15090, number: '13800001111' }],
  });
  assert.deepEqual(leadsTo('98816000'), {
    kind: 'trunk',
    ways: [{ trunk: 'satellite', host: '10.0.0.9', port: 5060, number: '98816000' }],
  });
});

test('a number that leads nowhere is unknown, a bare prefix too', () => {
  assert.deepEqual(leadsTo('7777'), { kind: 'unknown' });
  assert.deepEqual(leadsTo('9'), { kind: 'unknown' });
});

test('the answer says in words which stage decided', () => {
  const { steps } = ask('8001');
  assert.deepEqual(steps, [
    {
      stage: 'rooms',
      name: { zh: '会议室', en: 'Conference rooms' },
      said: { zh: '8001 是会议室“会商”', en: '8001 is the conference room “会商”' },
      decides: true,
    },
  ]);
  assert.equal(ask('7777').steps[0]?.stage, 'nowhere');
});
