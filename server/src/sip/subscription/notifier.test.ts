import assert from 'node:assert/strict';
import { test } from 'node:test';

import { handPhone, passwordIs, town } from '../user-agent/test-town.ts';
import { type DialogLamp, dialogInfo, messageSummary } from './bodies.ts';

const subscribe = (options: { cseq?: number; toTag?: string; expires?: number; event?: string } = {}) => {
  const { cseq = 1, toTag, expires = 600, event = 'dialog' } = options;
  return `SUBSCRIBE sip:200@server SIP/2.0
Via: SIP/2.0/UDP phone;branch=z9hG4bKs${cseq}${event}
From: <sip:100@server>;tag=p
To: <sip:200@server>${toTag === undefined ? '' : `;tag=${toTag}`}
Call-ID: watch
CSeq: ${cseq} SUBSCRIBE
Contact: <sip:100@phone>
Event: ${event};id=7
Expires: ${expires}
Content-Length: 0

`;
};

async function watched(t: Parameters<typeof town>[0]) {
  const place = town(t);
  const server = await place.agent('server');
  const lamps = new Map<string, DialogLamp[]>([['200', []]]);
  const notifier = server.notifier('dialog', {
    contentType: 'application/dialog-info+xml',
    body: ({ user, entity, version }) => lamps.get(user) && dialogInfo(entity, version, lamps.get(user)!),
  });
  const phone = handPhone(place.network, 'phone');
  /** The NOTIFYs heard, answered 200 as they come. */
  const answerAll = async (status = '200 OK') => {
    for (const message of phone.heard.splice(0)) {
      const text = message.toString();
      if (!text.startsWith('NOTIFY')) continue;
      const copied = text.split('\r\n').filter((line) => /^(Via|From|To|Call-ID|CSeq):/.test(line));
      phone.send('server', `SIP/2.0 ${status}\n${copied.join('\n')}\nContent-Length: 0\n\n`);
      told.push(text);
    }
    await place.wind(10);
  };
  const told: string[] = [];
  return { ...place, server, lamps, notifier, phone, told, answerAll };
}

test('a lamp is told at once, at every change, and at the end of its subscription', async (t) => {
  const { phone, wind, lamps, notifier, told, answerAll } = await watched(t);
  phone.send('server', subscribe());
  await wind(10);
  assert.match(phone.lines.join('\n'), /^SIP\/2\.0 200 OK\nNOTIFY sip:100@phone SIP\/2\.0$/);
  const toTag = phone.heard[0]!.toTag!;
  await answerAll();
  assert.match(told[0]!, /Event: dialog;id=7\r\nSubscription-State: active;expires=600\r\n/);
  assert.match(told[0]!, /version="0" state="full" entity="sip:200@server"><\/dialog-info>/);

  lamps.set('200', [{ id: 'a<b', state: 'early', direction: 'recipient', remote: 'sip:112@server' }]);
  notifier.changed('200');
  notifier.changed('300');
  await wind(10);
  lamps.set('200', [{ id: 'a', state: 'confirmed', direction: 'recipient' }]);
  notifier.changed('200');
  notifier.changed('200');
  await wind(10);
  await answerAll();
  await answerAll();
  assert.equal(told.length, 3, 'what changed while a NOTIFY was out is told once');
  assert.match(told[1]!, /version="1".*<dialog id="a&lt;b" direction="recipient"><state>early<\/state>/);
  assert.match(told[2]!, /version="2".*<state>confirmed<\/state>/);

  phone.send('server', subscribe({ cseq: 2, toTag, expires: 0 }));
  await wind(10);
  await answerAll();
  assert.match(told[3]!, /Subscription-State: terminated;reason=timeout/);
  assert.deepEqual(notifier.snapshot(), { subscriptions: 0 });
});

test('a subscription that is not refreshed ends, one whose NOTIFY is refused is forgotten', async (t) => {
  const { phone, wind, notifier, told, answerAll } = await watched(t);
  phone.send('server', subscribe({ expires: 30 }));
  await wind(10);
  const toTag = phone.heard[0]!.toTag!;
  await answerAll();
  await wind(20_000);
  phone.send('server', subscribe({ cseq: 2, toTag, expires: 30 }));
  await wind(10);
  await answerAll();
  await wind(20_000);
  assert.deepEqual(notifier.snapshot(), { subscriptions: 1 });
  await wind(11_000);
  await answerAll();
  assert.match(told.at(-1)!, /terminated;reason=timeout/);
  phone.send('server', subscribe({ cseq: 3 }));
  await wind(10);
  await answerAll('481 Gone');
  assert.deepEqual(notifier.snapshot(), { subscriptions: 0 });
});

test('what cannot be watched is refused, each with its own status', async (t) => {
  const { phone, wind, lamps, server } = await watched(t);
  phone.send('server', subscribe({ event: 'presence' }));
  phone.send('server', subscribe({ cseq: 2, expires: 5 }));
  await wind(10);
  lamps.delete('200');
  phone.send('server', subscribe({ cseq: 3 }));
  await wind(10);
  assert.deepEqual(phone.lines, ['SIP/2.0 489 Bad Event', 'SIP/2.0 423 Interval Too Brief', 'SIP/2.0 404 Not Found']);
  assert.equal(phone.heard[0]!.get('Allow-Events'), 'dialog');
  assert.equal((server.snapshot() as { subscriptions: number }).subscriptions, 0);
});

test('where callers are asked who they are, watchers are too', async (t) => {
  const { network, wind, agent } = town(t);
  const server = await agent('server', { credentials: passwordIs('x') });
  server.notifier('dialog', { contentType: 'application/dialog-info+xml', body: () => '' });
  const phone = handPhone(network, 'phone');
  phone.send('server', subscribe());
  await wind(10);
  assert.deepEqual(phone.lines, ['SIP/2.0 401 Unauthorized']);
});

test('a message summary says what waits', () => {
  assert.equal(
    messageSummary('sip:200@server', { unheard: 2, heard: 8 }),
    'Messages-Waiting: yes\r\nMessage-Account: sip:200@server\r\nVoice-Message: 2/8\r\n',
  );
});

test('a text goes from one agent to another, with digest, and is refused where nobody reads', async (t) => {
  const { wind, agent } = town(t);
  const server = await agent('server', { credentials: passwordIs('x') });
  const phone = await agent('phone');
  const send = () =>
    phone.message({
      target: 'sip:alarms@server',
      from: { user: '1001' },
      contentType: 'application/scaip+xml',
      body: '<mrq/>',
      credentials: { user: '1001', password: 'x' },
    });
  const early = send();
  await wind(20);
  assert.deepEqual(await early, { kind: 'answered', status: 405 });
  const texts: unknown[] = [];
  server.on('message', ({ account, contentType, body, to, accept }) => {
    texts.push([account, contentType, body, to.user]);
    accept();
  });
  const sent = send();
  await wind(20);
  assert.deepEqual(await sent, { kind: 'answered', status: 200 });
  assert.deepEqual(texts, [['1001', 'application/scaip+xml', '<mrq/>', 'alarms']]);
});
