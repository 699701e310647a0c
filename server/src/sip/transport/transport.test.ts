import assert from 'node:assert/strict';
import { type Socket as UdpSocket, createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { type TestContext, test } from 'node:test';

import { WebSocket } from 'ws';

import { ManualClock, systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { Request, Response, type SipMessage } from '../message/message.ts';
import { MESSAGE_LIMITS } from '../message/parse.ts';
import type { Flow } from './flow.ts';
import { openSipTransport } from './sip-transport.ts';
import { type Frame, StreamFramer } from './stream-framer.ts';
import { SourceThrottle } from './throttle.ts';

const OPTIONS = (transport: string, extra = '') =>
  `OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/${transport} 10.9.9.9;branch=z9hG4bK1;rport\r\nFrom: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n${extra}\r\n`;

async function listening(t: TestContext) {
  const throttled: string[] = [];
  const transport = await openSipTransport({
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    log: silentLog,
    onThrottled: (source) => throttled.push(source),
  });
  t.after(() => transport[Symbol.asyncDispose]());
  const heard: { message: SipMessage; flow: Flow }[] = [];
  transport.deliverTo((message, flow) => {
    heard.push({ message, flow });
    if (message instanceof Request) flow.send(Response.to(message, 200, { toTag: 't' }).toBuffer());
  });
  return { transport, port: transport.address.port, heard, throttled };
}

async function tcpTo(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

const textOf = async (socket: Socket | UdpSocket, event: 'data' | 'message'): Promise<string> =>
  String(((await once(socket, event)) as [Buffer])[0]);

test('UDP and TCP listen on the same port, and a taken port is said so', async (t) => {
  const { port } = await listening(t);
  assert.ok(port > 0);
  await assert.rejects(openSipTransport({ host: '127.0.0.1', port, clock: systemClock, log: silentLog }), {
    code: 'PORT_IN_USE',
  });
});

test('a datagram is answered where it came from', async (t) => {
  const { port } = await listening(t);
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  socket.send(OPTIONS('UDP'), port, '127.0.0.1');
  const answer = await textOf(socket, 'message');
  assert.match(answer, /^SIP\/2\.0 200/);
  assert.match(answer, new RegExp(`rport=${socket.address().port};received=127\\.0\\.0\\.1`));
});

test('garbage by UDP is counted, answered 400 while it is not too much, and hurts nobody', async (t) => {
  const { transport, port, throttled } = await listening(t);
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  let refused = 0;
  let served = 0;
  socket.on('message', (bytes) => (bytes.toString().startsWith('SIP/2.0 400') ? (refused += 1) : (served += 1)));
  socket.send(Buffer.from([0, 1, 2, 3, 4, 5, 6, 7]), port, '127.0.0.1');
  socket.send('\r\n\r\n', port, '127.0.0.1');
  for (let i = 0; i < 40; i += 1) socket.send(OPTIONS('UDP').replace('Call-ID: 1\r\n', ''), port, '127.0.0.1');
  socket.send(OPTIONS('UDP'), port, '127.0.0.1');
  while (served === 0) await once(socket, 'message');
  assert.equal(refused, 19, 'twenty misdeeds are answered, of which one had no Via');
  assert.deepEqual(throttled, ['127.0.0.1']);
  assert.deepEqual(transport.snapshot(), {
    received: 42,
    garbage: 41,
    tcpConnections: 0,
    tlsConnections: 0,
    webSockets: 0,
  });
});

test('a TCP stream is cut by Content-Length wherever it breaks, and pings are answered', async (t) => {
  const { port, heard } = await listening(t);
  const socket = await tcpTo(t, port);
  socket.setNoDelay(true);
  const bytes = Buffer.from(
    OPTIONS('TCP', 'l: 5\r\n') + 'hello' + '\r\n\r\n' + OPTIONS('TCP', 'Content-Length: 0\r\n'),
  );
  let answers = '';
  socket.on('data', (chunk) => (answers += chunk.toString()));
  for (let i = 0; i < bytes.length; i += 7) {
    socket.write(bytes.subarray(i, i + 7));
    if (i % 70 === 0) await new Promise(setImmediate);
  }
  while (heard.length < 2 || (answers.match(/200 OK/g)?.length ?? 0) < 2) await once(socket, 'data');
  assert.equal(heard[0]?.message.bodyText, 'hello');
  assert.match(answers, /\r\n\r\n\r\nSIP\/2\.0 200/, 'the pong stands between the answers');
  assert.equal(heard[0]?.flow, heard[1]?.flow);
});

test('a stream without Content-Length, or with one too large, is closed', async (t) => {
  const { port } = await listening(t);
  for (const extra of ['', 'Content-Length: 99999999\r\n', 'Content-Length: -1\r\n']) {
    const socket = await tcpTo(t, port);
    socket.write(OPTIONS('TCP', extra));
    await once(socket, 'close');
  }
});

test('a connection opened by the peer is used for our requests to it as well', async (t) => {
  const { port, heard, transport } = await listening(t);
  const socket = await tcpTo(t, port);
  socket.write(OPTIONS('TCP', 'Content-Length: 0\r\n'));
  await once(socket, 'data');
  const flow = transport.flowTo({ transport: 'tcp', host: '127.0.0.1', port: (socket.address() as AddressInfo).port });
  assert.equal(flow, heard[0]?.flow);
});

test('a connection that is refused tells everyone who waited for it', async (t) => {
  const { transport } = await listening(t);
  const why = await new Promise<string>((resolve) =>
    transport.flowTo({ transport: 'tcp', host: '127.0.0.1', port: 1 })!.send(Buffer.from('x'), resolve),
  );
  assert.match(why, /ECONNREFUSED/);
});

test('a WebSocket with subprotocol sip carries messages, pings and is told when it ends', async (t) => {
  const { transport, heard } = await listening(t);
  const http = createServer().listen(0, '127.0.0.1');
  t.after(() => http.close());
  http.on('upgrade', (request, socket, head) => transport.handleWebSocketUpgrade(request, socket, head));
  await once(http, 'listening');
  const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/sip`;
  const stranger = new WebSocket(url, 'chat');
  await assert.rejects(once(stranger, 'open'), /400/);
  const phone = new WebSocket(url, 'sip');
  await once(phone, 'open');
  phone.send('\r\n\r\n');
  assert.equal(String((await once(phone, 'message'))[0]), '\r\n');
  phone.send(OPTIONS('WS'));
  assert.match(String((await once(phone, 'message'))[0]), /^SIP\/2\.0 200/);
  const { flow } = heard[0]!;
  assert.deepEqual([flow.transport, flow.isReliable, flow.isOpen], ['ws', true, true]);
  const closed = new Promise<void>((resolve) => flow.onClosed(resolve));
  phone.close();
  await closed;
  assert.equal(flow.isOpen, false);
  assert.ok(await new Promise((resolve) => flow.send(Buffer.from('x'), resolve)));
});

test('a stream’s head that never ends breaks it at the limit', () => {
  const framer = new StreamFramer();
  const frames: Frame[] = [];
  for (let i = 0; i < 100 && frames.length === 0; i += 1) frames.push(...framer.push(Buffer.alloc(1024, 'x')));
  assert.equal(frames[0]?.kind, 'broken');
  assert.ok(MESSAGE_LIMITS.headBytes < 100 * 1024);
});

test('a throttle logs a source once in its window and forgets with it', () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = { ...silentLog, warn: (message: string) => lines.push(message) };
  const throttle = new SourceThrottle({ what: 'x', limit: 3, windowMs: 1000, clock, log });
  const counts = () => Array.from({ length: 5 }, () => throttle.count('a'));
  assert.deepEqual(counts(), [false, false, false, true, true]);
  assert.deepEqual([throttle.isOver('a'), throttle.isOver('b')], [true, false]);
  clock.advance(1000);
  assert.equal(throttle.isOver('a'), false);
  counts();
  assert.deepEqual([lines.length, throttle.total], [2, 10]);
});
