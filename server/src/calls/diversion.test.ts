import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diversionHeaders } from './diversion.ts';

test('a call that was not sent on says nothing of it', () => {
  assert.deepEqual(diversionHeaders([], '1005'), {});
});

test('a call sent on twice tells the latest first in Diversion, and the whole way in History-Info', () => {
  const headers = diversionHeaders(
    [
      { from: '1002', reason: 'unconditional' },
      { from: '1004', reason: 'no-answer' },
    ],
    '1005',
  );
  assert.equal(
    headers['Diversion'],
    '<sip:1004@tocsin>;reason=no-answer;counter=1, <sip:1002@tocsin>;reason=unconditional;counter=1',
  );
  assert.equal(
    headers['History-Info'],
    '<sip:1002@tocsin>;index=1, <sip:1004@tocsin;cause=302>;index=1.1, <sip:1005@tocsin;cause=408>;index=1.1.1',
  );
});

test('a number with signs is written as an address may', () => {
  assert.match(diversionHeaders([{ from: '*9#', reason: 'user-busy' }], '1005')['Diversion']!, /<sip:\*9%23@tocsin>/);
});
