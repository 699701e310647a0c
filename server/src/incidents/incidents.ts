/**
 * Incidents: the case that alarms, runs and calls belong to. Its number is for people to say: the day and month and
 * the case's count on that day, by the site's own calendar: `1122-03` is the third of 22 November. The first of a day
 * is the bare date, `1122`, as most days have one.
 */
import type { Level, Name } from '@tocsin/protocol/common.ts';
import type { IncidentView, RunView } from '@tocsin/protocol/views.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import type { Timeline } from '#timeline/timeline.ts';
import { calendarDay } from './calendar-day.ts';
import * as sql from './incident-store.ts';
import type { IncidentRecord } from './incident-store.ts';

/** Open incidents at the same time; the next is refused with INCIDENT_LIMIT. */
const OPEN_LIMIT = 500;

export interface NewIncident {
  /** Opening the same id again gives the same incident; absent: a fresh one. */
  id?: string;
  title: Name;
  level: Level;
  isDrill: boolean;
  /** User who answers for it; absent: nobody yet. */
  owner?: string;
  /** User's id, or `system`. */
  openedBy: string;
  run?: string;
  alarm?: string;
}

export interface Incidents
  extends AsyncDisposable, Listenable<{ changed: [IncidentView]; opened: [IncidentView]; closed: [IncidentView] }> {
  /** Opens an incident, or gives the one with this id as it is; resolves when it is durable. */
  open(incident: NewIncident): Promise<IncidentView>;
  /** @throws DispatchError INCIDENT_UNKNOWN, INCIDENT_CLOSED */
  close(id: string, actor: string, note?: string): Promise<IncidentView>;
  /** Makes an alarm or a run part of an incident; once is enough. @throws DispatchError INCIDENT_UNKNOWN */
  join(id: string, part: { alarm: string } | { run: string }): Promise<IncidentView>;
  /** A dispatcher's remark, on the timeline. @throws DispatchError INCIDENT_UNKNOWN */
  mark(id: string, actor: string, text: string): Promise<void>;
  /** Gives the incident to somebody. @throws DispatchError INCIDENT_UNKNOWN */
  own(id: string, owner: string, actor: string): Promise<IncidentView>;
  /** Keeps the counts of people and steps on the incident's card right; call it at every change of a run. */
  takeRun(run: RunView): void;
  /** Open ones, in the order of opening. */
  current(): IncidentView[];
  get(id: string): Promise<IncidentView | undefined>;
  list(limit?: number, before?: number): Promise<IncidentView[]>;
  snapshot(): { open: number };
}

/** Opens the incidents, with those that stood open when the last server ended. */
export async function openIncidents(options: {
  store: Store;
  timeline: Pick<Timeline, 'append'>;
  clock: Clock;
  chance: Chance;
  log: Log;
  /** IANA name of the site's time zone, for the day in the number; absent: the machine's. */
  timeZone?: string;
}): Promise<Incidents> {
  const book = new IncidentBook(options);
  await book.load();
  return book;
}

interface Live {
  record: IncidentRecord;
  /** Figures of its runs, as they last told. */
  runs: Map<string, { people: number; stepsDone: number; stepsAll: number }>;
}

