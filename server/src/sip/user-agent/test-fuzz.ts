/**
 * A fuzzer for whole user agents: spoilt copies of real traffic and of the torture messages go to agents in calls,
 * registrations and subscriptions. Nothing may be logged as a failure of ours, every agent must still answer, and nothing
 * may stay behind when all times have run out.
 *
 *   nice -n 19 node server/src/sip/user-agent/test-fuzz.ts [rounds] [seed]
 */
import { readFileSync, readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';

import { seededChance } from '#kernel/chance.ts';
import { ManualClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { digestSecret } from '../auth/digest.ts';
import { numbers, spoil } from '../message/fuzz.ts';
import { MemoryNetwork } from '../transport/memory-network.ts';
import type { UserAgent, UserAgentOptions } from './face.ts';
import { openUserAgent } from './user-agent.ts';

const SDP = 'v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n';
const TORTURE = new URL('../message/torture/', import.meta.url);
const HOSTS = ['server', 'guarded', 'phone'] as const;
/** How far time goes on with each message: a second holds twenty of them. */
const STEP_MS = 50;
/** Real calls are made anew so often, so that dialogs are there to be hit. */
const CALLS_EVERY = 20_000;

interface AgentFuzzReport {
  rounds: number;
  /** What was logged as a failure of ours. */
  failures: unknown[];
  /** Answered OPTIONS at the end, of as many agents. */
  alive: number;
  /** What is left when every timer of the RFC has run out: transactions and dialogs. */
  left: number;
  /** Memory in use by the collector's count, early and at the end, in MB. */
  heapMb: { early: number; end: number };
}

/** Runs `rounds` of spoilt messages, or until `untilMs` of the wall clock. */
export async function fuzzAgents(rounds: number, seed: number, untilMs = Infinity): Promise<AgentFuzzReport> {
  const clock = new ManualClock();
  const network = new MemoryNetwork(clock);
  const failures: unknown[] = [];
  const fail = (message: string, data?: object) => failures.length < 20 && failures.push(message, data);
  const log = { ...silentLog, error: fail };
  const open = (host: string, options: Partial<UserAgentOptions> = {}) =>
    openUserAgent({
      ...{ host, port: 5060, clock, log, chance: seededChance(host, () => clock.now()), transport: network.open(host) },
      ...options,
    });
  const server = await open('server');
  const guarded = await open('guarded', { credentials: async (user) => digestSecret(user, 'tocsin', 'x') });
  const phone = await open('phone');
  answerEverything(server);
  server.notifier('dialog', { contentType: 'application/dialog-info+xml', body: () => '<dialog-info/>' });

  const wind = async (byMs: number) => {
    for (let left = byMs; left > 0; left -= STEP_MS) {
      clock.advance(Math.min(left, STEP_MS));
      await setImmediate();
    }
  };
  let seeds: Buffer[] = [];
  const makeTraffic = async () => {
    network.sent.length = 0;
    const call = phone.invite({ target: 'sip:200@server', from: { user: '100' }, offer: SDP });
    await wind(500);
    const outcome = await call.outcome;
    const registration = phone.register({ registrar: 'sip:guarded', user: '1001', password: 'x', expiresS: 60 });
    const sent = phone.message({ target: 'sip:200@server', from: { user: '100' }, body: 'hello' });
    if (outcome.kind === 'answered') {
      void outcome.dialog.reinvite(SDP);
      void outcome.dialog.refer('sip:x@y');
      void outcome.dialog.info('application/dtmf-relay', 'Signal=5');
    }
    phone.invite({ target: 'sip:200@server', from: { user: '100' }, offer: SDP }).cancel('test');
    await wind(2000);
    await sent;
    seeds = [...network.sent.map(({ text }) => Buffer.from(text)), ...tortureSeeds()];
    // They go on ringing and talking while the spoilt messages come.
    return () => {
      if (outcome.kind === 'answered') void outcome.dialog.bye();
      void registration[Symbol.asyncDispose]();
    };
  };

  const below = numbers(seed);
  const stranger = network.open('stranger');
  const flows = HOSTS.map((host) => stranger.flowTo({ transport: 'udp', host, port: 5060 }));
  let endTraffic = () => {};
  let early = 0;
  let round = 0;
  for (; round < rounds && Date.now() < untilMs; round += 1) {
    if (round % CALLS_EVERY === 0) {
      endTraffic();
      endTraffic = await makeTraffic();
    }
    flows[round % flows.length]!.send(spoil(seeds[below(seeds.length)]!, seeds, below));
    clock.advance(STEP_MS);
    if (round % 4 === 0) await setImmediate();
    network.sent.length = 0;
    if (round === CALLS_EVERY) early = heapMb();
  }
  endTraffic();
  await wind(1000);
  const pings = HOSTS.map((host) => server.ping(`sip:${host}`, 1000));
  await wind(200);
  const alive = (await Promise.all(pings)).filter(({ kind }) => kind === 'answered').length;
  // Registrations, subscriptions, session timers and transactions have all run out after the longest Expires.
  for (let hours = 0; hours < 3; hours += 1) {
    clock.advance(3_600_000);
    await setImmediate();
  }
  await wind(70_000);
  const left = [server, guarded, phone].map(leftIn).reduce((sum, count) => sum + count, 0);
  const report = { rounds: round, failures, alive, left, heapMb: { early, end: heapMb() } };
  const closing = [server, guarded, phone].map((agent) => agent[Symbol.asyncDispose]());
  await wind(2000);
  await Promise.all(closing);
  return report;
}

function answerEverything(agent: UserAgent): void {
  agent.on('message', ({ accept }) => accept());
  agent.on('invite', (call) => {
    call.ring();
    call.answer(SDP).then(
      (dialog) => {
        dialog.on('reoffer', ({ answer }) => answer(SDP));
        dialog.on('refer', ({ accept }) => accept().notify(200, 'OK'));
      },
      () => {},
    );
  });
}

const tortureSeeds = (): Buffer[] => readdirSync(TORTURE).map((file) => readFileSync(new URL(file, TORTURE)));

function leftIn(agent: UserAgent): number {
  const snapshot = agent.snapshot() as { clientTransactions: number; serverTransactions: number; dialogs: number };
  return snapshot.clientTransactions + snapshot.serverTransactions + snapshot.dialogs;
}

function heapMb(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return Math.round(process.memoryUsage().heapUsed / 1e5) / 10;
}

if (import.meta.main) {
  const report = await fuzzAgents(Number(process.argv[2] ?? 1_000_000), Number(process.argv[3] ?? 1));
  console.log(JSON.stringify(report));
  if (report.failures.length > 0 || report.alive < HOSTS.length || report.left > 0) process.exitCode = 1;
}
