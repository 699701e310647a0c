import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { seededChance } from '#kernel/chance.ts';
import { ManualClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { type DigestSecret, digestSecret } from '../auth/digest.ts';
import type { IncomingInvite } from '../session/incoming-invite.ts';
import { MemoryNetwork } from '../transport/memory-network.ts';
import type { Agent } from './agent.ts';
import type { UserAgentOptions } from './face.ts';
import { openUserAgent } from './user-agent.ts';

export const OFFER =
  'v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n';
export const ANSWER = OFFER.replaceAll('10.0.0.1', '10.0.0.2');

export const passwordIs =
  (password: string) =>
  async (user: string): Promise<DigestSecret | undefined> =>
    /^\d+$/.test(user) ? digestSecret(user, 'tocsin', password) : undefined;

/** A network in memory with a clock wound by hand, for tests of whole user agents. */
export function town(t: TestContext) {
  const clock = new ManualClock();
  const network = new MemoryNetwork(clock);
  const agents: Agent[] = [];

  /** Winds the clock in small steps, letting promises run in between. */
  async function wind(byMs: number): Promise<void> {
    const stepMs = Math.max(1, Math.min(20, byMs / 50));
    for (let left = byMs; left > 0; left -= stepMs) {
      clock.advance(Math.min(stepMs, left));
      await setImmediate();
    }
  }

  async function agent(host: string, options: Partial<UserAgentOptions> = {}): Promise<Agent> {
    const transport = network.open(host);
    const chance = seededChance(host, () => clock.now());
    const common = { host, port: 5060, clock, chance, log: silentLog, transport };
    const opened = (await openUserAgent({ ...common, ...options })) as Agent;
    agents.push(opened);
    return opened;
  }

  /** The next call that comes in to `callee`. */
  const nextCall = (callee: Agent): Promise<IncomingInvite> => new Promise((resolve) => callee.once('invite', resolve));

  t.after(async () => {
    const closing = Promise.all(agents.map((one) => one[Symbol.asyncDispose]()));
    await wind(2000);
    await closing;
    // Whatever was opened is closed, timers included: a process that is done must be able to end.
    assert.equal(clock.pending, 0, 'timers are still set after closing');
  });
  return { clock, network, wind, agent, nextCall };
}

/** A phone made by hand: sends text, gathers what comes back. */
export function handPhone(network: MemoryNetwork, host: string) {
  const transport = network.open(host);
  const heard: import('../message/message.ts').SipMessage[] = [];
  transport.deliverTo((message) => heard.push(message));
  return {
    heard,
    send(to: string, text: string) {
      const [head = '', ...body] = text.split('\n\n');
      const bytes = `${head.replaceAll('\n', '\r\n')}\r\n\r\n${body.join('\r\n\r\n')}`;
      transport.flowTo({ transport: 'udp', host: to, port: 5060 }).send(Buffer.from(bytes));
    },
    /** Status lines and request lines heard so far. */
    get lines(): string[] {
      return heard.map((message) => message.toString().split('\r\n', 1)[0]!);
    },
  };
}
