/**
 * Memory over hours: a whole server under modest calls and registrations, its resident memory and its heap sampled every
 * 15 s. The slope is that of a straight line through the samples after the first quarter, in which caches fill. Prints one
 * JSON line.
 *
 *   node bench/soak.bench.ts [minutes] [calls a second]
 */
import { pause } from '../scenarios/kit/wait.ts';
import { round } from './percentiles.ts';
import { carrierAt, type House, inHouse, residentMb } from './house.ts';
import { cpuOfTree, MACHINE, startAnswerer, trySipp } from './sip-load.ts';

const SAMPLE_MS = 15_000;
const HOLD_MS = 3000;
const ANSWERER_PORT = 15_190;
const CALLER_PORT = 15_655;
const minutes = Number(process.argv[2] ?? 60);
const perSecond = Number(process.argv[3] ?? 4);

console.log(JSON.stringify(await inHouse((site) => carrierAt(site, ANSWERER_PORT), measure)));

async function measure({ tocsin }: House) {
  const answerer = await startAnswerer(ANSWERER_PORT);
  const load = trySipp({
    ...{ scenario: 'uac', port: tocsin.sipPort, fromPort: CALLER_PORT, dials: '913800138000', holdMs: HOLD_MS },
    ...{ calls: Math.round(minutes * 60 * perSecond), perSecond },
  });
  let isOver = false;
  void load.finally(() => (isOver = true));
  const samples: { atMinute: number; residentMb: number; heapMb: number }[] = [];
  const beganMs = performance.now();
  const cpuBefore = cpuOfTree(tocsin.pid);
  for (;;) {
    await pause(SAMPLE_MS);
    if (isOver) break;
    const metrics = await (await fetch(`${tocsin.http}/metrics`)).text();
    const heap = /^nodejs_heap_size_used_bytes(?:\{[^}]*\})? (\S+)$/m.exec(metrics)?.[1];
    samples.push({
      atMinute: (performance.now() - beganMs) / 60_000,
      residentMb: residentMb(tocsin.pid),
      heapMb: Number(heap ?? NaN) / 2 ** 20,
    });
  }
  const { succeeded, failed } = await load;
  answerer.kill();
  const settled = samples.filter(({ atMinute }) => atMinute > minutes / 4);
  return {
    bench: 'soak',
    machine: MACHINE,
    method: `${perSecond} calls a second of ${HOLD_MS / 1000} s, trunk to trunk, without sound; memory every ${SAMPLE_MS / 1000} s, slope over the last three quarters`,
    minutes,
    calls: { succeeded, failed },
    cpuSecondsPerCall: round((cpuOfTree(tocsin.pid) - cpuBefore) / (succeeded + failed)),
    residentMb: range(settled.map(({ residentMb }) => residentMb)),
    residentMbPerHour: round(slope(settled.map(({ atMinute, residentMb }) => [atMinute / 60, residentMb]))),
    heapMb: range(settled.map(({ heapMb }) => heapMb)),
    heapMbPerHour: round(slope(settled.map(({ atMinute, heapMb }) => [atMinute / 60, heapMb]))),
    samples: samples.map(({ residentMb }) => Math.round(residentMb)),
  };
}

/** Of the straight line that fits best. */
function slope(points: [x: number, y: number][]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const over = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  return over / points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
}

function range(values: number[]) {
  return { least: round(Math.min(...values)), most: round(Math.max(...values)) };
}
