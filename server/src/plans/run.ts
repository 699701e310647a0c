/**
 * One run of a plan, from the press to its end. Steps start as soon as those that they wait for have ended; whatever
 * happens changes the state by the tables of machine.ts and is marked for the journal, told to the timeline and shown.
 */
import type { Name } from '@tocsin/protocol/common.ts';
import type { RunView } from '@tocsin/protocol/views.ts';
import type { Timer } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import { unmetCondition } from './conditions.ts';
import { RunJournal } from './journal.ts';
import { Ledger, ledgerKey, type LedgerChange } from './ledger.ts';
import { waitsFor } from './load.ts';
import { hasEnded, RUN_TABLE, STEP_TABLE, type RunInput, type StepInput } from './machine.ts';
import { insertRun, saveRun, type RunRecord, type RunRecords, type StepRecord } from './run-store.ts';
import { stepContext, type RunDeps } from './run-context.ts';
import { intentionsOf, liveStep, runSafely, stepView, type LiveStep } from './run-step.ts';
import { StepInterrupted, type Step, type StepConference, type StepContext, type StepInterruption } from './step.ts';
import { STEP_KINDS } from './steps/all.ts';

/** The desk is told of changes no more often than this. */
const SHOW_EVERY_MS = 100;

const KINDS: ReadonlyMap<string, Step> = new Map(STEP_KINDS.map((step) => [step.kind, step]));

export class Run implements AsyncDisposable {
  readonly record: RunRecord;
  readonly #deps: RunDeps;
  readonly #steps: Map<string, LiveStep>;
  readonly #ledger: Ledger;
  readonly #journal: RunJournal;
  readonly #conferences = new Set<StepConference>();
  #showTimer: Timer | undefined;
  #isShowDue = false;

