import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';

import { ManualClock } from '#kernel/clock.ts';
import { Request } from '../message/message.ts';
import { ClosedSignal } from '../transport/closed-signal.ts';
import type { Flow, TransportKind } from '../transport/flow.ts';
import type { Binding } from './binding.ts';
import type { BindingStore } from './binding-store.ts';
import { REGISTRAR_LIMITS, Registrar } from './registrar.ts';

function flowFrom(host: string, transport: TransportKind = 'udp') {
  const closed = new ClosedSignal();
  const flow: Flow = {
    transport,
    isReliable: transport !== 'udp',
    remote: { host, port: 5060 },
    get isOpen() {
      return !closed.isClosed;
    },
    send() {},
    onClosed: (listener) => closed.onClosed(listener),
  };
  return { flow, close: () => closed.close() };
}

async function office(t: TestContext, store?: BindingStore) {
  const clock = new ManualClock();
  const registrar = await Registrar.open({ store, clock });
  t.after(() => registrar[Symbol.asyncDispose]());
  let cseq = 0;
  async function register(
    contacts: string[],
    options: {
      callId?: string;
      cseq?: number;
      expires?: string;
      flow?: Flow;
      /** Of a proxy in between. */
      via?: string;
      headers?: Record<string, string>;
    } = {},
  ) {
    cseq += 1;
    const request = new Request('REGISTER', 'sip:tocsin')
      .add('Via', 'SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1')
      .add('From', '<sip:1001@tocsin>;tag=1')
      .add('To', '<sip:1001@tocsin>')
      .add('Call-ID', options.callId ?? 'phone')
      .add('CSeq', `${options.cseq ?? cseq} REGISTER`);
    if (options.via !== undefined) request.add('Via', options.via);
    for (const [name, value] of Object.entries(options.headers ?? {})) request.add(name, value);
    for (const contact of contacts) request.add('Contact', contact);
    if (options.expires !== undefined) request.add('Expires', options.expires);
    const response = await registrar.register(request, '1001', options.flow ?? flowFrom('10.0.0.5').flow, 'tag');
    return { status: response.status, contacts: response.all('Contact'), response };
  }
  const contactsOf = () => registrar.lookup('1001').map(({ contact }) => contact);
  return { clock, registrar, register, contactsOf };
}

test('bindings are kept in order of preference and told back with their time left', async (t) => {
  const { register, clock, contactsOf } = await office(t);
  await register(['<sip:1001@10.0.0.5>;q=0.5;expires=600']);
  clock.advance(10_000);
  const { contacts } = await register(['<sip:1001@10.0.0.6>;expires=60'], { callId: 'other' });
  assert.deepEqual(contacts, ['<sip:1001@10.0.0.6>;expires=60', '<sip:1001@10.0.0.5>;q=0.5;expires=590']);
  assert.deepEqual(contactsOf(), ['sip:1001@10.0.0.6', 'sip:1001@10.0.0.5']);
  assert.deepEqual((await register([])).contacts.length, 2, 'a REGISTER without Contact only asks');
});

test('a binding ends when its time is over, and that is news', async (t) => {
  const { register, clock, registrar, contactsOf } = await office(t);
  const news: number[] = [];
  registrar.on('bindings-changed', (_user, bindings) => news.push(bindings.length));
  await register(['<sip:1001@10.0.0.5>'], { expires: '30' });
  await register(['<sip:1001@10.0.0.5>'], { expires: '30' });
  clock.advance(29_999);
  assert.equal(contactsOf().length, 1);
  clock.advance(1);
  assert.equal(contactsOf().length, 0);
  clock.advance(REGISTRAR_LIMITS.sweepEveryMs);
  assert.deepEqual(news, [1, 0], 'a refresh is no news');
});

