import assert from 'node:assert/strict';
import { test } from 'node:test';

import { seededChance } from '#kernel/chance.ts';
import { ManualClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { Request, Response } from '../message/message.ts';
import { MemoryNetwork } from '../transport/memory-network.ts';
import { badWeather } from '../transport/weather.ts';
import { TransactionLayer } from './transaction-layer.ts';

const SEEDS = 150;
const REQUESTS = 12;
const FINALS = { INVITE: [200, 486, 302, 603], OPTIONS: [200, 404, 500] } as const;

interface Asked {
  method: 'INVITE' | 'OPTIONS';
  callId: string;
  answersAfterMs: number;
  final: number;
  rings: boolean;
  heard: { atMs: number; status: number | 'timeout' }[];
  served: number;
  isAcknowledged: boolean;
}

const requestOf = ({ callId }: Asked, method: string): Request =>
  new Request(method, 'sip:bob')
    .add('From', '<sip:a@alice>;tag=a')
    .add('To', '<sip:b@bob>')
    .add('Call-ID', callId)
    .add('CSeq', `1 ${method}`);

const ackOf = (one: Asked): Request => requestOf(one, 'ACK');

/** Runs a handful of requests through bad weather, each with an answer of its own after a time of its own. */
function storm(seed: number) {
  const clock = new ManualClock(0);
  const network = new MemoryNetwork(clock);
  const chance = seededChance(`storm ${seed}`);
  network.weather = badWeather(chance);
  const pick = (below: number) => Math.floor(chance.fraction() * below);
  const asked = new Map<string, Asked>();
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
        const one = asked.get(request.callId)!;
        one.served += 1;
        if (one.rings)
          transaction.respond(Response.to(request, request.method === 'INVITE' ? 180 : 100, { toTag: 'b' }));
        const answer = () => transaction.respond(Response.to(request, one.final, { toTag: 'b' }));
        // A 2xx is repeated by whoever gave it until its ACK comes (RFC 3261 §13.3.1.4), all else by the transaction.
        const repeat = (afterMs: number) => {
          answer();
          if (request.method !== 'INVITE' || one.final >= 300) return;
          clock.after(afterMs, () => !one.isAcknowledged && repeat(Math.min(afterMs * 2, 4000)));
        };
        clock.after(one.answersAfterMs, () => repeat(500));
      },
      onAck: ({ callId }) => (asked.get(callId)!.isAcknowledged = true),
    },
  });
  const flow = network
    .transportAt({ host: 'alice', port: 5060 })!
    .flowTo({ transport: 'udp', host: 'bob', port: 5060 });
  for (let i = 0; i < REQUESTS; i += 1) {
    const method = i % 2 ? 'INVITE' : 'OPTIONS';
    const finals = FINALS[method];
    const rings = pick(3) > 0;
    const one: Asked = {
      method,
      callId: `c${i}`,
      // An INVITE that rings may do so for long; anything else is answered within the 32 s that the client waits.
      answersAfterMs: pick(method === 'INVITE' && rings ? 60_000 : 20_000) * pick(2),
      final: finals[pick(finals.length)]!,
      rings,
      heard: [],
      served: 0,
      isAcknowledged: false,
    };
    asked.set(one.callId, one);
    alice.send(requestOf(one, method), flow, {
      onResponse(response) {
        const { status } = response;
        one.heard.push({ atMs: clock.now(), status });
        if (method === 'INVITE' && status >= 200 && status < 300) alice.sendAck(ackOf(one), flow);
      },
      onTimeout: () => one.heard.push({ atMs: clock.now(), status: 'timeout' }),
      onTransportError: () => assert.fail('there are no transport errors over UDP'),
    });
  }
  clock.advance(200_000);
  return { clock, network, alice, bob, asked: [...asked.values()] };
}

test(`with 20 % lost, doubled and overtaking, ${SEEDS * REQUESTS} transactions end as RFC 3261 and RFC 6026 say`, () => {
  let timeouts = 0;
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const { clock, network, alice, bob, asked } = storm(seed);
    assert.deepEqual(
      [alice.snapshot().clientTransactions, bob.snapshot().serverTransactions, clock.pending],
      [0, 0, 0],
      `seed ${seed}: every machine comes to its end`,
    );
    for (const one of asked) {
      const about = `seed ${seed} ${one.callId} ${JSON.stringify(one)}`;
      const sentAt = (start: string) =>
        network.sent
          .filter(({ text }) => text.startsWith(start) && text.includes(`\r\nCall-ID: ${one.callId}\r\n`))
          .map(({ atMs }) => atMs);
      assert.ok(one.served <= 1, `a request is served once: ${about}`);
      const ends = one.heard.filter(({ status }) => status === 'timeout' || status >= 200);
      const [end] = ends;
      assert.ok(end, `every request ends: ${about}`);
      if (end.status === 'timeout') timeouts += 1;
      // Timers B and F at 64·T1, but for an INVITE that rings: that ends by its final response alone.
      if (end.status === 'timeout') assert.equal(end.atMs, 32_000, about);
      else assert.equal(end.status, one.final, about);
      // Each 2xx of an INVITE goes up, for its ACK is sent from there; everything else is said once.
      if (!(one.method === 'INVITE' && end.status === 200)) assert.equal(ends.length, 1, about);
      checkRepeats(one, sentAt(one.method), about);
      if (one.method === 'OPTIONS' || end.status === 'timeout') continue;
      const failed = end.status >= 300;
      assert.ok(sentAt('ACK').length > 0, `final responses are acknowledged: ${about}`);
      assert.equal(one.isAcknowledged, !failed, `the ACK of a 2xx goes up, no other: ${about}`);
      if (failed) checkRepeatsOfFailure(sentAt(`SIP/2.0 ${one.final}`), about);
    }
  }
  // An INVITE is tried seven times; with a fifth lost each way all seven exchanges fail once in a thousand.
  assert.ok(timeouts <= 4, `${timeouts} timeouts`);
});

/** Timer A doubles without end; timer E up to T2, and goes at T2 once a provisional response has come. */
function checkRepeats({ method, heard }: Asked, at: number[], about: string): void {
  const stops = method === 'INVITE' ? heard[0] : heard.find(({ status }) => status === 'timeout' || status >= 200);
  const provisionalMs = heard.find(({ status }) => status !== 'timeout' && status < 200)?.atMs ?? Infinity;
  let wanted = 500;
  for (let i = 1; i < at.length; i += 1) {
    assert.ok(at[i]! <= stops!.atMs, `repeated after it was over: ${about}`);
    if (method === 'OPTIONS' && at[i]! > provisionalMs)
      assert.equal(at[i]! - Math.max(at[i - 1]!, provisionalMs), 4000, `timer E at T2: ${about}`);
    else assert.equal(at[i]! - at[i - 1]!, wanted, `repeats ${at.join(' ')}: ${about}`);
    wanted = method === 'INVITE' ? wanted * 2 : Math.min(wanted * 2, 4000);
  }
}

/** Timer G doubles up to T2; between its ticks a repeated INVITE may be answered as well, so the ticks must be among the times. */
function checkRepeatsOfFailure(at: number[], about: string): void {
  let next = at[0]!;
  for (let gap = 500; next + gap <= at.at(-1)!; gap = Math.min(gap * 2, 4000)) {
    next += gap;
    assert.ok(at.includes(next), `timer G is silent at ${next}, sent at ${at.join(' ')}: ${about}`);
  }
}
