import assert from 'node:assert/strict';
import { test } from 'node:test';
import { srtpFor } from './media-security.ts';

test('keys are told over TLS, elsewhere only where the account says so, and a browser needs none', () => {
  const account = {};
  assert.equal(srtpFor(account, 'tls'), 'offered');
  assert.equal(srtpFor(account, 'udp'), 'off');
  assert.equal(srtpFor({ srtpWithoutTls: true }, 'udp'), 'offered');
  assert.equal(srtpFor({ srtp: 'off' }, 'tls'), 'off');
  assert.equal(srtpFor({ srtp: 'required' }, 'tls'), 'required');
  assert.equal(srtpFor({ srtp: 'required' }, 'tcp'), 'needs-tls');
  assert.equal(srtpFor({ srtp: 'required', srtpWithoutTls: true }, 'tcp'), 'required');
  assert.equal(srtpFor({ srtp: 'required' }, 'ws'), 'off');
  assert.equal(srtpFor(undefined, 'tls'), 'off');
});