test('times are bounded: too short is refused, too long is cut, nonsense is an hour', async (t) => {
  const { register } = await office(t);
  const short = await register(['<sip:1001@10.0.0.5>;expires=1']);
  assert.deepEqual([short.status, short.response.get('Min-Expires')], [423, '5']);
  assert.match((await register(['<sip:1001@10.0.0.5>;expires=999999'])).contacts[0]!, /expires=7200$/);
  assert.match((await register(['<sip:1001@10.0.0.5>;expires=280297596632815'])).contacts[0]!, /expires=3600$/);
});

test('expires=0 removes one, * with Expires: 0 removes all, * otherwise is malformed', async (t) => {
  const { register, contactsOf } = await office(t);
  await register(['<sip:1001@10.0.0.5>', '<sip:1001@10.0.0.6>', '<sip:1001@10.0.0.7>']);
  await register(['<sip:1001@10.0.0.6>;expires=0']);
  assert.deepEqual(contactsOf(), ['sip:1001@10.0.0.5', 'sip:1001@10.0.0.7']);
  await assert.rejects(register(['*']), { status: 400 });
  await assert.rejects(register(['*', '<sip:1001@10.0.0.5>'], { expires: '0' }), { status: 400 });
  assert.equal((await register(['*'], { expires: '0' })).status, 200);
  assert.deepEqual(contactsOf(), []);
});

test('an older request of the same client changes nothing (RFC 3261 §10.3)', async (t) => {
  const { register, contactsOf } = await office(t);
  await register(['<sip:1001@10.0.0.5>'], { cseq: 10 });
  assert.equal((await register(['<sip:1001@10.0.0.5>;expires=0'], { cseq: 9 })).status, 500);
  assert.equal((await register(['*'], { cseq: 9, expires: '0' })).status, 500);
  assert.equal(contactsOf().length, 1);
  assert.equal((await register(['<sip:1001@10.0.0.5>;expires=0'], { cseq: 1, callId: 'restarted' })).status, 200);
  assert.equal(contactsOf().length, 0);
});

test('a restarted phone replaces its old contact by its instance', async (t) => {
  const { register, contactsOf } = await office(t);
  const instance = '+sip.instance="<urn:uuid:1>"';
  await register([`<sip:1001@10.0.0.5:1111>;${instance}`]);
  await register([`<sip:1001@10.0.0.5:2222>;${instance}`], { callId: 'restarted' });
  assert.deepEqual(contactsOf(), ['sip:1001@10.0.0.5:2222']);
});

test('nobody has more than ten bindings', async (t) => {
  const { register, contactsOf } = await office(t);
  for (let i = 0; i < REGISTRAR_LIMITS.bindingsPerUser; i += 1) await register([`<sip:1001@10.0.1.${i}>`]);
  assert.equal((await register(['<sip:1001@10.0.2.1>'])).status, 503);
  assert.equal((await register(['<sip:1001@10.0.1.1>'])).status, 200, 'a refresh is always taken');
  assert.equal(contactsOf().length, REGISTRAR_LIMITS.bindingsPerUser);
});

test('a contact behind a NAT, on a connection or a WebSocket is bound to its flow', async (t) => {
  const { register, registrar } = await office(t);
  const webSocket = flowFrom('10.0.0.9', 'ws');
  await register(['<sip:1001@10.0.0.5>;q=1']);
  await register(['<sip:1001@192.168.1.2>;q=0.9'], { callId: 'nat' });
  await register(['<sip:x@abc.invalid;transport=ws>;q=0.8'], { callId: 'ws', flow: webSocket.flow });
  const bindings = registrar.lookup('1001');
  assert.deepEqual(
    bindings.map(({ isFlowBound, isWebSocket }) => [isFlowBound, isWebSocket]),
    [
      [false, false],
      [true, false],
      [true, true],
    ],
  );
  assert.equal(registrar.flowOf(bindings[2]!), webSocket.flow);
  webSocket.close();
  assert.equal(registrar.lookup('1001').length, 2, 'a closed WebSocket takes its binding along');
});

