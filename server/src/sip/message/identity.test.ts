import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertedIdentity, readHistory } from './identity.ts';
import { Request } from './message.ts';

const invite = (...headers: [string, string][]) => {
  const request = new Request('INVITE', 'sip:200@server');
  for (const [name, value] of headers) request.add(name, value);
  return request;
};

test('the network says who calls, and whether he wants to be named', () => {
  const request = invite(
    ['P-Asserted-Identity', '"Wang Li" <sip:+8613800138000@carrier>, <tel:+8613800138000>'],
    ['Privacy', 'id;critical'],
  );
  assert.deepEqual(readHistory(request), {
    asserted: { user: '+8613800138000', displayName: 'Wang Li' },
    isAnonymous: true,
    divertedBy: [],
  });
  assert.deepEqual(readHistory(invite(['Privacy', 'none'])), { isAnonymous: false, divertedBy: [] });
});

test('a diverted call tells by whom and why, the last first', () => {
  const diversion = invite(['Diversion', '<sip:300@pbx>;reason=no-answer, <sip:100@pbx>;reason="user-busy"']);
  assert.deepEqual(readHistory(diversion).divertedBy, [
    { user: '300', reason: 'no-answer' },
    { user: '100', reason: 'user-busy' },
  ]);
  const history = invite(
    ['History-Info', '<sip:100@pbx>;index=1, <sip:300@pbx?Reason=SIP%3Bcause%3D486>;index=1.1'],
    ['History-Info', '<sip:200@server?Reason=SIP%3Bcause%3D408>;index=1.2'],
  );
  assert.deepEqual(readHistory(history).divertedBy, [
    { user: '300', reason: 'SIP;cause=408' },
    { user: '100', reason: 'SIP;cause=486' },
  ]);
  assert.deepEqual(readHistory(invite(['Diversion', '<<<'])).divertedBy, []);
});

test('a trunk is told who calls', () => {
  const headers = assertedIdentity('tel:+8657188880000', { displayName: 'Duty "desk"', isAnonymous: true });
  const wanted = { 'P-Asserted-Identity': '"Duty \\"desk\\"" <tel:+8657188880000>', Privacy: 'id' };
  assert.deepEqual(headers, wanted);
});
