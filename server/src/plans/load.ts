/**
 * From a plan file's text to a Plan, or to the list of what is wrong with it, each at its line and column.
 * Four looks, in this order, and a later one only when the earlier found nothing: YAML, shape, names, order.
 */
import { isMap, isPair, isScalar, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import type { z } from 'zod';
import { BUILT_IN_PLACEHOLDERS, placeholdersIn } from './text.ts';
import { nearest, PLACEHOLDER } from './names.ts';
import { PLAN_LIMITS, PlanDocument, planFrom, STEP_SCHEMAS, type Plan, type PlanStep } from './plan.ts';
import type { PlanProblem } from './problem.ts';
import type { Reference, StepDirectory } from './step.ts';
import { STEP_KINDS } from './steps/all.ts';
import { sentenceFor } from './sentences.ts';

export type LoadOutcome = { kind: 'loaded'; plan: Plan } | { kind: 'invalid'; id?: string; problems: PlanProblem[] };

/** No more problems than this are reported at once. */
const PROBLEMS_SHOWN = 50;

/** Reads a plan document and checks it against the site. Never throws for what a planner can write. */
export function loadPlan(text: string, directory: StepDirectory): LoadOutcome {
  const bytes = Buffer.byteLength(text);
  if (bytes > PLAN_LIMITS.bytes) {
    const limit = PLAN_LIMITS.bytes / 1024;
    return invalid([at1(`预案文件超过 ${limit} KiB`, `the plan file is larger than ${limit} KiB`)]);
  }
  const file = readYaml(text);
  if (file.kind === 'invalid') return file;
  const parsed = PlanDocument.safeParse(file.value);
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap((issue) => problemsOf(issue, file));
    return invalid(problems, idIn(file.value));
  }
  const plan = planFrom(parsed.data);
  const problems = [...checkSteps(plan, file), ...checkNames(plan, directory, file), ...checkPlaceholders(plan, file)];
  if (problems.length === 0) problems.push(...checkOrder(plan, file));
  return problems.length === 0 ? { kind: 'loaded', plan } : invalid(problems, plan.id);
}

// --- YAML ---

interface YamlFile {
  kind: 'read';
  value: unknown;
  problem(path: readonly PropertyKey[], words: { zh: string; en: string }, atKey?: string): PlanProblem;
}

function readYaml(text: string): YamlFile | Extract<LoadOutcome, { kind: 'invalid' }> {
  const lines = new LineCounter();
  let document: Document.Parsed;
  let value: unknown;
  try {
    document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false, merge: false });
    const problems = document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return {
        line,
        column: col,
        path: '',
        zh: `不是有效的 YAML：${error.message}`,
        en: `not valid YAML: ${error.message}`,
      };
    });
    if (problems.length > 0) return invalid(problems);
    value = document.toJS({ maxAliasCount: PLAN_LIMITS.aliases });
  } catch (error) {
    // The library recurses: a file of nothing but brackets ends its stack, one of aliases its count.
    const why = error instanceof RangeError ? 'too deeply nested' : String((error as Error).message);
    return invalid([at1(`YAML 无法读取：嵌套或引用过多`, `the YAML cannot be read: ${why}`)]);
  }
  if (depthOf(value) > PLAN_LIMITS.depth) {
    return invalid([at1(`嵌套超过 ${PLAN_LIMITS.depth} 层`, `nested more than ${PLAN_LIMITS.depth} levels deep`)]);
  }
  const problem: YamlFile['problem'] = (path, words, atKey) => {
    const offset = offsetOf(document, path, atKey);
    const { line, col } = lines.linePos(offset);
    const shown = [...path, ...(atKey === undefined ? [] : [atKey])];
    return { line: Math.max(1, line), column: Math.max(1, col), path: shown.join('.'), ...words };
  };
  return { kind: 'read', value, problem };
}

/** Where a path stands in the text; for what is missing, where its nearest parent stands. */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[], atKey?: string): number {
  for (let length = path.length; length >= 0; length--) {
    const node = (length === 0 ? document.contents : document.getIn(path.slice(0, length), true)) as Node | undefined;
    if (!node?.range) continue;
    if (atKey !== undefined && length === path.length && isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === atKey);
      if (pair && isScalar(pair.key) && pair.key.range) return pair.key.range[0];
    }
    return node.range[0];
  }
  return 0;
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Object.values(value).reduce((deepest: number, item) => Math.max(deepest, depthOf(item)), 0);
}

// --- shape ---

type Issue = z.core.$ZodIssue;

