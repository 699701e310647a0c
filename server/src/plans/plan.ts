/**
 * The plan document: what a planner writes in `plans/<id>.plan.yaml`. Its JSON Schema is published as
 * `docs/protocol/plan.schema.json`, generated from here; `docs/protocol/plan.md` explains it.
 */
import { Id, Level, Name } from '@tocsin/protocol/common.ts';
import { z } from 'zod';
import { STEP_KINDS } from './steps/all.ts';
import { Text } from './text.ts';

/** Limits of a document; what is over them is refused with a problem at its line. */
export const PLAN_LIMITS = { bytes: 128 * 1024, depth: 12, aliases: 50, steps: 60, parameters: 30 } as const;

/** A value that is chosen when the plan is started. */
export const PlanParameter = z
  .strictObject({
    type: z.enum(['text', 'number', 'boolean', 'person', 'group', 'zone', 'channel', 'gauge']),
    name: Name,
    default: z.union([z.string().max(200), z.number(), z.boolean()]).optional(),
    /** Only these are taken. */
    choices: z
      .array(z.union([z.string().max(200), z.number()]))
      .max(30)
      .optional(),
  })
  .meta({ description: 'A value chosen when the plan is started; without default it must be given.' });
export type PlanParameter = z.output<typeof PlanParameter>;

const Condition = z.union([
  z.strictObject({ parameter: z.string().max(64), is: z.union([z.string(), z.number(), z.boolean()]) }),
  z.strictObject({ parameter: z.string().max(64), above: z.number() }),
  z.strictObject({ parameter: z.string().max(64), below: z.number() }),
  z.strictObject({ step: Id, outcome: z.enum(['done', 'failed', 'skipped']) }),
  z.strictObject({ step: Id, choice: Id }),
  z.strictObject({ drill: z.boolean() }),
]);
export type Condition = z.output<typeof Condition>;

/** What every step has, whatever its kind. */
export const STEP_FIELDS = {
  id: Id,
  name: Name,
  after: z
    .array(Id)
    .max(30)
    .default([])
    .meta({ description: 'Steps that must have ended first; absent: starts at once.' }),
  when: z
    .union([Condition, z.array(Condition).min(1).max(10)])
    .optional()
    .meta({ description: 'Skipped unless this holds (a list: all of it). A step named here is waited for.' }),
  timeoutS: z
    .number()
    .int()
    .min(1)
    .max(86_400)
    .optional()
    .meta({ description: 'Fails when it has not ended by then.' }),
  onFailure: z.enum(['continue', 'stop']).default('continue').meta({ description: '`stop` ends the whole run.' }),
};

/** One schema for each kind of step, refusing fields that it does not know. */
export const STEP_SCHEMAS: ReadonlyMap<string, z.ZodObject> = new Map(
  STEP_KINDS.map((step) => [
    step.kind,
    z.strictObject({ ...STEP_FIELDS, kind: z.literal(step.kind), ...step.settings.shape }),
  ]),
);

/** A step as the run sees it: the common fields typed, its own settings opaque to all but its kind. */
export interface PlanStep {
  id: string;
  kind: string;
  name: Name;
  after: string[];
  when?: Condition | Condition[];
  timeoutS?: number;
  onFailure: 'continue' | 'stop';
  /** The step's own settings, parsed by its kind. */
  settings: Record<string, unknown>;
}

/** Which alarms bring the plan forward by themselves. */
export const PlanTrigger = z
  .strictObject({
    /** Every condition given must hold. */
    alarmKind: z.string().max(40).optional(),
    device: Id.optional(),
    gauge: Id.optional(),
    /** The alarm is this grave or graver (1 is the gravest). */
    level: Level.optional(),
    do: z.enum(['propose', 'start']).default('propose'),
  })
  .meta({ description: 'Alarms that propose this plan on their card, or start it without a press.' });
export type PlanTrigger = z.output<typeof PlanTrigger>;

const header = {
  id: Id,
  name: Name,
  version: z
    .union([z.string().min(1).max(40), z.number()])
    .transform(String)
    .pipe(z.string()),
  description: Text.optional(),
  level: Level.optional().meta({ description: 'Warning level, 1 the gravest; level of the incident that it opens.' }),
  triggers: z.array(PlanTrigger).max(20).default([]),
  parameters: z.record(z.string().regex(/^[a-z][A-Za-z0-9-]{0,39}$/), PlanParameter).default({}),
};

const stepUnion = z.discriminatedUnion('kind', [...STEP_SCHEMAS.values()] as unknown as [
  z.ZodObject,
  ...z.ZodObject[],
]);

/** The whole document. */
export const PlanDocument = z.strictObject({ ...header, steps: z.array(stepUnion).min(1).max(PLAN_LIMITS.steps) });

export interface Plan extends Omit<z.output<typeof PlanDocument>, 'steps' | 'description'> {
  description?: Name;
  steps: PlanStep[];
}

/** Takes the settings apart from the common fields; the document must have been parsed. */
export function planFrom(document: z.output<typeof PlanDocument>): Plan {
  const { steps, description, ...rest } = document;
  return {
    ...rest,
    description: typeof description === 'string' ? { zh: description } : description,
    steps: steps.map((step) => {
      const { id, kind, name, after, when, timeoutS, onFailure, ...settings } = step as unknown as PlanStep;
      return { id, kind, name, after, when, timeoutS, onFailure, settings: settings as Record<string, unknown> };
    }),
  };
}

/** The published JSON Schema of the document, as it is written and not as it is parsed. */
export function planJsonSchema(): object {
  return z.toJSONSchema(PlanDocument, { io: 'input', unrepresentable: 'any', reused: 'ref' });
}
