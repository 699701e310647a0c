import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PeerSupervision, type PeerState } from './supervision.ts';
import { OFFER, handPhone, town } from './test-town.ts';

test('a trunk that falls silent is down within seconds, and up again when it answers', async (t) => {
  const { agent, wind, network, clock } = town(t);
  const us = await agent('us');
  await agent('carrier');
  using supervision = new PeerSupervision(us, clock, { target: 'sip:carrier', everyMs: 10_000 });
  const states: string[] = [];
  supervision.on('state', (state: PeerState) => states.push(state.kind));
  await wind(100);
  assert.equal(supervision.state.kind, 'up');
  network.weather = () => [];
  await wind(9000);
  assert.deepEqual(states, ['up']);
  await wind(12_000);
  assert.deepEqual(states, ['up', 'down']);
  network.weather = () => [0];
  await wind(11_000);
  assert.deepEqual(states, ['up', 'down', 'up']);
});

test('with an outbound proxy, calls, texts, questions and registrations go there with its Route', async (t) => {
  const { agent, wind, network } = town(t);
  const proxy = handPhone(network, 'proxy');
  const us = await agent('us', { outboundProxy: 'sip:proxy' });
  const call = us.invite({ target: 'sip:200@far', from: { user: '100' }, offer: OFFER });
  void us.message({ target: 'sip:200@far', from: { user: '100' }, body: 'x' });
  void us.ping('sip:far', 1000);
  us.register({ registrar: 'sip:far', user: '100', expiresS: 60 });
  await wind(10);
  const requests = proxy.heard.map((message) => [message.cseq.method, message.get('Route')]);
  const route = '<sip:proxy;lr>';
  const wanted = ['INVITE', 'MESSAGE', 'OPTIONS', 'REGISTER'].map((method) => [method, route]);
  assert.deepEqual(requests.sort(), wanted);
  call.cancel();
});
