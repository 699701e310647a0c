import type { RunView } from '@tocsin/protocol/views.ts';
import type { AlarmView } from '@tocsin/protocol/views.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import { LIMITS } from '#kernel/limits.ts';
import type { Log } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import type { Timeline } from '#timeline/timeline.ts';
import { parametersFor } from './parameters.ts';
import type { Plan } from './plan.ts';
import { Run } from './run.ts';
import type { RunDeps } from './run-context.ts';
import { newestRuns, readRun, runningRuns, type RunRecords } from './run-store.ts';
import type { Parameters, PlanPorts, TextState } from './step.ts';
import { STEP_KINDS } from './steps/all.ts';

/** Ended runs whose ledger is kept at hand for late news; older ones are read from the database when news come. */
const ENDED_RUNS_KEPT = 30;

/** A run left by a crash longer ago than this is closed and not gone on with: calling people at night for yesterday's flood harms. */
const RESUME_WITHIN_MS = 6 * 3600 * 1000;

/** A second press of the same plan by the same user within this time is the same press. */
const DOUBLE_PRESS_MS = 1000;

export interface RunStart {
  plan: string;
  /** User's id, or `system`. */
  startedBy: string;
  isDrill?: boolean;
  parameters?: Parameters;
  incident?: string;
  alarm?: AlarmView;
  /** When the button was pressed, by this server's clock; absent: now. Figures count from here. */
  pressedAt?: number;
}

export interface Runs extends AsyncDisposable, Listenable<{ changed: [RunView]; ended: [RunView] }> {
  /**
   * Starts a plan: resolves as soon as its first steps have been started.
   *
   * @throws DispatchError PLAN_UNKNOWN, REQUEST_MALFORMED (parameters), RUN_LIMIT
   */
  start(wanted: RunStart): Promise<RunView>;
  /** Goes on with what the last server left running. Called once, when everything that steps use is open. */
  resume(): Promise<void>;
  /** A run, also one that ended long ago. */
  get(id: string): Promise<RunView | undefined>;
  /** Running now. */
  current(): RunView[];
  /** The newest runs, at most 200, the last started first; `before` is a start in ms. */
  list(limit?: number, before?: number): Promise<RunView[]>;
  stop(id: string, actor: string, note?: string): Promise<RunView>;
  skipStep(id: string, step: string, actor: string, reason: string): Promise<RunView>;
  answer(id: string, step: string, choice: string, actor: string): Promise<RunView>;
  redial(id: string, person: string, actor: string): Promise<RunView>;
  callDeputy(id: string, person: string, actor: string): Promise<RunView>;
  confirm(id: string, person: string, actor: string, note?: string): Promise<RunView>;
  snapshot(): { running: number; kept: number };
}

/**
 * Opens the runs. Nothing is resumed until `resume` is called.
 *
 * @param options.planOf the plan in force under an id
 */
export function openRuns(options: RunsOptions): Runs {
  return new RunBook(options);
}

export interface RunsOptions {
  store: Store;
  timeline: Timeline;
  planOf(id: string): Plan | undefined;
  ports: PlanPorts;
  clock: Clock;
  chance: Chance;
  log: Log;
}

class RunBook implements Runs {
  readonly #options: RunsOptions;
  readonly #emitter = new Emitter<{ changed: [RunView]; ended: [RunView] }>();
  readonly #runs = new Map<string, Run>();
  readonly #loading = new Map<string, Promise<Run | undefined>>();
  readonly #deps: RunDeps;
  readonly #stopWatching: () => void;

