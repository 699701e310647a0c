import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Request, Response } from '../message/message.ts';
import type { Flow } from '../transport/flow.ts';
import { Dialog } from './dialog.ts';
import { hopOfText } from './hop.ts';

const flowFrom = (host: string, transport: Flow['transport'] = 'udp'): Flow => ({
  transport,
  isReliable: transport !== 'udp',
  remote: { host, port: 5060 },
  isOpen: true,
  send() {},
  onClosed: () => () => {},
});

function invite(contact: string, ...recordRoutes: string[]): Request {
  const request = new Request('INVITE', 'sip:bob@b')
    .add('Via', 'SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1')
    .add('From', 'Alice <sip:alice@a>;tag=a')
    .add('To', '<sip:bob@b>')
    .add('Call-ID', 'c')
    .add('CSeq', '7 INVITE')
    .add('Contact', contact);
  for (const route of recordRoutes) request.add('Record-Route', route);
  return request;
}

test('the callee’s route set is in order, the caller’s reversed (RFC 3261 §12.1)', () => {
  const request = invite('<sip:alice@10.0.0.1>', '<sip:p1;lr>, <sip:p2;lr>', '<sip:p3;lr>');
  const callee = Dialog.asUas(request, 'b', flowFrom('10.0.0.1'));
  assert.deepEqual(callee.routeSet, ['<sip:p1;lr>', '<sip:p2;lr>', '<sip:p3;lr>']);
  assert.deepEqual(callee.nextHop, { transport: 'udp', host: 'p1', port: 5060 });
  const response = Response.to(request, 200, { toTag: 'b' }).add('Contact', '<sip:bob@10.0.0.2:5070;transport=tcp>');
  for (const route of request.all('Record-Route')) response.add('Record-Route', route);
  const caller = Dialog.asUac(request, response, undefined);
  assert.deepEqual(caller.routeSet, ['<sip:p3;lr>', '<sip:p2;lr>', '<sip:p1;lr>']);
  assert.equal(callee.id, `c|b|a`);
  assert.equal(caller.id, `c|a|b`);
});

test('a request in the dialog goes to the target with the routes, tags and the next CSeq', () => {
  const callee = Dialog.asUas(invite('<sip:alice@10.0.0.1>', '<sip:p1;lr>'), 'b', flowFrom('10.0.0.1'));
  const bye = callee.request('BYE');
  assert.equal(bye.requestUri, 'sip:alice@10.0.0.1');
  assert.deepEqual(bye.all('Route'), ['<sip:p1;lr>']);
  assert.equal(bye.get('From'), '<sip:bob@b>;tag=b');
  assert.equal(bye.get('To'), 'Alice <sip:alice@a>;tag=a');
  assert.deepEqual(bye.cseq, { number: 1, method: 'BYE' });
  assert.equal(callee.request('INFO').cseq.number, 2);
  assert.equal(callee.request('ACK', 1).cseq.number, 1);
});

test('a strict router becomes the Request-URI and the target the last route (§12.2.1.1)', () => {
  const callee = Dialog.asUas(invite('<sip:alice@10.0.0.1>', '<sip:strict>', '<sip:p2;lr>'), 'b', flowFrom('10.0.0.1'));
  const bye = callee.request('BYE');
  assert.equal(bye.requestUri, 'sip:strict');
  assert.deepEqual(bye.all('Route'), ['<sip:p2;lr>', '<sip:alice@10.0.0.1>']);
});

test('CSeq goes up only', () => {
  const callee = Dialog.asUas(invite('<sip:alice@10.0.0.1>'), 'b', flowFrom('10.0.0.1'));
  const info = (number: number) => new Request('INFO', 'sip:bob@b').add('CSeq', `${number} INFO`);
  assert.deepEqual(
    [7, 8, 8, 20, 9].map((number) => callee.takeCSeq(info(number))),
    [false, true, false, true, false],
  );
});

test('a peer behind a NAT or on a connection is reached over its flow, any other at its Contact', () => {
  const flowOf = (contact: string, flow: Flow) => Dialog.asUas(invite(contact), 'b', flow).flow;
  const udp = flowFrom('203.0.113.9');
  const tcp = flowFrom('203.0.113.9', 'tcp');
  assert.equal(flowOf('<sip:alice@203.0.113.9:5062>', udp), undefined);
  assert.equal(flowOf('<sip:alice@192.168.1.7>', udp), udp);
  assert.equal(flowOf('<sip:alice@192.168.1.7;transport=tcp>', tcp), tcp);
  const viaProxy = invite('<sip:alice@192.168.1.7>');
  viaProxy.prepend('Via', 'SIP/2.0/UDP proxy;branch=z9hG4bK2');
  assert.equal(Dialog.asUas(viaProxy, 'b', udp).flow, undefined);
});

test('a URI says host, port and transport; what we cannot do leads nowhere', () => {
  assert.deepEqual(hopOfText('sip:a@h'), { transport: 'udp', host: 'h', port: 5060 });
  assert.deepEqual(hopOfText('sip:[::1]:5070;transport=TCP'), { transport: 'tcp', host: '[::1]', port: 5070 });
  assert.deepEqual(hopOfText('sips:a@h'), { transport: 'tls', host: 'h', port: 5061 });
  assert.deepEqual(hopOfText('sip:a@h:5071;transport=tls'), { transport: 'tls', host: 'h', port: 5071 });
  for (const uri of ['sips:a@h;transport=udp', 'sip:a@h;transport=ws', 'tel:110', 'nonsense'])
    assert.equal(hopOfText(uri), undefined, uri);
});
