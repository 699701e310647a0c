import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Intruders } from './intruders.ts';
import { endpointKey } from './io.ts';
import type { Report } from './protocol.ts';

test('intruders are counted one by one and told once a minute, with what came meanwhile', () => {
  const told: Report[] = [];
  const intruders = new Intruders('rtp-1', (report) => told.push(report));
  intruders.tend(0);
  assert.deepEqual(told, []);
  intruders.note('source', endpointKey('10.0.0.9', 4000));
  intruders.tend(100);
  for (let n = 0; n < 500; n += 1) intruders.note('ssrc', endpointKey('10.0.0.5', 5000));
  for (let at = 200; at < 60_000; at += 100) intruders.tend(at);
  assert.equal(told.length, 1);
  intruders.tend(60_100);
  intruders.tend(200_000);
  assert.equal(intruders.count, 501);
  assert.deepEqual(told, [
    { about: 'rtp-1', what: 'intruded', kind: 'source', packets: 1, from: { host: '10.0.0.9', port: 4000 } },
    { about: 'rtp-1', what: 'intruded', kind: 'ssrc', packets: 500, from: { host: '10.0.0.5', port: 5000 } },
  ]);
});
