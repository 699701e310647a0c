import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ANSWER, handPhone, town } from '../user-agent/test-town.ts';

test('a REFER that wants no NOTIFY is told that there will be none, and there is none', async (t) => {
  const { wind, agent, nextCall, network } = town(t);
  const bob = await agent('bob');
  const hand = handPhone(network, 'hand');
  const incoming = nextCall(bob);
  const send = (method: string, cseq: number, toTag: string, rest: string) =>
    hand.send(
      'bob',
      `${method} sip:200@bob SIP/2.0\nVia: SIP/2.0/UDP hand:5060;branch=z9hG4bK${method}\nMax-Forwards: 70\nFrom: <sip:1@hand>;tag=h\nTo: <sip:200@bob>${toTag}\nCall-ID: referring\nCSeq: ${cseq} ${method}\nContact: <sip:1@hand:5060>\n${rest}`,
    );
  send('INVITE', 1, '', `Content-Type: application/sdp\n\n${ANSWER}`);
  await wind(10);
  const dialog = await (await incoming).answer(ANSWER);
  dialog.on('refer', ({ referTo, accept }) => {
    assert.equal(referTo, 'sip:300@bob');
    accept().notify(200, 'OK');
  });
  await wind(10);
  const toTag = `;tag=${hand.heard.at(-1)!.toTag}`;
  send('ACK', 1, toTag, '\n\n');
  send('REFER', 2, toTag, 'Refer-To: <sip:300@bob>\nRefer-Sub: false\nRequire: norefersub\n\n\n');
  await wind(1000);
  assert.equal(hand.lines.at(-1), 'SIP/2.0 202 Accepted');
  assert.equal(hand.heard.at(-1)!.get('Refer-Sub'), 'false');
});
