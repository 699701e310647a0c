/**
 * What a call costs the whole switch: Tocsin as it is installed (routing, lines, media legs, the timeline in its database),
 * with SIPp on both sides: a caller on the carrier's trunk dials 9 and a number, which goes out by the same trunk to SIPp's
 * answering end. In turn with it Asterisk as a back-to-back user agent, where a root with Asterisk is named (see
 * docs/performance.md). Then the load of the budget: calls at a rate for a while, how many went by the scenario, and whether
 * the timeline has them all. The talkers send no sound. Prints one JSON line.
 *
 *   ASTERISK_ROOT=/path/to/root node bench/switch.bench.ts [calls a run] [a second] [a second under load] [seconds of load]
 */
import { pause } from '../scenarios/kit/wait.ts';
import type { Tocsin } from '../scenarios/kit/tocsin.ts';
import { startAsterisk } from './asterisk.ts';
import { carrierAt, type House, inHouse } from './house.ts';
import { cpuOfTree, MACHINE, median, runSipp, startAnswerer, trySipp } from './sip-load.ts';

const RUNS = 3;
const ANSWERER_PORT = 15_290;
/** One of those that the site's trunk takes calls from. */
const CALLER_PORT = 15_755;

const calls = Number(process.argv[2] ?? 250);
const perSecond = Number(process.argv[3] ?? 25);
const loadPerSecond = Number(process.argv[4] ?? 500);
const loadSeconds = Number(process.argv[5] ?? 60);

console.log(JSON.stringify(await inHouse((site) => carrierAt(site, ANSWERER_PORT), measure)));

async function measure({ tocsin }: House) {
  const answerer = await startAnswerer(ANSWERER_PORT);
  const asterisk = await startAsterisk(process.env['ASTERISK_ROOT'], ANSWERER_PORT);
  const ours = {
    scenario: 'uac',
    port: tocsin.sipPort,
    fromPort: CALLER_PORT,
    dials: '913800138000',
    calls,
    perSecond,
  };
  const theirs = { scenario: 'uac', port: asterisk?.port ?? 0, calls, perSecond };
  await runSipp(ours); // Until code is compiled.
  if (asterisk) await runSipp({ ...theirs, calls: 50 });
  const idle = await cost(tocsin.pid, 1, () => pause(5000));

  const costs: Record<'tocsin' | 'asterisk', number[]> = { tocsin: [], asterisk: [] };
  for (let run = 0; run < RUNS; run += 1) {
    costs.tocsin.push(await cost(tocsin.pid, calls, () => runSipp(ours)));
    if (asterisk) costs.asterisk.push(await cost(asterisk.pid, calls, () => runSipp(theirs)));
  }
  await asterisk?.stop();

  const offered = loadPerSecond * loadSeconds;
  const before = await callsOnTimeline(tocsin);
  const load = await trySipp({ ...ours, calls: offered, perSecond: loadPerSecond });
  const onTimeline = (await callsOnTimeline(tocsin)) - before;
  answerer.kill();
  return {
    bench: 'switch',
    machine: MACHINE,
    method: `${RUNS} runs in turn of ${calls} calls at ${perSecond}/s, trunk to trunk, INVITE 100 180 200 ACK BYE 200, no sound; CPU of the process and its children (ours: media thread, database); medians`,
    cpuSecondsPer1000: {
      tocsin: median(costs.tocsin),
      asterisk: asterisk && median(costs.asterisk),
      tocsinIdlePerSecond: idle / 5 / 1000,
    },
    load: { offered, perSecond: loadPerSecond, ...load, onTimeline },
    runs: costs,
  };
}

/** CPU seconds that 1000 of these cost. */
async function cost(pid: number, count: number, run: () => Promise<void>): Promise<number> {
  const before = cpuOfTree(pid);
  await run();
  return (cpuOfTree(pid) - before) / (count / 1000);
}

/** How many calls have ended according to the timeline, once that has stood still for three seconds. */
async function callsOnTimeline(tocsin: Tocsin): Promise<number> {
  let count = 0;
  let afterSeq = 0;
  for (let quiet = 0; quiet < 3;) {
    const entries = await tocsin.timeline({ kind: 'call.ended', afterSeq, limit: 5000 });
    count += entries.length;
    afterSeq = entries.at(-1)?.seq ?? afterSeq;
    quiet = entries.length > 0 ? 0 : quiet + 1;
    if (quiet > 0) await pause(1000);
  }
  return count;
}
