/**
 * The simulated edge of a demonstration site as a process of its own, so that it can be left out, killed and started again
 * without touching server or gateways. Spawned with an IPC channel: `{kind: 'start', config}` → `{kind: 'ready', addresses}`, or
 * `{kind: 'start-site', site, options}` → the same with `gateways`, the configuration that `gateways/main.ts` is to be started with;
 * `{kind: 'control', id, ask}` → `{kind: 'answer', id, answer}`; `{kind: 'stop'}` or the parent's end ends it.
 */
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { openLog } from '@tocsin/server/kernel/log.ts';
import type { Site } from '@tocsin/protocol/directory.ts';
import type { GatewaysConfig } from './config.ts';
import { startDemoEdges, type DemoAnswer, type DemoControl, type DemoEdges, type DemoEdgesConfig } from './demo.ts';
import { demoEdgesOfSite, gatewaysOfSite, type DemoSiteOptions } from './demo-site.ts';
import { onProcessShouldEnd } from './kit/parent.ts';

export type ToSimulators =
  | { kind: 'start'; config: DemoEdgesConfig }
  /** `site` as protocol's Site. */
  | { kind: 'start-site'; site: Site; options: DemoSiteOptions }
  | { kind: 'control'; id: string | number; ask: DemoControl }
  | { kind: 'stop' };

export type FromSimulators =
  | { kind: 'ready'; addresses: DemoEdges['addresses']; gateways?: GatewaysConfig }
  | { kind: 'failed'; why: string }
  | { kind: 'answer'; id: string | number; answer: DemoAnswer };

/** This long is given to the simulators to end in order; then the process ends anyway. */
const END_WITHIN_MS = 4000;

const log = openLog((process.env.TOCSIN_LOG as 'info' | undefined) ?? 'warn');
let edges: DemoEdges | undefined;

function tell(message: FromSimulators) {
  if (process.connected) process.send?.(message);
}

onProcessShouldEnd(() => {
  systemClock.after(END_WITHIN_MS, () => process.exit(1));
  Promise.resolve(edges?.[Symbol.asyncDispose]()).then(
    () => process.exit(0),
    () => process.exit(1),
  );
});

async function start(config: DemoEdgesConfig, gatewaysOf?: (addresses: DemoEdges['addresses']) => GatewaysConfig) {
  try {
    edges = await startDemoEdges(config, { clock: systemClock, chance: systemChance, log });
    const { addresses } = edges;
    tell({ kind: 'ready', addresses, ...(gatewaysOf && { gateways: gatewaysOf(addresses) }) });
  } catch (error) {
    log.error('simulators could not start', { error });
    tell({ kind: 'failed', why: (error as Error).message });
  }
}

process.on('message', (message: ToSimulators) => {
  if (message.kind === 'start') void start(message.config);
  if (message.kind === 'start-site') {
    const { site, options } = message;
    void start(demoEdgesOfSite(site, options), (addresses) => gatewaysOfSite(site, options, addresses));
  }
  if (message.kind === 'control') {
    const { id, ask } = message;
    const answer =
      edges?.control(ask) ?? Promise.resolve<DemoAnswer>({ ok: false, because: 'the simulators are not open yet' });
    answer.then(
      (done) => tell({ kind: 'answer', id, answer: done }),
      (error: Error) => tell({ kind: 'answer', id, answer: { ok: false, because: error.message } }),
    );
  }
});
