import assert from 'node:assert/strict';
import { test } from 'node:test';

import { seededChance } from '#kernel/chance.ts';
import { ManualClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { Request, Response } from '../message/message.ts';
import { MemoryNetwork } from '../transport/memory-network.ts';
import { TransactionLayer, type ServerTransaction } from './transaction-layer.ts';

/** Alice and Bob, transaction layers on a network in memory; Bob answers as `answer` says. */
function pair(answer: (request: Request, transaction: ServerTransaction) => void = () => {}) {
  const clock = new ManualClock(0);
  const network = new MemoryNetwork(clock);
  const heard: string[] = [];
  const atBob: string[] = [];
  const common = { clock, log: silentLog };
  const alice = new TransactionLayer({
    ...common,
    chance: seededChance('alice'),
    transport: network.open('alice'),
    user: { onRequest() {}, onAck() {} },
  });
  const bob = new TransactionLayer({
    ...common,
    chance: seededChance('bob'),
    transport: network.open('bob'),
    user: {
      onRequest(request, transaction) {
        atBob.push(request.method);
        answer(request, transaction);
      },
      onAck: () => atBob.push('ACK for 2xx'),
    },
  });
  function send(method: string, transport: 'udp' | 'tcp' = 'udp') {
    const request = new Request(method, 'sip:bob')
      .add('From', '<sip:a@alice>;tag=a')
      .add('To', '<sip:b@bob>')
      .add('Call-ID', 'c1')
      .add('CSeq', `1 ${method}`);
    const flow = network.transportAt({ host: 'alice', port: 5060 })!.flowTo({ transport, host: 'bob', port: 5060 });
    return alice.send(request, flow, {
      onResponse: ({ status }) => heard.push(String(status)),
      onTimeout: () => heard.push('timeout'),
      onTransportError: () => heard.push('transport error'),
    });
  }
  /** When lines beginning so were sent. */
  const sentAt = (start: string) => network.sent.filter(({ text }) => text.startsWith(start)).map(({ atMs }) => atMs);
  return { clock, network, alice, bob, heard, atBob, send, sentAt };
}

const status = (code: number) => (request: Request, transaction: ServerTransaction) =>
  transaction.respond(Response.to(request, code, { toTag: 'b' }));

test('an INVITE that nobody hears is sent at 0, 500, 1500 … and given up after 32 s', () => {
  const { clock, network, heard, send, sentAt, alice } = pair();
  network.weather = () => [];
  send('INVITE');
  clock.advance(31_999);
  assert.deepEqual(sentAt('INVITE'), [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
  assert.deepEqual(heard, []);
  clock.advance(1);
  assert.deepEqual(heard, ['timeout']);
  assert.deepEqual([clock.pending, alice.snapshot().clientTransactions], [0, 0]);
});

test('another request that nobody hears is sent at intervals up to T2 and given up after 32 s', () => {
  const { clock, network, heard, send, sentAt } = pair();
  network.weather = () => [];
  send('OPTIONS');
  clock.advance(40_000);
  assert.deepEqual(sentAt('OPTIONS'), [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
  assert.deepEqual(heard, ['timeout']);
});

test('a provisional response stops the INVITE’s repeating, and slows that of others to T2', () => {
  const ringing = pair(status(180));
  ringing.send('INVITE');
  ringing.clock.advance(60_000);
  assert.deepEqual([ringing.sentAt('INVITE'), ringing.heard], [[0], ['180']]);
  const trying = pair(status(100));
  trying.send('OPTIONS');
  trying.clock.advance(9000);
  assert.deepEqual(trying.sentAt('OPTIONS'), [0, 4000, 8000]);
  trying.clock.advance(30_000);
  assert.equal(trying.heard.at(-1), 'timeout');
});

test('a final failure is acknowledged by the transaction, again for each repeat, and absorbed until timer D', () => {
  const { clock, network, heard, send, sentAt, atBob, alice, bob } = pair(status(486));
  let acks = 0;
  network.weather = (bytes) => (bytes.toString().startsWith('ACK') && (acks += 1) <= 2 ? [] : [0]);
  send('INVITE');
  clock.advance(5000);
  assert.deepEqual(heard, ['486']);
  assert.deepEqual(sentAt('SIP/2.0 486'), [0, 500, 1500]);
  assert.equal(acks, 3);
  assert.deepEqual(atBob, ['INVITE'], 'the ACK stays in the transaction');
  clock.advance(40_000);
  assert.deepEqual([alice.snapshot().clientTransactions, bob.snapshot().serverTransactions, clock.pending], [0, 0, 0]);
});

test('a failure that is never acknowledged is repeated up to T2 and given up by timer H', () => {
  const { clock, network, send, sentAt, bob } = pair(status(486));
  network.weather = (bytes) => (bytes.toString().startsWith('ACK') ? [] : [0]);
  send('INVITE');
  clock.advance(32_000);
  assert.deepEqual(sentAt('SIP/2.0 486'), [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
  assert.equal(bob.snapshot().serverTransactions, 0);
});

test('every 2xx is passed up for 32 s, and repeated INVITEs are absorbed (RFC 6026)', () => {
  const { clock, network, heard, send, atBob, bob, alice } = pair(status(200));
  network.weather = (bytes) => (bytes.toString().startsWith('INVITE') ? [0, 10] : [0, 20]);
  send('INVITE');
  clock.advance(100);
  assert.deepEqual(heard, ['200', '200']);
  assert.deepEqual(atBob, ['INVITE']);
  clock.advance(32_000);
  assert.deepEqual([alice.snapshot().clientTransactions, bob.snapshot().serverTransactions], [0, 0]);
});

test('a doubled request is served once and answered twice, until timer J', () => {
  const { clock, network, heard, send, atBob, sentAt, bob } = pair(status(200));
  network.weather = (bytes) => (bytes.toString().startsWith('OPTIONS') ? [0, 50] : [0]);
  send('OPTIONS');
  clock.advance(100);
  assert.deepEqual([atBob, sentAt('SIP/2.0 200'), heard], [['OPTIONS'], [0, 50], ['200']]);
  clock.advance(31_950);
  assert.equal(bob.snapshot().serverTransactions, 0);
});

test('over a reliable transport nothing is repeated and nothing waits for stragglers', () => {
  const { clock, send, sentAt, heard, alice, bob } = pair((request, transaction) =>
    transaction.respond(Response.to(request, request.method === 'INVITE' ? 486 : 200, { toTag: 'b' })),
  );
  send('OPTIONS', 'tcp');
  send('INVITE', 'tcp');
  clock.advance(10);
  assert.deepEqual(heard, ['200', '486']);
  assert.deepEqual([sentAt('OPTIONS'), sentAt('INVITE')], [[0], [0]]);
  assert.deepEqual([alice.snapshot().clientTransactions, bob.snapshot().serverTransactions, clock.pending], [0, 0, 0]);
});

test('a connection that is refused is a transport error', () => {
  const { clock, network, alice, heard } = pair();
  const flow = network.transportAt({ host: 'alice', port: 5060 })!.flowTo({ transport: 'tcp', host: 'no', port: 5060 });
  const request = new Request('OPTIONS', 'sip:no').add('CSeq', '1 OPTIONS');
  alice.send(request, flow, { onResponse() {}, onTimeout() {}, onTransportError: (why) => heard.push(why) });
  clock.advance(1);
  assert.deepEqual(heard, ['connection refused']);
});

test('in bad weather, two hundred requests all end, each once', () => {
  const { clock, network, heard, send, alice, bob } = pair((request, transaction) => {
    transaction.respond(Response.to(request, 180, { toTag: 'b' }));
    transaction.respond(Response.to(request, request.method === 'INVITE' ? 486 : 200, { toTag: 'b' }));
  });
  const chance = seededChance('weather');
  // A third is lost, a fifth doubled, all are delayed by up to 300 ms and so overtake each other.
  network.weather = () => {
    const delay = () => chance.fraction() * 300;
    const luck = chance.fraction();
    return luck < 0.33 ? [] : luck < 0.53 ? [delay(), delay()] : [delay()];
  };
  for (let i = 0; i < 200; i += 1) send(i % 2 ? 'INVITE' : 'OPTIONS');
  clock.advance(120_000);
  const finals = heard.filter((line) => line !== '180');
  assert.equal(finals.length, 200);
  assert.ok(finals.filter((line) => line === 'timeout').length <= 2, 'a third lost is not enough to fail');
  assert.deepEqual([alice.snapshot().clientTransactions, bob.snapshot().serverTransactions, clock.pending], [0, 0, 0]);
});

test('responses go to the source with rport, to the port of Via without, and carry where it came from', () => {
  const { clock, network } = pair(status(200));
  const phone = network.open('phone', 4444);
  const listening = network.open('phone', 5060);
  const heard: string[] = [];
  phone.deliverTo((message) => heard.push(`4444 ${message.get('Via')}`));
  listening.deliverTo((message) => heard.push(`5060 ${message.get('Via')}`));
  const text = (via: string) =>
    `OPTIONS sip:bob SIP/2.0\r\nVia: SIP/2.0/UDP ${via}\r\nFrom: <sip:p@phone>;tag=p\r\nTo: <sip:bob>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n`;
  const flow = phone.flowTo({ transport: 'udp', host: 'bob', port: 5060 });
  flow.send(Buffer.from(text('10.9.9.9;branch=z9hG4bKa;rport')));
  flow.send(Buffer.from(text('10.9.9.9;branch=z9hG4bKb')));
  clock.advance(1);
  assert.deepEqual(heard.sort(), [
    '4444 SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKa;rport=4444;received=phone',
    '5060 SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKb;received=phone',
  ]);
});

test('a CANCEL finds its INVITE, and a request of RFC 2543 without a branch finds its repeat', () => {
  const invites: ReturnType<TransactionLayer['inviteMeantBy']>[] = [];
  const seen: string[] = [];
  const { clock, network, bob } = pair((request, transaction) => {
    seen.push(request.method);
    if (request.method === 'CANCEL') invites.push(bob.inviteMeantBy(request));
    else transaction.respond(Response.to(request, 180));
  });
  const old = network.open('old');
  const text = (method: string) =>
    `${method} sip:bob SIP/2.0\r\nVia: SIP/2.0/UDP old\r\nFrom: <sip:o@old>\r\nTo: <sip:bob>\r\nCall-ID: x\r\nCSeq: 1 ${method}\r\n\r\n`;
  const flow = old.flowTo({ transport: 'udp', host: 'bob', port: 5060 });
  for (const method of ['INVITE', 'INVITE', 'CANCEL']) flow.send(Buffer.from(text(method)));
  clock.advance(1);
  assert.deepEqual(seen, ['INVITE', 'CANCEL']);
  assert.equal(invites[0]?.request.method, 'INVITE');
});