function problemsOf(issue: Issue, file: YamlFile): PlanProblem[] {
  const path = issue.path;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const known = knownKeys(path, file.value);
      return file.problem(
        path,
        sentenceFor(issue, {
          key,
          near: nearest(
            key,
            known.map((name) => [name] as const),
          ),
        }),
        key,
      );
    });
  }
  const wrong = valueAt(file.value, path);
  if (issue.code === 'invalid_union' && issue.discriminator === 'kind') {
    const kinds = STEP_KINDS.map((step) => step.kind);
    const word = typeof wrong === 'string' ? wrong : String(wrong ?? '');
    const near = nearest(
      word,
      kinds.map((kind) => [kind] as const),
    );
    return [file.problem(path, sentenceFor(issue, { wrong, near, allowed: kinds }))];
  }
  const allowed = issue.code === 'invalid_value' ? issue.values.map(String) : undefined;
  const near =
    allowed && typeof wrong === 'string'
      ? nearest(
          wrong,
          allowed.map((name) => [name] as const),
        )
      : undefined;
  const isMissing = wrong === undefined;
  return [file.problem(path, sentenceFor(issue, { wrong, near, allowed, isMissing, key: String(path.at(-1) ?? '') }))];
}

/** The fields that may stand where an unknown one was found. */
function knownKeys(path: readonly PropertyKey[], document: unknown): string[] {
  if (path.length === 0) return Object.keys(PlanDocument.shape);
  if (path[0] === 'steps' && path.length === 2) {
    const kind = (valueAt(document, path) as { kind?: unknown } | undefined)?.kind;
    return Object.keys(STEP_SCHEMAS.get(String(kind))?.shape ?? {});
  }
  return [
    'zh',
    'en',
    'type',
    'name',
    'default',
    'choices',
    'parameter',
    'step',
    'outcome',
    'choice',
    'is',
    'above',
    'below',
  ];
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

// --- names ---

const KIND_BY_NAME = new Map(STEP_KINDS.map((step) => [step.kind, step]));

function checkSteps(plan: Plan, file: YamlFile): PlanProblem[] {
  const problems: PlanProblem[] = [];
  const seen = new Set<string>();
  plan.steps.forEach((step, index) => {
    const path = ['steps', index];
    if (seen.has(step.id)) {
      const words = { zh: `步骤编号“${step.id}”重复`, en: `the step id “${step.id}” is used twice` };
      problems.push(file.problem([...path, 'id'], words));
    }
    seen.add(step.id);
    const complaint = KIND_BY_NAME.get(step.kind)!.validate?.(step.settings);
    if (complaint) problems.push(file.problem([...path, complaint.field], complaint));
  });
  return problems;
}

/** People, groups, zones, channels, gauges and steps that a plan names must exist. */
function checkNames(plan: Plan, directory: StepDirectory, file: YamlFile): PlanProblem[] {
  const problems: PlanProblem[] = [];
  const look = (path: PropertyKey[], word: string, kind: Reference | 'step' | 'parameter') => {
    const known = knownNames(kind, plan, directory);
    if (known.some(([id]) => id === word)) return;
    const near = nearest(word, known);
    const { zh, en } = NOUNS[kind];
    problems.push(
      file.problem(path, {
        zh: `没有叫“${word}”的${zh}${near ? `，是不是“${near}”？` : ''}`,
        en: `there is no ${en} “${word}”${near ? `; did you mean “${near}”?` : ''}`,
      }),
    );
  };
  plan.steps.forEach((step, index) => {
    const path = ['steps', index];
    step.after.forEach((id, i) => look([...path, 'after', i], id, 'step'));
    conditionsOf(step).forEach((condition, i) => {
      const at = [...path, 'when', ...(Array.isArray(step.when) ? [i] : [])];
      if ('step' in condition) look([...at, 'step'], condition.step, 'step');
      if ('parameter' in condition) look([...at, 'parameter'], condition.parameter, 'parameter');
    });
    for (const [field, kind] of Object.entries(KIND_BY_NAME.get(step.kind)!.refers ?? {})) {
      const value = field.split('.').reduce<unknown>((v, key) => (v as Record<string, unknown>)?.[key], step.settings);
      const words = Array.isArray(value) ? value : value === undefined ? [] : [value];
      words.forEach((word, i) => {
        const at = [...path, ...field.split('.'), ...(Array.isArray(value) ? [i] : [])];
        const placeholder = typeof word === 'string' ? PLACEHOLDER.exec(word)?.[1] : undefined;
        if (placeholder && kind !== 'conference-step') lookPlaceholder(at, placeholder, plan, file, problems);
        else if (word !== 'all' || kind !== 'zone') look(at, String(word), kind);
      });
    }
  });
  plan.triggers.forEach((trigger, index) => {
    if (trigger.gauge) look(['triggers', index, 'gauge'], trigger.gauge, 'gauge');
  });
  return problems;
}

const NOUNS: Record<Reference | 'step' | 'parameter', { zh: string; en: string }> = {
  people: { zh: '人员或分组', en: 'person or group' },
  zone: { zh: '广播分区', en: 'PA zone' },
  channel: { zh: '信道', en: 'channel' },
  gauge: { zh: '测站', en: 'gauge' },
  'conference-step': { zh: '会议步骤', en: 'conference step' },
  step: { zh: '步骤', en: 'step' },
  parameter: { zh: '参数', en: 'parameter' },
};

type Known = (readonly [id: string, ...otherNames: string[]])[];

function knownNames(kind: Reference | 'step' | 'parameter', plan: Plan, { site }: StepDirectory): Known {
  const named = (items: readonly { id: string; name: { zh: string; en?: string } }[], prefix = ''): Known =>
    items.map(({ id, name }) => [prefix + id, prefix + name.zh, ...(prefix ? [id] : []), name.zh, name.en ?? name.zh]);
  switch (kind) {
    case 'people':
      return [...named(site.people), ...named(site.groups, 'group:')];
    case 'zone':
      return named(site.zones);
    case 'channel':
      return named(site.channels);
    case 'gauge':
      return named(site.gauges);
    case 'step':
      return named(plan.steps);
    case 'conference-step':
      return named(plan.steps.filter((step) => step.kind === 'conference'));
    case 'parameter':
      return Object.entries(plan.parameters).map(([id, { name }]) => [id, name.zh]);
  }
}

/** `{names}` in texts must be parameters of the plan or known to every run. */
function checkPlaceholders(plan: Plan, file: YamlFile): PlanProblem[] {
  const problems: PlanProblem[] = [];
  const walk = (value: unknown, path: PropertyKey[]): void => {
    if (typeof value === 'string' && !PLACEHOLDER.test(value)) {
      for (const name of placeholdersIn(value)) lookPlaceholder(path, name, plan, file, problems);
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) walk(item, [...path, Array.isArray(value) ? Number(key) : key]);
    }
  };
  plan.steps.forEach((step, index) => walk(step.settings, ['steps', index]));
  return problems;
}