class IncidentBook implements Incidents {
  readonly #options: Parameters<typeof openIncidents>[0];
  readonly #emitter = new Emitter<{ changed: [IncidentView]; opened: [IncidentView]; closed: [IncidentView] }>();
  readonly #open = new Map<string, Live>();
  /** One after another: numbers of a day are given in order. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: Parameters<typeof openIncidents>[0]) {
    this.#options = options;
  }

  async load(): Promise<void> {
    for (const record of await sql.readOpen(this.#options.store))
      this.#open.set(record.id, { record, runs: new Map() });
  }

  on: Incidents['on'] = (event, listener) => this.#emitter.on(event, listener);
  once: Incidents['once'] = (event, listener) => this.#emitter.once(event, listener);

  open(incident: NewIncident): Promise<IncidentView> {
    return this.#inTurn(async () => {
      const { store, clock, chance, timeZone } = this.#options;
      const id = incident.id ?? chance.id('incident');
      const known = this.#open.get(id)?.record ?? (await sql.readIncident(store, id));
      if (known) return this.#withParts(known, incident);
      if (this.#open.size >= OPEN_LIMIT) throw new DispatchError('INCIDENT_LIMIT', `${OPEN_LIMIT}`);
      const openedAt = clock.now();
      const { day, monthAndDay } = calendarDay(openedAt, timeZone);
      const { title, level, isDrill, openedBy, owner } = incident;
      const record = await sql.insertIncident(
        store,
        { id, day, monthAndDay, title, level, isDrill, openedAt, openedBy, owner },
        partsOf(incident),
      );
      this.#open.set(id, { record, runs: new Map() });
      this.#note('incident.opened', record, { number: record.number, title: title.zh, level }, openedBy);
      const view = this.#view(record);
      this.#emitter.emit('changed', view);
      this.#emitter.emit('opened', view);
      return view;
    });
  }

  close(id: string, actor: string, note = ''): Promise<IncidentView> {
    return this.#inTurn(async () => {
      const live = this.#open.get(id);
      if (!live) throw new DispatchError((await this.get(id)) ? 'INCIDENT_CLOSED' : 'INCIDENT_UNKNOWN', id);
      const closedAt = this.#options.clock.now();
      await sql.closeIncident(this.#options.store, id, closedAt, actor, note);
      live.record = { ...live.record, state: 'closed', closedAt };
      const view = this.#view(live.record);
      this.#open.delete(id);
      this.#note('incident.closed', live.record, { note, afterMs: closedAt - live.record.openedAt }, actor);
      this.#emitter.emit('changed', view);
      this.#emitter.emit('closed', view);
      return view;
    });
  }

  join(id: string, part: { alarm: string } | { run: string }): Promise<IncidentView> {
    return this.#inTurn(async () => {
      const record = this.#open.get(id)?.record ?? (await sql.readIncident(this.#options.store, id));
      if (!record) throw new DispatchError('INCIDENT_UNKNOWN', id);
      return this.#withParts(record, part);
    });
  }

  async mark(id: string, actor: string, text: string): Promise<void> {
    const record = this.#open.get(id)?.record ?? (await sql.readIncident(this.#options.store, id));
    if (!record) throw new DispatchError('INCIDENT_UNKNOWN', id);
    await this.#options.timeline.append({
      kind: 'incident.marked',
      incident: id,
      actor,
      isDrill: record.isDrill,
      data: { text },
    });
  }

  own(id: string, owner: string, actor: string): Promise<IncidentView> {
    return this.#inTurn(async () => {
      const live = this.#open.get(id);
      if (!live) throw new DispatchError('INCIDENT_UNKNOWN', id);
      await sql.ownIncident(this.#options.store, id, owner);
      live.record = { ...live.record, owner };
      this.#note('incident.owned', live.record, { owner }, actor);
      return this.#show(live.record);
    });
  }

  takeRun(run: RunView): void {
    const live = run.incident === undefined ? undefined : this.#open.get(run.incident);
    if (!live) return;
    const hasEnded = (state: string) => state === 'done' || state === 'failed' || state === 'skipped';
    const figures = {
      people: new Set(
        run.ledger.filter(({ channel }) => channel !== 'pa' && channel !== 'radio').map(({ person }) => person),
      ).size,
      stepsDone: run.steps.filter(({ state }) => hasEnded(state)).length,
      stepsAll: run.steps.length,
    };
    const before = live.runs.get(run.id);
    if (before && JSON.stringify(before) === JSON.stringify(figures)) return;
    live.runs.set(run.id, figures);
    if (before || live.record.runs.includes(run.id)) return void this.#show(live.record);
    this.join(live.record.id, { run: run.id }).catch((error: unknown) => {
      this.#options.log.warn('a run could not be joined to its incident', {
        run: run.id,
        incident: live.record.id,
        error,
      });
    });
  }

  current(): IncidentView[] {
    return [...this.#open.values()].map(({ record }) => this.#view(record));
  }

  async get(id: string): Promise<IncidentView | undefined> {
    const record = this.#open.get(id)?.record ?? (await sql.readIncident(this.#options.store, id));
    return record && this.#view(record);
  }

  async list(limit = 50, before = Number.MAX_SAFE_INTEGER): Promise<IncidentView[]> {
    const records = await sql.readNewest(this.#options.store, Math.min(500, Math.max(1, limit)), before);
    return records.map((record) => this.#view(this.#open.get(record.id)?.record ?? record));
  }

  snapshot() {
    return { open: this.#open.size };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
  }

  async #withParts(record: IncidentRecord, part: { alarm?: string; run?: string }): Promise<IncidentView> {
    const fresh = partsOf(part).filter(
      ({ kind, id }) => !(kind === 'alarm' ? record.alarms : record.runs).includes(id),
    );
    if (fresh.length === 0) return this.#view(record);
    await sql.insertParts(this.#options.store, record.id, fresh, this.#options.clock.now());
    const joined = {
      ...record,
      alarms: [...record.alarms, ...fresh.flatMap(({ kind, id }) => (kind === 'alarm' ? [id] : []))],
      runs: [...record.runs, ...fresh.flatMap(({ kind, id }) => (kind === 'run' ? [id] : []))],
    };
    const live = this.#open.get(record.id);
    if (live) live.record = joined;
    for (const { kind, id } of fresh) this.#note(`incident.${kind}-joined`, joined, {}, 'system', { [kind]: id });
    return this.#show(joined);
  }

  #show(record: IncidentRecord): IncidentView {
    const view = this.#view(record);
    this.#emitter.emit('changed', view);
    return view;
  }

  #view({
    id,
    number,
    title,
    level,
    state,
    isDrill,
    openedAt,
    closedAt,
    owner,
    alarms,
    runs,
  }: IncidentRecord): IncidentView {
    const figures = [...(this.#open.get(id)?.runs.values() ?? [])];
    const sum = (pick: (one: (typeof figures)[number]) => number) => figures.reduce((all, one) => all + pick(one), 0);
    const counts = {
      people: sum((one) => one.people),
      stepsDone: sum((one) => one.stepsDone),
      stepsAll: sum((one) => one.stepsAll),
    };
    return { id, number, title, level, state, isDrill, openedAt, closedAt, owner, alarms, runs, ...counts };
  }

  #note(
    kind: string,
    { id, isDrill }: IncidentRecord,
    data: Record<string, unknown>,
    actor: string,
    more: { alarm?: string; run?: string } = {},
  ): void {
    this.#options.timeline
      .append({ kind, incident: id, isDrill, actor, data, ...more })
      .catch((error: unknown) =>
        this.#options.log.error('an entry of an incident was lost to the timeline', { incident: id, kind, error }),
      );
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

function partsOf({ alarm, run }: { alarm?: string; run?: string }): sql.Part[] {
  return [
    ...(alarm ? [{ kind: 'alarm' as const, id: alarm }] : []),
    ...(run ? [{ kind: 'run' as const, id: run }] : []),
  ];
}
