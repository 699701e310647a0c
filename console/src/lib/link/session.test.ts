import assert from 'node:assert/strict';
import { test } from 'node:test';
import { healthLines } from './session.ts';

test('health is read into three lines, whatever form a part has', () => {
  const health = healthLines({
    status: 'degraded',
    parts: {
      sip: 'ok',
      media: 'ok',
      webrtc: { preparing: 'compiling', done: 162, total: 262 },
      database: 'ok',
      mqtt: { problem: 'port in use' },
    },
  });
  assert.deepEqual(health.kind === 'answered' && health.lines, [
    { what: 'server', state: 'failed' },
    { what: 'phones', state: 'ready' },
    { what: 'browser', state: 'preparing', percent: 61 },
  ]);
});
