import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';

import { ANSWER, handPhone, town } from '../user-agent/test-town.ts';

/** A call from a phone made by hand that lets us refresh the session every 100 s; `answer` answers our last request. */
async function refreshedByUs(t: TestContext, allow: string) {
  const { wind, agent, nextCall, network } = town(t);
  const bob = await agent('bob');
  const hand = handPhone(network, 'hand');
  const incoming = nextCall(bob);
  const common = 'From: <sip:1@hand>;tag=h\nCall-ID: timed\nMax-Forwards: 70\n';
  hand.send(
    'bob',
    `INVITE sip:200@bob SIP/2.0\nVia: SIP/2.0/UDP hand:5060;branch=z9hG4bK1\n${common}To: <sip:200@bob>\nCSeq: 1 INVITE\nContact: <sip:1@hand:5060>\nSupported: timer\nAllow: ${allow}\nSession-Expires: 100;refresher=uas\nContent-Type: application/sdp\n\n${ANSWER}`,
  );
  await wind(10);
  const dialog = await (await incoming).answer(ANSWER);
  await wind(10);
  const toTag = hand.heard.at(-1)!.toTag!;
  hand.send(
    'bob',
    `ACK sip:200@bob SIP/2.0\nVia: SIP/2.0/UDP hand:5060;branch=z9hG4bK2\n${common}To: <sip:200@bob>;tag=${toTag}\nCSeq: 1 ACK\n\n`,
  );
  const endings: unknown[] = [];
  dialog.on('ended', (ending) => endings.push(ending));
  const answer = async (status: string, extra = '') => {
    const request = hand.heard.at(-1)!.toString();
    const copied = request.split('\r\n').filter((line) => /^(?:Via|From|To|Call-ID|CSeq):/.test(line));
    hand.send('bob', `SIP/2.0 ${status}\n${copied.join('\n')}\n${extra}Content-Length: 0\n\n`);
    await wind(20);
  };
  return { wind, hand, endings, answer };
}

for (const [allow, method] of [
  ['INVITE, UPDATE', 'UPDATE'],
  ['INVITE', 'INVITE'],
] as const)
  test(`a refresh by ${method} that is too frequent for the peer is sent again with the interval it wants`, async (t) => {
    const { wind, hand, answer, endings } = await refreshedByUs(t, allow);
    await wind(50_200);
    assert.match(hand.lines.at(-1)!, new RegExp(`^${method} `));
    await answer('422 Session Interval Too Small', 'Min-SE: 300\n');
    // The ACK of a refused re-INVITE stands between.
    const again = hand.heard.at(-1)!;
    assert.match(again.toString(), new RegExp(`^${method} `));
    assert.deepEqual([again.get('Session-Expires'), again.get('Min-SE')], ['300;refresher=uac', '300']);
    await answer('200 OK', 'Session-Expires: 300;refresher=uac\nContact: <sip:1@hand:5060>\n');
    const before = hand.heard.length;
    await wind(140_000);
    assert.equal(hand.heard.filter((message) => message.toString().startsWith(method)).length, 2);
    assert.ok(hand.heard.length - before <= 1);
    assert.deepEqual(endings, []);
  });

test('a refresh that is refused is tried once more, and then the session ends before it lapses', async (t) => {
  const { wind, hand, answer, endings } = await refreshedByUs(t, 'INVITE, UPDATE');
  await wind(50_200);
  await answer('500 Busy With Myself');
  await wind(17_000);
  assert.match(hand.lines.at(-1)!, /^UPDATE /);
  await answer('500 Busy With Myself');
  assert.deepEqual(endings, []);
  await wind(17_000);
  assert.deepEqual(endings, [{ by: 'timeout', reason: 'session-expired' }]);
});