  /** @param records a new run's have no steps yet */
  constructor({ run, steps, ledger }: RunRecords, deps: RunDeps) {
    this.record = run;
    this.#deps = deps;
    this.#ledger = new Ledger(run.id, ledger);
    const records = new Map(steps.map((step) => [step.id, step]));
    this.#steps = new Map(
      run.document.steps.map((plan, place) => [
        plan.id,
        liveStep(plan, records.get(plan.id) ?? { id: plan.id, place, state: 'waiting' }),
      ]),
    );
    this.#journal = new RunJournal({
      isInserted: steps.length > 0,
      insert: () => insertRun(deps.store, this.#records()),
      write: (changed, keys) => this.#save(changed, keys),
      clock: deps.clock,
      log: deps.log.with({ run: run.id }),
    });
  }

  get id(): string {
    return this.record.id;
  }

  // --- what dispatchers and the house do to a run ---

  /**
   * The press: the run, its first steps and whom they will reach are written in one transaction, then they start. A
   * database that does not answer within DURABLE_WAIT_MS must not keep the phones from ringing: then they start first.
   */
  async start(): Promise<void> {
    await this.#journal.writeFirst(() => {
      for (const step of this.#steps.values()) if (this.#isDue(step)) this.#intendStep(step);
    });
    const { plan, document, parameters } = this.record;
    this.#note('started', { plan, version: document.version, parameters });
    for (const step of this.#steps.values()) if (step.record.state === 'running') this.#launch(step);
    this.#advance();
    this.#show();
  }

  /** After a restart: what had ended stays; what was running goes on as its kind decides; what stood is put up again. */
  resume(): void {
    this.#note('resumed', { afterMs: this.#deps.clock.now() - this.record.startedAt });
    for (const step of this.#steps.values()) {
      if (step.record.state === 'running') this.#launch(step, true);
      else if (step.record.state === 'done') this.#restore(step);
    }
    this.#advance();
    this.#show();
  }

  /** Ends the run at once: running steps are interrupted, its conferences end. */
  stop(actor: string, note: string): void {
    if (this.#take('stop', 'stopped-by-dispatcher', { actor, note })) this.#cutOff('run-stopped');
  }

  /** Closes a run that cannot be gone on with, for a named reason. */
  close(because: string): void {
    if (this.#take('cannot-resume', because, {})) this.#cutOff('run-stopped');
  }

  /** @throws DispatchError NOT_FOUND, RUN_ENDED when the step has ended already */
  skipStep(id: string, actor: string, reason: string): void {
    const step = this.#step(id);
    if (hasEnded(step.record.state)) throw new DispatchError('RUN_ENDED', `the step ${id} has ended`);
    this.#note('step-skipped', { step: id, reason }, actor);
    this.#interrupt(step, 'step-skipped');
    this.#end(step, 'skip', { because: reason });
  }

  /** @throws DispatchError NOT_FOUND when the step asks nothing (any more) or there is no such choice */
  answer(id: string, choice: string, actor: string): void {
    const { question } = this.#step(id);
    if (!question?.view.choices.some((one) => one.id === choice))
      throw new DispatchError('NOT_FOUND', `${id}: ${choice}`);
    this.#note('question-answered', { step: id, choice }, actor);
    question.answer(choice);
  }

  /** Asks the step that reached (or did not reach) this person by voice to call again, or to call the next deputy. */
  async call(what: 'redial' | 'callDeputy', person: string, actor: string): Promise<void> {
    const row = this.#ledger.rows().findLast((one) => one.channel === 'voice' && one.person === person);
    const act = row && this.#step(row.step).handler?.[what];
    if (!act) throw new DispatchError('PARTICIPANT_UNKNOWN', person);
    this.#note(what === 'redial' ? 'redial-asked' : 'deputy-asked', { person, step: row.step }, actor);
    await act(person);
  }

  /** A dispatcher vouches that somebody has been reached, by whatever way. */
  confirm(person: string, actor: string, note: string): void {
    const rows = this.#ledger.rows().filter((row) => row.person === person);
    if (rows.length === 0) throw new DispatchError('PERSON_UNKNOWN', person);
    const row = rows.find((one) => one.channel === 'voice') ?? rows[0]!;
    const detail = note ? `调度员确认：${note}` : '调度员确认';
    const { step, channel, standsInFor } = row;
    this.#note('person-confirmed', { person, note }, actor);
    this.report({ person, channel, standsInFor, step, state: 'confirmed', at: this.#deps.clock.now(), detail });
  }

  /** News for the ledger, also after the run has ended: receipts come late, people leave conferences later still. */
  report(change: LedgerChange): void {
    const row = this.#ledger.report(change);
    if (!row) return;
    this.#journal.mark({ row: ledgerKey(row) });
    const { person, channel, state, step, detail, standsInFor } = row;
    this.#note('ledger-changed', { channel, state, step, detail, standsInFor }, undefined, { person, at: change.at });
    this.#show();
  }

  /** The step that a ledger row belongs to, for news that come from outside a step. */
  stepOf(person: string, channel: LedgerChange['channel']): string | undefined {
    return this.#ledger.get(ledgerKey({ person, channel }))?.step;
  }

  view(): RunView {
    const { record } = this;
    return {
      id: record.id,
      plan: record.plan,
      planName: record.document.name,
      planVersion: record.document.version,
      isDrill: record.isDrill,
      state: record.state,
      because: record.because,
      startedBy: record.startedBy,
      startedAt: record.startedAt,
      endedAt: record.endedAt,
      incident: record.incident,
      alarm: record.alarm?.id,
      conference: record.conference,
      steps: [...this.#steps.values()].map(stepView),
      ledger: this.#ledger.rows(),
      figures: record.figures,
    };
  }

  /** Resolves when all that has happened so far is on disk. */
  durable(): Promise<'durable' | 'late'> {
    return this.#journal.durable();
  }

  /** The server stops: steps are interrupted where they are, and stay `running` on disk to be resumed. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const step of this.#steps.values()) this.#interrupt(step, 'server-stopping');
    this.#showTimer?.cancel();
    await this.#journal[Symbol.asyncDispose]();
  }

  // --- the going of the run ---

  /** Starts, or skips, every step whose turn has come; ends the run when none is left. */
  #advance(): void {
    if (this.record.state !== 'running') return;
    for (const step of this.#steps.values()) {
      if (step.record.state !== 'waiting' || !this.#hasItsTurn(step)) continue;
      const unmet = unmetCondition(step.plan, this.#circumstances());
      if (unmet) this.#end(step, 'condition-false', { because: 'condition-not-met' });
      else void this.#startLater(step);
      // Ending a step advances anew, and may have ended the run.
      if (this.record.state !== 'running') return;
    }
    if ([...this.#steps.values()].every((step) => hasEnded(step.record.state)))
      this.#take('steps-ended', 'all-steps-ended', {});
  }

  /** A step after the first: whom it will reach is on disk before it begins. */
  async #startLater(step: LiveStep): Promise<void> {
    this.#intendStep(step);
    if ((await this.#journal.durable()) === 'late')
      this.#deps.log.warn('a step begins before it is on disk', { run: this.id, step: step.plan.id });
    if (step.record.state === 'running') this.#launch(step);
  }

  #intendStep(step: LiveStep): void {
    const at = this.#deps.clock.now();
    this.#change(step, 'start', { startedAt: at });
    const needs = KINDS.get(step.plan.kind)!.needs(step.plan.settings, this.#scope());
    for (const { person, channel } of intentionsOf(needs)) {
      const row = this.#ledger.report({ person, channel, state: 'queued', at, step: step.plan.id });
      if (row) this.#journal.mark({ row: ledgerKey(row) });
    }
  }

  #launch(step: LiveStep, isResumed = false): void {
    const { clock, log } = this.#deps;
    const kind = KINDS.get(step.plan.kind)!;
    step.interrupt = new AbortController();
    if (!isResumed) this.#note('step-started', { step: step.plan.id, kind: kind.kind });
    if (step.plan.timeoutS !== undefined) {
      const leftMs = step.record.startedAt! + step.plan.timeoutS * 1000 - clock.now();
      step.timeout = clock.after(leftMs, () => {
        this.#interrupt(step, 'timed-out');
        this.#end(step, 'timed-out', { because: 'timed-out' });
      });
    }
    const { signal } = step.interrupt;
    void runSafely(() => kind.run(step.plan.settings, this.#context(step, signal, isResumed))).then((outcome) => {
      // An interrupted step has been ended, or is left running for the next server, by who interrupted it.
      if (signal.aborted) return;
      if (outcome.kind === 'crashed') {
        log.error('a step failed inside', { run: this.id, step: step.plan.id, error: outcome.error });
        return this.#end(step, 'failed', {
          because: `internal: ${String((outcome.error as Error)?.message ?? outcome.error)}`,
        });
      }
      const { summary } = outcome;
      if (outcome.kind === 'failed') this.#end(step, 'failed', { because: outcome.because, summary });
      else this.#end(step, 'done', { summary, choice: outcome.choice });
    });
  }

  #restore(step: LiveStep): void {
    const kind = KINDS.get(step.plan.kind)!;
    if (!kind.restore) return step.conference.reject(new StepInterrupted('server-stopping'));
    step.interrupt = new AbortController();
    void runSafely(() => kind.restore!(step.plan.settings, this.#context(step, step.interrupt!.signal, true))).then(
      (outcome) => {
        if (outcome?.kind === 'crashed')
          this.#deps.log.error('a step could not be restored', {
            run: this.id,
            step: step.plan.id,
            error: outcome.error,
          });
        step.conference.reject(new StepInterrupted('server-stopping'));
      },
    );
  }

  #end(step: LiveStep, input: StepInput, facts: { because?: string; summary?: Name; choice?: string }): void {
    if (!this.#change(step, input, { ...facts, endedAt: this.#deps.clock.now() })) return;
    step.timeout?.cancel();
    step.question = undefined;
    step.conference.reject(new Error(`the step ${step.plan.id} has opened no conference`));
    this.#note('step-ended', { step: step.plan.id, state: step.record.state, ...facts });
    const isFatal = step.record.state === 'failed' && step.plan.onFailure === 'stop';
    if (isFatal && this.#take('step-failed-hard', `step-failed: ${step.plan.id}`, {})) this.#cutOff('run-stopped');
    this.#advance();
  }

  #change(step: LiveStep, input: StepInput, facts: Partial<StepRecord>): boolean {
    const next = STEP_TABLE[step.record.state][input];
    if (!next) return false;
    Object.assign(step.record, { state: next }, definedOnly(facts));
    this.#journal.mark({ step: step.plan.id });
    this.#show();
    return true;
  }

  #take(input: RunInput, because: string, data: Record<string, unknown> & { actor?: string }): boolean {
    const next = RUN_TABLE[this.record.state][input];
    if (!next) return false;
    const { actor, ...rest } = data;
    Object.assign(this.record, { state: next, because, endedAt: this.#deps.clock.now() });
    this.#journal.mark();
    this.#note('ended', { state: next, because, ...rest }, actor);
    this.#show();
    this.#deps.onEnded(this.view());
    return true;
  }

  /** The run is over before its steps were. */
  #cutOff(because: 'run-stopped'): void {
    for (const step of this.#steps.values()) {
      this.#interrupt(step, because);
      this.#end(step, 'run-over', { because });
    }
    for (const conference of this.#conferences) {
      conference.end('plan-ended').catch((error: unknown) => {
        this.#deps.log.error('a conference of a run could not be ended', { run: this.id, error });
      });
    }
  }

  #interrupt(step: LiveStep, because: StepInterruption): void {
    step.timeout?.cancel();
    step.interrupt?.abort(new StepInterrupted(because));
  }

  // --- what a step is given ---

  #context(step: LiveStep, signal: AbortSignal, isResumed: boolean): StepContext {
    return stepContext(step, signal, isResumed, {
      deps: this.#deps,
      record: this.record,
      scope: () => this.#scope(),
      rows: () => this.#ledger.rows(),
      report: (change) => this.report(change),
      note: (what, data) => this.#note(what, data),
      conference: (id) => this.#step(id).conference.promise,
      changed: (id) => {
        this.#journal.mark(id === undefined ? {} : { step: id });
        this.#show();
      },
      opened: (conference) => {
        this.#conferences.add(conference);
        void conference.ended.then(() => this.#conferences.delete(conference));
      },
    });
  }

  // --- asking itself ---

  #isDue(step: LiveStep): boolean {
    return (
      step.record.state === 'waiting' && this.#hasItsTurn(step) && !unmetCondition(step.plan, this.#circumstances())
    );
  }

  #hasItsTurn(step: LiveStep): boolean {
    return waitsFor(step.plan).every((id) => hasEnded(this.#step(id).record.state));
  }

  #circumstances() {
    const { parameters, isDrill } = this.record;
    return { parameters, isDrill, step: (id: string) => this.#steps.get(id)?.record };
  }

  #scope() {
    const { parameters, alarm } = this.record;
    return { directory: this.#deps.ports.directory, parameters, alarm };
  }

  #step(id: string): LiveStep {
    const step = this.#steps.get(id);
    if (!step) throw new DispatchError('NOT_FOUND', `step ${id}`);
    return step;
  }

  // --- telling others ---

  #note(
    what: string,
    data: Record<string, unknown>,
    actor = 'system',
    more: { person?: string; at?: number } = {},
  ): void {
    const entry = {
      ...this.#entry(`run.${what}`, data),
      actor: what === 'started' ? this.record.startedBy : actor,
      ...more,
    };
    this.#deps.timeline.append(entry).catch((error: unknown) => {
      this.#deps.log.error('an entry of a run was lost to the timeline', { run: this.id, kind: entry.kind, error });
    });
  }

  #entry(kind: string, data: Record<string, unknown>) {
    const { incident, alarm, isDrill } = this.record;
    return { kind, run: this.id, incident, alarm: alarm?.id, isDrill, data: definedOnly(data) };
  }

  /** At once, and then again when something has changed since, at most every SHOW_EVERY_MS. */
  #show(): void {
    if (this.#showTimer) {
      this.#isShowDue = true;
      return;
    }
    this.#deps.onChanged(this.view());
    this.#showTimer = this.#deps.clock.after(SHOW_EVERY_MS, () => {
      this.#showTimer = undefined;
      if (!this.#isShowDue) return;
      this.#isShowDue = false;
      this.#show();
    });
  }

  #records(): RunRecords {
    return {
      run: this.record,
      steps: [...this.#steps.values()].map((step) => step.record),
      ledger: this.#ledger.rows(),
    };
  }

  async #save(steps: Set<string>, rows: Set<string>): Promise<void> {
    const stepRecords = [...steps].map((id) => this.#step(id).record);
    const ledgerRows = [...rows].flatMap((key) => this.#ledger.get(key) ?? []);
    await saveRun(this.#deps.store, this.record, stepRecords, ledgerRows);
  }
}

function definedOnly<T extends object>(facts: T): Partial<T> {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as Partial<T>;
}