  constructor(options: RunsOptions) {
    this.#options = options;
    this.#deps = {
      ...options,
      onChanged: (view) => this.#emitter.emit('changed', view),
      onEnded: (view) => {
        this.#forgetOld();
        this.#emitter.emit('ended', view);
      },
    };
    this.#stopWatching = options.ports.texts.watch((text) => void this.#takeText(text));
  }

  on: Runs['on'] = (event, listener) => this.#emitter.on(event, listener);
  once: Runs['once'] = (event, listener) => this.#emitter.once(event, listener);

  async start(wanted: RunStart): Promise<RunView> {
    const { clock, chance, ports } = this.#options;
    const plan = this.#options.planOf(wanted.plan);
    if (!plan) throw new DispatchError('PLAN_UNKNOWN', wanted.plan);
    const twin = this.#justPressed(wanted);
    if (twin) return twin.view();
    if (this.current().length >= LIMITS.runsAtOnce) throw new DispatchError('RUN_LIMIT', `${LIMITS.runsAtOnce}`);
    const startedAt = wanted.pressedAt ?? clock.now();
    const records: RunRecords = {
      run: {
        id: chance.id('run'),
        plan: plan.id,
        document: plan,
        parameters: parametersFor(plan, wanted.parameters ?? {}, ports.directory),
        isDrill: wanted.isDrill ?? false,
        state: 'running',
        startedBy: wanted.startedBy,
        startedAt,
        incident: wanted.incident ?? wanted.alarm?.incident ?? incidentAhead(plan, chance),
        alarm: wanted.alarm,
        figures: {},
      },
      steps: [],
      ledger: [],
    };
    const run = new Run(records, this.#deps);
    this.#runs.set(run.id, run);
    await run.start();
    return run.view();
  }

  async resume(): Promise<void> {
    const { store, clock, log } = this.#options;
    for (const id of await runningRuns(store)) {
      if (this.#runs.has(id)) continue;
      const records = await readRun(store, id);
      if (!records) continue;
      const run = new Run(records, this.#deps);
      this.#runs.set(id, run);
      const unknown = records.run.document.steps.find((step) => !STEP_KINDS.some(({ kind }) => kind === step.kind));
      if (unknown) run.close(`step-kind-unknown: ${unknown.kind}`);
      else if (clock.now() - records.run.startedAt > RESUME_WITHIN_MS) run.close('server-restarted-too-late');
      else run.resume();
      log.info('run resumed', { run: id, plan: records.run.plan, state: run.record.state });
    }
  }

  async get(id: string): Promise<RunView | undefined> {
    const live = this.#runs.get(id);
    if (live) return live.view();
    const records = await readRun(this.#options.store, id);
    return records && new Run(records, this.#deps).view();
  }

  current(): RunView[] {
    return [...this.#runs.values()].filter((run) => run.record.state === 'running').map((run) => run.view());
  }

  async list(limit = 50, before?: number): Promise<RunView[]> {
    const ids = await newestRuns(this.#options.store, Math.min(200, Math.max(1, limit)), before);
    const views = await Promise.all(ids.map((id) => this.get(id)));
    return views.filter((view) => view !== undefined);
  }

  async stop(id: string, actor: string, note = ''): Promise<RunView> {
    return this.#do(id, (run) => run.stop(actor, note));
  }

  async skipStep(id: string, step: string, actor: string, reason: string): Promise<RunView> {
    return this.#do(id, (run) => run.skipStep(step, actor, reason));
  }

  async answer(id: string, step: string, choice: string, actor: string): Promise<RunView> {
    return this.#do(id, (run) => run.answer(step, choice, actor));
  }

  redial(id: string, person: string, actor: string): Promise<RunView> {
    return this.#do(id, (run) => run.call('redial', person, actor), 'also-ended');
  }

  callDeputy(id: string, person: string, actor: string): Promise<RunView> {
    return this.#do(id, (run) => run.call('callDeputy', person, actor), 'also-ended');
  }

  confirm(id: string, person: string, actor: string, note = ''): Promise<RunView> {
    return this.#do(id, (run) => run.confirm(person, actor, note), 'also-ended');
  }

  snapshot() {
    return { running: this.current().length, kept: this.#runs.size };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopWatching();
    await Promise.all([...this.#runs.values()].map((run) => run[Symbol.asyncDispose]()));
  }

  async #do(id: string, act: (run: Run) => void | Promise<void>, when: 'running' | 'also-ended' = 'running') {
    const run = await this.#find(id);
    if (!run) throw new DispatchError('RUN_UNKNOWN', id);
    if (when === 'running' && run.record.state !== 'running') throw new DispatchError('RUN_ENDED', run.record.because);
    await act(run);
    await run.durable();
    return run.view();
  }

  /** The run in memory, brought there when need be: two finders get the same one. */
  #find(id: string): Promise<Run | undefined> {
    const live = this.#runs.get(id);
    if (live) return Promise.resolve(live);
    const loading = this.#loading.get(id) ?? this.#load(id).finally(() => this.#loading.delete(id));
    this.#loading.set(id, loading);
    return loading;
  }

  async #load(id: string): Promise<Run | undefined> {
    const records = await readRun(this.#options.store, id);
    // One that is running on disk and not here waits for `resume`.
    if (!records || records.run.state === 'running') return undefined;
    const run = new Run(records, this.#deps);
    this.#runs.set(id, run);
    this.#forgetOld();
    return run;
  }

  /** A receipt: the text's row in the ledger of its run. */
  async #takeText({ run: id, person, state: news, at, detail }: TextState): Promise<void> {
    // A lost receipt leaves the person where he is in the ledger: sent, with the reason beside it.
    const state = news === 'receipt-lost' ? 'sent' : news;
    if (id === undefined || person === undefined) return;
    try {
      const run = await this.#find(id);
      const step = run?.stepOf(person, 'sms');
      if (run && step) run.report({ person, channel: 'sms', state, at, detail, step });
    } catch (error) {
      this.#options.log.error('a receipt could not be put into its ledger', { run: id, person, error });
    }
  }

  #justPressed({ plan, startedBy, isDrill = false, alarm, incident, pressedAt }: RunStart): Run | undefined {
    const at = pressedAt ?? this.#options.clock.now();
    return [...this.#runs.values()].find(({ record }) => {
      const isSame = record.plan === plan && record.startedBy === startedBy && record.isDrill === isDrill;
      const isAbout = record.alarm?.id === alarm?.id && (incident === undefined || record.incident === incident);
      return isSame && isAbout && record.state === 'running' && at - record.startedAt < DOUBLE_PRESS_MS;
    });
  }

  /** Ended runs beyond ENDED_RUNS_KEPT leave memory, the oldest first, once they are on disk. */
  #forgetOld(): void {
    const ended = [...this.#runs.values()].filter((run) => run.record.state !== 'running');
    for (const run of ended.slice(0, Math.max(0, ended.length - ENDED_RUNS_KEPT))) {
      void run.durable().then((how) => {
        if (how === 'durable') this.#runs.delete(run.id);
      });
    }
  }
}

/** A plan that opens an incident at once has its id from the first moment, so that calls made meanwhile already carry it. */
function incidentAhead(plan: Plan, chance: Chance): string | undefined {
  const step = plan.steps.find(({ kind, after, when }) => kind === 'open-incident' && after.length === 0 && !when);
  return step && chance.id('incident');
}
