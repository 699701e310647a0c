import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Site } from '@tocsin/protocol/directory.ts';
import { route } from './route.ts';

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
const directory = { site, account: (user: string) => (user === '1004' ? { user, kind: 'phone' as const } : undefined) };

test('extensions, rooms and the echo test are found before any trunk', () => {
  assert.deepEqual(route('1004', directory), { kind: 'account', user: '1004' });
  assert.deepEqual(route('8001', directory), { kind: 'room', number: '8001' });
  assert.deepEqual(route('9196', directory), { kind: 'echo' });
});

test('the trunk with the longest prefix takes the number, with or without the prefix as it wants', () => {
  assert.deepEqual(route('913800001111', directory), {
    kind: 'trunk',
    trunk: 'carrier',
    host: '127.0.0.1',
    port: 15090,
    number: '13800001111',
  });
  assert.deepEqual(route('98816000', directory), {
    kind: 'trunk',
    trunk: 'satellite',
    host: '10.0.0.9',
    port: 5060,
    number: '98816000',
  });
});

test('a number that leads nowhere is unknown, a bare prefix too', () => {
  assert.deepEqual(route('7777', directory), { kind: 'unknown' });
  assert.deepEqual(route('9', directory), { kind: 'unknown' });
});
