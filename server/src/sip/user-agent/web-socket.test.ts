import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';

import { WebSocket } from 'ws';

import { systemChance } from '#kernel/chance.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import type { Request } from '../message/message.ts';
import { parseDatagram } from '../message/parse.ts';
import { testCertificates } from '../transport/test-certificates.ts';
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

test(
  'over a secure WebSocket our requests say WSS, and their answers find us',
  { skip: testCertificates === undefined && 'openssl is not installed' },
  async (t) => {
    const common = { host: '127.0.0.1', port: 0, clock: systemClock, chance: systemChance, log: silentLog };
    const agent = await openUserAgent(common);
    t.after(() => agent[Symbol.asyncDispose]());
    const { ca, cert, key } = testCertificates!;
    const https = createSecureServer({ cert, key }).listen(0, '127.0.0.1');
    t.after(() => https.close());
    https.on('upgrade', (request, socket, head) => agent.handleWebSocketUpgrade(request, socket, head));
    await once(https, 'listening');
    const phone = new WebSocket(`wss://127.0.0.1:${(https.address() as AddressInfo).port}/sip`, 'sip', { ca });
    t.after(() => phone.terminate());
    await once(phone, 'open');
    const register =
      'REGISTER sip:tocsin SIP/2.0\nVia: SIP/2.0/WSS x.invalid;branch=z9hG4bK1\nMax-Forwards: 70\nFrom: <sip:7@tocsin>;tag=7\nTo: <sip:7@tocsin>\nCall-ID: secure\nCSeq: 1 REGISTER\nContact: <sip:7@x.invalid;transport=ws>\nContent-Length: 0\n\n';
    phone.send(register.replaceAll('\n', '\r\n'));
    assert.match(String((await once(phone, 'message'))[0]), /^SIP\/2\.0 200 /);
    const [binding] = agent.registrar.lookup('7');
    const call = agent.invite({ target: binding!, from: { user: '100' }, offer: OFFER });
    const invite = String((await once(phone, 'message'))[0]);
    assert.match(invite, /\r\nVia: SIP\/2\.0\/WSS 127\.0\.0\.1:/);
    const copied = invite.split('\r\n').filter((line) => /^(?:Via|From|To|Call-ID|CSeq):/.test(line));
    phone.send(
      `SIP/2.0 486 Busy Here\r\n${copied.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`.replace(
        /(\r\nTo: [^\r]*)/,
        '$1;tag=9',
      ),
    );
    const outcome = await call.outcome;
    assert.ok(outcome.kind === 'refused' && outcome.status === 486, JSON.stringify(outcome));
  },
);
