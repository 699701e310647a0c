import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';

import { WebSocket } from 'ws';

import { systemChance } from '#kernel/chance.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import type { Request } from '../message/message.ts';
import { parseDatagram } from '../message/parse.ts';
import { ANSWER, OFFER } from './test-town.ts';
import { openUserAgent } from './user-agent.ts';

test('a phone made by hand registers over a WebSocket, is called over it, hangs up, and is gone with it', async (t) => {
  const agent = await openUserAgent({
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    chance: systemChance,
    log: silentLog,
  });
  t.after(() => agent[Symbol.asyncDispose]());
  const http = createServer().listen(0, '127.0.0.1');
  t.after(() => http.close());
  http.on('upgrade', (request, socket, head) => agent.handleWebSocketUpgrade(request, socket, head));
  await once(http, 'listening');
  const phone = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/sip`, 'sip');
  await once(phone, 'open');
  const send = (text: string, body = '') =>
    phone.send(`${text.trim().replaceAll('\n', '\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  const next = async (): Promise<Request> => {
    const parsed = parseDatagram(((await once(phone, 'message')) as [Buffer])[0]);
    assert.ok(parsed.kind === 'message');
    return parsed.message as Request;
  };

  send(`
REGISTER sip:tocsin SIP/2.0
Via: SIP/2.0/WS abc.invalid;branch=z9hG4bKr
From: <sip:1001@tocsin>;tag=w
To: <sip:1001@tocsin>
Call-ID: ws
CSeq: 1 REGISTER
Contact: <sip:xyz@abc.invalid;transport=ws>;expires=300`);
  assert.match((await next()).toString(), /^SIP\/2\.0 200/);
  const [binding] = agent.registrar.lookup('1001');
  assert.equal(binding?.isWebSocket, true);

  const call = agent.invite({ target: binding, from: { user: '9' }, offer: OFFER });
  const invite = await next();
  assert.equal(invite.requestUri, 'sip:xyz@abc.invalid;transport=ws');
  assert.equal(invite.via.transport, 'WS');
  const copied = (['Via', 'From', 'Call-ID', 'CSeq'] as const).map((name) => `${name}: ${invite.get(name)}`).join('\n');
  const acked = next();
  send(
    `SIP/2.0 200 OK
${copied}
To: ${invite.get('To')};tag=phone
Contact: <sip:xyz@abc.invalid;transport=ws>
Content-Type: application/sdp`,
    ANSWER,
  );
  assert.equal((await acked).method, 'ACK');
  const outcome = await call.outcome;
  assert.ok(outcome.kind === 'answered');

  const ended = new Promise((resolve) => outcome.dialog.once('ended', resolve));
  send(`
BYE sip:9@server SIP/2.0
Via: SIP/2.0/WS abc.invalid;branch=z9hG4bKb
From: ${invite.get('To')};tag=phone
To: ${invite.get('From')}
Call-ID: ${invite.callId}
CSeq: 1 BYE`);
  assert.deepEqual(await ended, { by: 'remote', reason: undefined, q850: undefined });

  const gone = new Promise((resolve) => agent.once('bindings-changed', (_user, bindings) => resolve(bindings)));
  phone.close();
  assert.deepEqual(await gone, []);
  const late = await agent.invite({ target: binding, from: { user: '9' }, offer: OFFER }).outcome;
  assert.equal(late.kind, 'unreachable');
});