function lookPlaceholder(path: PropertyKey[], name: string, plan: Plan, file: YamlFile, problems: PlanProblem[]): void {
  const known = [...Object.keys(plan.parameters), ...BUILT_IN_PLACEHOLDERS];
  if (known.includes(name)) return;
  const near = nearest(
    name,
    known.map((word) => [word] as const),
  );
  problems.push(
    file.problem(path, {
      zh: `“{${name}}”不是本预案的参数${near ? `，是不是“{${near}}”？` : ''}`,
      en: `“{${name}}” is not a parameter of this plan${near ? `; did you mean “{${near}}”?` : ''}`,
    }),
  );
}

/** The conditions of a step, as a list. */
export function conditionsOf(step: PlanStep) {
  return step.when === undefined ? [] : Array.isArray(step.when) ? step.when : [step.when];
}

/** The steps that must have ended before this one starts: those named in `after`, and those its condition asks about. */
export function waitsFor(step: PlanStep): string[] {
  const asked = conditionsOf(step).flatMap((condition) => ('step' in condition ? [condition.step] : []));
  return [...new Set([...step.after, ...asked])];
}

// --- order ---

/** No step may wait for itself, however long the way round. */
function checkOrder(plan: Plan, file: YamlFile): PlanProblem[] {
  const byId = new Map(plan.steps.map((step, index) => [step.id, { step, index }]));
  const state = new Map<string, 'looking' | 'fine'>();
  const ring = (id: string, way: string[]): string[] | undefined => {
    if (state.get(id) === 'fine') return undefined;
    if (state.get(id) === 'looking') return [...way.slice(way.indexOf(id)), id];
    state.set(id, 'looking');
    const { step } = byId.get(id)!;
    const conference = KIND_BY_NAME.get(step.kind)!.refers?.conference && step.settings.conference;
    for (const next of [...waitsFor(step), ...(typeof conference === 'string' ? [conference] : [])]) {
      const found = ring(next, [...way, id]);
      if (found) return found;
    }
    state.set(id, 'fine');
    return undefined;
  };
  for (const { step } of byId.values()) {
    const found = ring(step.id, []);
    if (!found) continue;
    const words = { zh: `步骤互相等待：${found.join(' → ')}`, en: `steps wait for each other: ${found.join(' → ')}` };
    return [file.problem(['steps', byId.get(found[0]!)!.index], words)];
  }
  return [];
}

function invalid(problems: PlanProblem[], id?: string): Extract<LoadOutcome, { kind: 'invalid' }> {
  const inOrder = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  return { kind: 'invalid', id, problems: inOrder.slice(0, PROBLEMS_SHOWN) };
}

function idIn(value: unknown): string | undefined {
  const id = (value as { id?: unknown } | null)?.id;
  return typeof id === 'string' ? id : undefined;
}

function at1(zh: string, en: string): PlanProblem {
  return { line: 1, column: 1, path: '', zh, en };
}
