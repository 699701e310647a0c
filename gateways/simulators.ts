/**
 * The simulated edge of a demonstration site as a process of its own, so that it can be left out, killed and started again
 * without touching server or gateways. Spawned with an IPC channel: `{kind: 'start', config}` → `{kind: 'ready', addresses}`;
 * `{kind: 'control', id, ask}` → `{kind: 'answer', id, answer}`; `{kind: 'stop'}` or the parent's end ends it.
 */
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { openLog } from '@tocsin/server/kernel/log.ts';
import { startDemoEdges, type DemoAnswer, type DemoControl, type DemoEdges, type DemoEdgesConfig } from './demo.ts';
import { onProcessShouldEnd } from './kit/parent.ts';

export type ToSimulators =
  | { kind: 'start'; config: DemoEdgesConfig }
  | { kind: 'control'; id: string | number; ask: DemoControl }
  | { kind: 'stop' };

export type FromSimulators =
  | { kind: 'ready'; addresses: DemoEdges['addresses'] }
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

process.on('message', (message: ToSimulators) => {
  if (message.kind === 'start')
    startDemoEdges(message.config, { clock: systemClock, chance: systemChance, log }).then(
      (opened) => {
        edges = opened;
        tell({ kind: 'ready', addresses: opened.addresses });
      },
      (error: Error) => {
        log.error('simulators could not start', { error });
        tell({ kind: 'failed', why: error.message });
      },
    );
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
