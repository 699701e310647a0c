import { readdir, readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { AlarmView, PlanView } from '@tocsin/protocol/views.ts';
import type { Words } from '@tocsin/protocol/reaching.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import { loadPlan, type LoadOutcome } from './load.ts';
import { waitsFor } from './load.ts';
import type { Plan } from './plan.ts';
import { assess, needsOf } from './preflight.ts';
import { problemLine, type PlanProblem } from './problem.ts';
import type { PlanPorts } from './step.ts';
import { proposalFor, type Proposal } from './triggers.ts';

/** Plans of one site; a file more is left out and complained of. */
const PLANS_LIMIT = 200;

/** The pre-flights are held anew no more often than this. */
const REASSESS_EVERY_MS = 2000;

/** Words waiting to be spoken ahead; what is over is spoken when it is needed. */
const SPEECH_QUEUE_LIMIT = 2000;

export interface Plans extends AsyncDisposable, Listenable<{ changed: [PlanView]; removed: [id: string] }> {
  /** The plan in force. */
  get(id: string): Plan | undefined;
  views(): PlanView[];
  /** The document as it was written. */
  text(id: string): string | undefined;
  /** What is wrong with a document, or the plan that it is; nothing is changed. */
  check(text: string): LoadOutcome;
  /**
   * Puts a document in force, as a new version of its plan; runs that go on keep theirs.
   *
   * @throws DispatchError PLAN_INVALID with every problem's line; TOO_LARGE
   */
  save(text: string, actor: string): Promise<PlanView>;
  /** Saved versions, the newest first; the file that came with the site is not among them. */
  versions(id: string): Promise<{ version: string; savedAt: number; savedBy: string; sha256: string }[]>;
  /** Tells that something a pre-flight asks about has changed. Cheap: call it at every change. */
  reassess(): void;
  /** Which plan an alarm brings forward. */
  proposalFor(alarm: AlarmView): Proposal | undefined;
  /** Speaks ahead what a plan would say about this alarm, so that its start need not wait. */
  prepareFor(plan: string, alarm: AlarmView): void;
  snapshot(): { plans: number; broken: { file: string; problems: PlanProblem[] }[]; speechWaiting: number };
}

/**
 * Reads the site's plans: the `*.plan.yaml` of the folders, then what was saved at the desk over them. A plan with
 * errors is left out, its problems are logged line by line and shown in its place.
 *
 * @param options.folders later ones win over earlier ones; those that do not exist are passed over
 */
export async function openPlans(options: {
  folders: string[];
  store: Store;
  ports: PlanPorts;
  clock: Clock;
  log: Log;
}): Promise<Plans> {
  const book = new PlanBook(options);
  await book.load();
  return book;
}

interface Held {
  file: string;
  text: string;
  outcome: LoadOutcome;
}

class PlanBook implements Plans {
  readonly #options: Parameters<typeof openPlans>[0];
  readonly #emitter = new Emitter<{ changed: [PlanView]; removed: [id: string] }>();
  readonly #held = new Map<string, Held>();
  readonly #views = new Map<string, { view: PlanView; asText: string }>();
  readonly #speech = new Map<string, 'ready' | 'preparing' | 'failed'>();
  #speaking: Promise<void> = Promise.resolve();
  #reassessTimer: Timer | undefined;
  #isReassessDue = false;
  #isClosed = false;

  constructor(options: Parameters<typeof openPlans>[0]) {
    this.#options = options;
  }

  on: Plans['on'] = (event, listener) => this.#emitter.on(event, listener);
  once: Plans['once'] = (event, listener) => this.#emitter.once(event, listener);

  async load(): Promise<void> {
    for (const folder of this.#options.folders) {
      const names = await readdir(folder).catch(() => []);
      for (const name of names.filter((one) => one.endsWith('.plan.yaml')).sort()) {
        this.#hold(name, await readFile(join(folder, name), 'utf8'));
      }
    }
    const saved = await this.#options.store.query<{ id: string; document: string }>(
      'SELECT DISTINCT ON (id) id, document FROM plan_document ORDER BY id, saved_at DESC',
    );
    for (const { id, document } of saved) this.#hold(`${id}.plan.yaml`, document);
    for (const plan of this.#plans()) this.#speakAhead(plan);
    this.#reassessNow();
  }

  get(id: string): Plan | undefined {
    const outcome = this.#held.get(id)?.outcome;
    return outcome?.kind === 'loaded' ? outcome.plan : undefined;
  }

  views(): PlanView[] {
    return [...this.#views.values()].map(({ view }) => view).toSorted((a, b) => (a.button ?? 999) - (b.button ?? 999));
  }

  text(id: string): string | undefined {
    return this.#held.get(id)?.text;
  }

  check(text: string): LoadOutcome {
    return loadPlan(text, this.#options.ports.directory);
  }

  async save(text: string, actor: string): Promise<PlanView> {
    const { store, clock } = this.#options;
    const outcome = this.check(text);
    if (outcome.kind === 'invalid') {
      const file = `${outcome.id ?? 'plan'}.plan.yaml`;
      throw new DispatchError('PLAN_INVALID', outcome.problems.map((problem) => problemLine(file, problem)).join('\n'));
    }
    const { id, version } = outcome.plan;
    if (!this.#held.has(id) && this.#held.size >= PLANS_LIMIT)
      throw new DispatchError('TOO_LARGE', `${PLANS_LIMIT} plans`);
    const sha256 = createHash('sha256').update(text).digest('hex');
    await store.query(
      `INSERT INTO plan_document (id, saved_at, version, saved_by, sha256, document) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (id, saved_at) DO UPDATE SET version = excluded.version, saved_by = excluded.saved_by,
         sha256 = excluded.sha256, document = excluded.document`,
      [id, clock.now(), version, actor, sha256, text],
    );
    this.#hold(`${id}.plan.yaml`, text);
    this.#speakAhead(outcome.plan);
    this.#reassessNow();
    return this.#views.get(id)!.view;
  }

  versions(id: string) {
    return this.#options.store.query<{ version: string; savedAt: number; savedBy: string; sha256: string }>(
      `SELECT version, saved_at AS "savedAt", saved_by AS "savedBy", sha256 FROM plan_document WHERE id = $1
       ORDER BY saved_at DESC LIMIT 200`,
      [id],
    );
  }

  reassess(): void {
    if (this.#isClosed) return;
    this.#isReassessDue = true;
    if (this.#reassessTimer) return;
    this.#reassessNow();
    this.#reassessTimer = this.#options.clock.after(REASSESS_EVERY_MS, () => {
      this.#reassessTimer = undefined;
      if (this.#isReassessDue) this.reassess();
    });
  }

  proposalFor(alarm: AlarmView): Proposal | undefined {
    return proposalFor(alarm, this.#plans(), this.#options.ports.directory);
  }

  prepareFor(id: string, alarm: AlarmView): void {
    const plan = this.get(id);
    if (plan) this.#speakAhead(plan, alarm);
  }

  snapshot() {
    const broken = [...this.#held.values()].flatMap(({ file, outcome }) =>
      outcome.kind === 'invalid' ? [{ file, problems: outcome.problems }] : [],
    );
    const speechWaiting = [...this.#speech.values()].filter((state) => state === 'preparing').length;
    return { plans: this.#plans().length, broken, speechWaiting };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#reassessTimer?.cancel();
    await this.#speaking;
  }

  /** In the order of the desk's buttons. */
  #plans(): Plan[] {
    const place = (id: string) => this.#buttonOf(id) ?? 999;
    const plans = [...this.#held.values()].flatMap(({ outcome }) => (outcome.kind === 'loaded' ? [outcome.plan] : []));
    return plans.toSorted((a, b) => place(a.id) - place(b.id));
  }

  #buttonOf(id: string): number | undefined {
    const index = this.#options.ports.directory.site.planButtons.indexOf(id);
    return index < 0 ? undefined : index + 1;
  }

  #hold(file: string, text: string): void {
    const outcome = this.check(text);
    const id = outcome.kind === 'loaded' ? outcome.plan.id : (outcome.id ?? file.replace(/\.plan\.yaml$/, ''));
    if (!this.#held.has(id) && this.#held.size >= PLANS_LIMIT) {
      return this.#options.log.error('a plan is left out: there are too many', { file, limit: PLANS_LIMIT });
    }
    if (outcome.kind === 'invalid') {
      for (const problem of outcome.problems) {
        this.#options.log.error('a plan has an error', { at: problemLine(file, problem) });
      }
    }
    this.#held.set(id, { file, text, outcome });
  }

  #reassessNow(): void {
    this.#isReassessDue = false;
    for (const [id, held] of this.#held) {
      const view = this.#view(id, held);
      const asText = JSON.stringify(view);
      if (this.#views.get(id)?.asText === asText) continue;
      this.#views.set(id, { view, asText });
      this.#emitter.emit('changed', view);
    }
  }

  #view(id: string, { file, outcome }: Held): PlanView {
    const button = this.#buttonOf(id);
    if (outcome.kind === 'invalid') {
      const problems = outcome.problems.map(({ line, zh, en }) => ({
        zh: `第 ${line} 行：${zh}`,
        en: `line ${line}: ${en}`,
      }));
      const readiness = { state: 'not-ready' as const, people: 0, seconds: 0, problems };
      return { id, name: { zh: file }, version: '', button, readiness, steps: [] };
    }
    const { name, version, description, steps } = outcome.plan;
    const { ports } = this.#options;
    const readiness = assess(outcome.plan, {
      ...ports,
      speechState: (words) => this.#speech.get(speechKey(words)) ?? 'preparing',
    });
    const stepViews = steps.map((step) => ({ id: step.id, kind: step.kind, name: step.name, after: waitsFor(step) }));
    return { id, name, version, description, button, readiness, steps: stepViews };
  }

  /** One after another, in the background: speech takes a processor for a while, and a press must not wait for it. */
  #speakAhead(plan: Plan, alarm?: AlarmView): void {
    const { ports, log } = this.#options;
    const words = [...needsOf(plan, ports.directory, alarm).values()].flatMap((needs) => needs.speech ?? []);
    for (const one of words) {
      const key = speechKey(one);
      if (this.#speech.get(key) === 'ready' || this.#speech.get(key) === 'preparing') continue;
      if (this.#speech.size >= SPEECH_QUEUE_LIMIT) this.#forgetSpeech();
      this.#speech.set(key, 'preparing');
      this.#speaking = this.#speaking.then(async () => {
        if (this.#isClosed) return;
        try {
          await ports.speech.speak(one);
          this.#speech.set(key, 'ready');
        } catch (error) {
          this.#speech.set(key, 'failed');
          log.warn('words of a plan could not be spoken ahead', { plan: plan.id, error });
        }
        this.reassess();
      });
    }
  }

  /** The oldest leave: those of alarms long past. */
  #forgetSpeech(): void {
    for (const [key] of [...this.#speech].slice(0, SPEECH_QUEUE_LIMIT / 10)) this.#speech.delete(key);
  }
}

function speechKey({ text, language }: Words): string {
  return `${language}/${text}`;
}
