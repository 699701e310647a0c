import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parse, stringify } from 'yaml';

const SHIPPED = join(import.meta.dirname, '../../plans');

/** A plan document as it stands in its file. */
export interface PlanDocument {
  id: string;
  steps: ({ id: string; kind: string } & Record<string, unknown>)[];
  [field: string]: unknown;
}

/** A folder with those shipped plans that the story names, each altered: fewer repetitions, say, so that the story is short. */
export async function planFolder(t: TestContext, plans: Record<string, (plan: PlanDocument) => void>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-plans-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const [id, alter] of Object.entries(plans)) {
    const plan = parse(await readFile(join(SHIPPED, `${id}.plan.yaml`), 'utf8')) as PlanDocument;
    alter(plan);
    await writeFile(join(folder, `${id}.plan.yaml`), stringify(plan));
  }
  return folder;
}

/** The step of a plan with this id, to be altered. */
export function stepOf(plan: PlanDocument, id: string): Record<string, unknown> {
  const step = plan.steps.find((each) => each.id === id);
  if (!step) throw new Error(`the plan ${plan.id} has no step ${id}`);
  return step;
}
