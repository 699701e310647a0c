/**
 * What a call holds in memory: a whole server, SIPp on both sides of its trunk; resident memory with calls talking over
 * that without, first of a fresh server with the largest number, which shows what it takes from the system at most, then for
 * each number again, which shows what it takes once its heap has grown. Two legs a call. Prints one JSON line.
 *
 *   node bench/memory.bench.ts [calls,calls,…]
 */
import { pause, until } from '../scenarios/kit/wait.ts';
import type { CallView } from '@tocsin/protocol/views.ts';
import { carrierAt, type House, inHouse, residentMb } from './house.ts';
import { round } from './percentiles.ts';
import { MACHINE, startAnswerer, trySipp } from './sip-load.ts';

const ANSWERER_PORT = 15_390;
const CALLER_PORT = 15_855;
const PER_SECOND = 25;
/** A leg is given up after 20 s without sound. */
const TALK_MS = 14_000;

const sizes = (process.argv[2] ?? '50,200').split(',').map(Number);

console.log(JSON.stringify(await inHouse((site) => carrierAt(site, ANSWERER_PORT), measure)));

async function measure({ tocsin }: House) {
  const answerer = await startAnswerer(ANSWERER_PORT);
  const running = async () =>
    (await tocsin.get<CallView[]>('/api/calls')).filter(({ state }) => state === 'answered').length;
  const talk = async (calls: number) => {
    const before = residentMb(tocsin.pid);
    const load = trySipp({
      ...{ scenario: 'uac', port: tocsin.sipPort, fromPort: CALLER_PORT, dials: '913800138000' },
      ...{ calls, perSecond: PER_SECOND, holdMs: TALK_MS },
    });
    await until(`${calls} calls talk`, async () => (await running()) >= calls);
    const during = residentMb(tocsin.pid);
    const { failed } = await load;
    await until('all calls are over', async () => (await running()) === 0);
    await pause(3000);
    return { calls, failed, beforeMb: round(before), duringMb: round(during) };
  };
  const measured = [];
  for (const calls of [Math.max(...sizes), ...sizes]) {
    const one = await talk(calls);
    measured.push({ ...one, kilobytesPerCall: Math.round(((one.duringMb - one.beforeMb) * 1024) / calls) });
  }
  answerer.kill();
  return {
    bench: 'memory',
    machine: MACHINE,
    method: `resident memory of the server process while calls of two legs talk without sound, over that before them; the first of a fresh server`,
    sizes: measured,
  };
}