/** A store that takes its time. */
function slowStore(loaded: Binding[] = []) {
  const held = new Map(loaded.map((binding) => [binding.contact, binding]));
  const store: BindingStore = {
    load: async () => [...held.values()],
    put: async (bindings) => {
      await new Promise(setImmediate);
      for (const binding of bindings) held.set(binding.contact, binding);
    },
    remove: async (bindings) => {
      await new Promise(setImmediate);
      for (const { contact } of bindings) held.delete(contact);
    },
  };
  return { store, held };
}

test('what is confirmed is in the store, and comes back after a restart but for WebSockets and what is over', async (t) => {
  const { store, held } = slowStore();
  const { register, clock } = await office(t, store);
  await Promise.all([
    register(['<sip:1001@10.0.0.5>;expires=60'], { callId: 'a' }),
    register(['<sip:1001@10.0.0.6>;expires=6000'], { callId: 'b' }),
    register(['<sip:1001@10.0.0.7>;expires=6000'], { callId: 'c', flow: flowFrom('10.0.0.7', 'ws').flow }),
  ]);
  assert.equal(held.size, 3, 'none was lost though they came at once');
  clock.advance(1000);
  const later = new ManualClock(clock.now() + 100_000);
  const restarted = await Registrar.open({ store, clock: later });
  assert.deepEqual(
    restarted.lookup('1001').map(({ contact }) => contact),
    ['sip:1001@10.0.0.6'],
  );
  assert.deepEqual([...held.keys()], ['sip:1001@10.0.0.6']);
  await restarted[Symbol.asyncDispose]();
});

test('a store that fails makes the answer fail, and nothing is bound', async (t) => {
  const { store } = slowStore();
  store.put = () => Promise.reject(new Error('disk full'));
  const { register, contactsOf } = await office(t, store);
  await assert.rejects(register(['<sip:1001@10.0.0.5>']), /disk full/);
  assert.deepEqual(contactsOf(), []);
});

test('a phone behind proxies is kept with the way to it, which is told back (RFC 3327)', async (t) => {
  const { register, registrar } = await office(t);
  const path = ['<sip:edge2.example;lr>', '<sip:token@edge1.example;lr;ob>'];
  const { response } = await register(['<sip:1001@192.168.1.5>'], { headers: { Path: path.join(', ') } });
  assert.deepEqual(response.all('Path'), path);
  const [binding] = registrar.lookup('1001');
  assert.deepEqual(binding?.path, path);
  assert.equal(binding?.isFlowBound, false, 'the proxy is asked, wherever the REGISTER came from');
  await assert.rejects(async () => await register(['<sip:1001@10.0.0.9>'], { headers: { Path: '<nonsense' } }));
});

test('a phone keeps several flows, each replaced by its like alone (RFC 5626)', async (t) => {
  const { register, registrar } = await office(t);
  const contact = (regId: number) => `<sip:1001@10.0.0.5>;+sip.instance="<urn:uuid:1>";reg-id=${regId}`;
  const headers = { Supported: 'path, outbound' };
  const first = await register([contact(1)], { headers });
  assert.equal(first.response.get('Require'), 'outbound');
  await register([contact(2)], { headers, callId: 'second flow' });
  await register([contact(1)], { headers, callId: 'restarted' });
  assert.deepEqual(
    registrar.lookup('1001').map(({ regId, callId }) => [regId, callId]),
    [
      [2, 'second flow'],
      [1, 'restarted'],
    ],
  );
  await register([contact(3)], { callId: 'without the option' });
  assert.equal(registrar.lookup('1001').length, 1, 'reg-id means nothing then: the phone has one flow');
});

test('several flows through a proxy need one that keeps them apart, else 439 (RFC 5626)', async (t) => {
  const { register } = await office(t);
  const contact = '<sip:1001@10.0.0.5>;+sip.instance="<urn:uuid:1>";reg-id=1';
  const via = 'SIP/2.0/UDP 10.0.0.7;branch=z9hG4bKp';
  const by = (Path: string) => ({ headers: { Supported: 'path, outbound', Path }, via });
  assert.equal((await register([contact], by('<sip:edge;lr>'))).status, 439);
  assert.equal((await register([contact], by('<sip:t@edge;lr;ob>'))).status, 200);
});
