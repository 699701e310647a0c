import assert from 'node:assert/strict';
import { test } from 'node:test';
import { healthLines } from './session.ts';

test('health is read into three lines, whatever form a part has', () => {
  const health = healthLines({
    status: 'degraded',
    parts: {
      sip: 'ok',
      media: 'ok',
      webrtc: { state: 'preparing', done: 162, total: 262 },
      database: 'ok',
      mqtt: 'slow',
    },
  });
  assert.deepEqual(health.kind === 'answered' && health.lines, [
    { what: 'server', state: 'degraded' },
    { what: 'phones', state: 'ready' },
    { what: 'browser', state: 'preparing', percent: 61 },
  ]);
});
