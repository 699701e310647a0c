/** A room in which plans are run by hand: for tests of the plans only. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { RunView } from '@tocsin/protocol/views.ts';
import { seededChance } from '#kernel/chance.ts';
import { ManualClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import { openTestStore } from '#store/test-database.ts';
import type { NewEntry } from '#timeline/entry.ts';
import type { Timeline } from '#timeline/timeline.ts';
import { loadPlan } from './load.ts';
import type { Plan } from './plan.ts';
import { openRuns } from './runs.ts';
import { testPorts } from './test-desk.ts';

type Ports = ReturnType<typeof testPorts>;

/** Runs on a real database, with ports that a test pulls by hand. A second room on the same store is the server restarted. */
export async function room(
  t: TestContext,
  document: string,
  { store, clock = new ManualClock(), desk }: { store?: Store; clock?: ManualClock; desk?: Ports } = {},
) {
  const database = store ?? (await openTestStore(t));
  const ports = desk ?? testPorts(clock);
  const plans = new Map<string, Plan>([['p', planFrom(document, ports)]]);
  const entries: NewEntry[] = [];
  const timeline = {
    append: (entry: NewEntry) => (entries.push(entry), Promise.resolve(entry)),
  } as unknown as Timeline;
  const runs = openRuns({
    store: database,
    timeline,
    planOf: (id) => plans.get(id),
    ports: ports.ports,
    clock,
    chance: seededChance(`runs-${clock.now()}`, () => clock.now()),
    log: silentLog,
  });
  t.after(() => runs[Symbol.asyncDispose]());
  const start = (more = {}) => runs.start({ plan: 'p', startedBy: 'dispatcher', ...more });
  const view = async (id: string) => (await runs.get(id))!;
  const until = async (condition: () => unknown) => {
    for (let turn = 0; turn < 2000 && !(await condition()); turn++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    assert.ok(await condition(), `waited in vain for ${condition}`);
  };
  /** Waits until a step is in this state. */
  const reaches = (id: string, step: string, state: string) =>
    until(async () => stepOf(await view(id), step).state === state);
  return { ...ports, runs, start, view, until, reaches, entries, clock, store: database };
}

function planFrom(steps: string, { ports }: Ports): Plan {
  const text = `id: p\nname: { zh: 预案 }\nversion: 1\nlevel: 1\nparameters:\n  village: { type: text, name: { zh: 村 }, default: 石桥 }\nsteps:\n${steps}`;
  const outcome = loadPlan(text, ports.directory);
  if (outcome.kind === 'invalid') assert.fail(JSON.stringify(outcome.problems));
  return outcome.plan;
}

export function stepOf(run: RunView, id: string) {
  return run.steps.find((step) => step.id === id)!;
}

export function ledgerOf(run: RunView): Record<string, string> {
  return Object.fromEntries(
    run.ledger.map((row) => [`${row.person}/${row.channel}${row.standsInFor ? `/${row.standsInFor}` : ''}`, row.state]),
  );
}

/** A step in YAML, on one line. */
export const step = (id: string, kind: string, rest: string) =>
  `  - { id: ${id}, kind: ${kind}, name: { zh: ${id} }, ${rest} }\n`;
