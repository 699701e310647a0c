import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { CheckItem, CheckView } from '@tocsin/protocol/views.ts';
import type { Timer } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import { checkTasks, type CheckTask } from './check-items.ts';
import type { Checks } from './checks.ts';
import type { Actor, Desk } from './desk.ts';

export const CHECK_LIMITS = {
  /** Things tried at the same time: a morning check must not disturb who works. */
  atOnce: 4,
  /** A test that takes longer has failed. */
  eachWithinMs: 15_000,
  /** Checks that can be looked up. */
  listed: 60,
} as const;

interface CheckRow {
  id: string;
  startedAt: number;
  endedAt: number;
  startedBy: string;
  items: CheckItem[];
}

/**
 * The morning check: every resource is tried without anybody's help, at the site's hour and on demand. What fails is the
 * red list; each result stands beside that of the check before.
 */
export class MorningCheck extends Emitter<{ changed: [CheckView] }> implements Checks, AsyncDisposable {
  readonly #desk: Desk;
  #latest: CheckView | undefined;
  #running: Promise<void> | undefined;
  #timer: Timer | undefined;

  constructor(desk: Desk) {
    super();
    this.#desk = desk;
  }

  /** Brings the last result back, and waits for the site's hour. */
  async open(): Promise<void> {
    const [last] = await this.#rows(1);
    if (last) this.#latest = viewOf(last, await this.#before(last.startedAt));
    this.#schedule();
  }

  get latest(): CheckView | undefined {
    return this.#latest;
  }

  /** Begins a check. @throws DispatchError CHECK_RUNNING */
  start(by: string): CheckView {
    if (this.#running) throw new DispatchError('CHECK_RUNNING');
    const { clock, chance } = this.#desk;
    const tasks = checkTasks(this.#desk);
    const items = tasks.map(({ id, kind, name }): CheckItem => ({ id, kind, name, state: 'waiting' }));
    const check: CheckView = { id: chance.id('check'), startedAt: clock.now(), startedBy: by, items };
    this.#latest = check;
    this.emit('changed', check);
    this.#running = this.#run(check, tasks)
      .catch((error: unknown) => this.#desk.log.error('the morning check failed', { error }))
      .finally(() => (this.#running = undefined));
    return check;
  }

  async list(): Promise<Omit<CheckView, 'items'>[]> {
    return (await this.#rows(CHECK_LIMITS.listed)).map(({ items, ...check }) => ({
      ...check,
      failed: items.filter(({ state }) => state === 'failed').length,
      all: items.length,
    }));
  }

  /** One check beside the one before it. @throws DispatchError NOT_FOUND */
  async get(id: string): Promise<CheckView> {
    const row = (await this.#rows(CHECK_LIMITS.listed)).find((each) => each.id === id);
    if (!row) throw new DispatchError('NOT_FOUND', `check ${id}`);
    return viewOf(row, await this.#before(row.startedAt));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel();
    await this.#running;
  }

  async #run(check: CheckView, tasks: CheckTask[]): Promise<void> {
    const { clock, timeline, store } = this.#desk;
    await timeline.append({
      kind: 'check.started',
      actor: check.startedBy,
      data: { check: check.id, all: tasks.length },
    });
    const before = await this.#before(check.startedAt);
    const queue = [...tasks.entries()];
    const work = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const [index, task] = next;
        const startMs = clock.monotonic();
        const found = await this.#try(task);
        const was = before?.get(task.id);
        check.items[index] = {
          ...check.items[index]!,
          ...found,
          ms: Math.round(clock.monotonic() - startMs),
          ...(was ? { before: was } : {}),
        };
        this.emit('changed', check);
      }
    };
    await Promise.all(Array.from({ length: CHECK_LIMITS.atOnce }, work));
    check.endedAt = clock.now();
    check.failed = check.items.filter(({ state }) => state === 'failed').length;
    check.all = check.items.length;
    await store.query('INSERT INTO checks (id, started_at, ended_at, started_by, items) VALUES ($1, $2, $3, $4, $5)', [
      check.id,
      check.startedAt,
      check.endedAt,
      check.startedBy,
      JSON.stringify(check.items.map(({ before: _before, ...item }) => item)),
    ]);
    const red = check.items.filter(({ state }) => state === 'failed').map(({ id, detail }) => ({ id, detail }));
    await timeline.append({
      kind: 'check.ended',
      actor: check.startedBy,
      data: { check: check.id, all: check.all, failed: check.failed, red: red.slice(0, 100) },
    });
    this.emit('changed', check);
  }

  async #try(task: CheckTask): Promise<Pick<CheckItem, 'state' | 'detail'>> {
    const tooLong = Promise.withResolvers<Pick<CheckItem, 'state' | 'detail'>>();
    const timer = this.#desk.clock.after(CHECK_LIMITS.eachWithinMs, () =>
      tooLong.resolve({ state: 'failed', detail: `no result within ${CHECK_LIMITS.eachWithinMs / 1000} s` }),
    );
    try {
      return await Promise.race([task.test(), tooLong.promise]);
    } catch (error) {
      return { state: 'failed', detail: (error as Error).message.slice(0, 200) };
    } finally {
      timer.cancel();
    }
  }

  /** At the site's hour by the clock of this machine; a check that runs then already counts. */
  #schedule(): void {
    const { clock, directory } = this.#desk;
    const at = directory.site.morningCheck?.at;
    if (at === undefined) return;
    this.#timer = clock.after(msUntil(at, clock.now()), () => {
      if (!this.#running) this.start('schedule');
      this.#schedule();
    });
  }

  async #before(startedAt: number): Promise<ReadonlyMap<string, CheckItem['state']> | undefined> {
    const row = (await this.#rows(CHECK_LIMITS.listed)).find((each) => each.startedAt < startedAt);
    return row && new Map(row.items.map(({ id, state }) => [id, state]));
  }

  #rows(limit: number): Promise<CheckRow[]> {
    return this.#desk.store.query<CheckRow>(
      `SELECT id, started_at AS "startedAt", ended_at AS "endedAt", started_by AS "startedBy", items FROM checks
       ORDER BY started_at DESC LIMIT $1`,
      [limit],
    );
  }
}

/** A dispatcher asks for a check now. */
export async function startCheck(_command: CommandOf<'check.start'>, actor: Actor, desk: Desk) {
  return Promise.resolve({ check: desk.check.start(actor.user).id });
}

/** Milliseconds until the next time that the clock on the wall shows `HH:MM`. */
export function msUntil(at: string, nowMs: number): number {
  const [hour = 0, minute = 0] = at.split(':').map(Number);
  const next = new Date(nowMs);
  next.setHours(hour, minute, 0, 0);
  if (next.getTime() <= nowMs) next.setDate(next.getDate() + 1);
  return next.getTime() - nowMs;
}

function viewOf({ items, ...check }: CheckRow, before: ReadonlyMap<string, CheckItem['state']> | undefined): CheckView {
  return {
    ...check,
    failed: items.filter(({ state }) => state === 'failed').length,
    all: items.length,
    items: items.map((item) => {
      const was = before?.get(item.id);
      return was ? { ...item, before: was } : item;
    }),
  };
}
