import type { Clock, Timer } from '#kernel/clock.ts';

/** Read a row as "in this state, on this input, go there and do that". An input that has no row is dropped. */
export type Table<State extends string, Input extends string, Action extends string> = Record<
  State,
  Partial<Record<Input, readonly [State, ...Action[]]>>
>;

/** What runs a transaction's table: its state, its timers, and the log of nothing else. */
export abstract class Machine<State extends string, Input extends string, Action extends string> {
  state: State;
  protected readonly clock: Clock;
  readonly #table: Table<State, Input, Action>;
  #timers: { input: Input; timer: Timer }[] | undefined;

  constructor(table: Table<State, Input, Action>, initial: State, clock: Clock) {
    this.#table = table;
    this.state = initial;
    this.clock = clock;
  }

  protected abstract perform(action: Action): void;

  /** Feeds one input; timers that ran in a state left behind are cancelled. */
  protected input(input: Input): void {
    const row = this.#table[this.state][input];
    if (!row) return;
    const next = row[0];
    if (next !== this.state) {
      this.cancelTimers();
      this.state = next;
    }
    for (let i = 1; i < row.length; i += 1) this.perform(row[i] as Action);
  }

  protected cancelTimers(): void {
    for (const { timer } of this.#timers ?? []) timer.cancel();
    this.#timers = undefined;
  }

  /** Sets a timer of the present state; setting it again replaces it. */
  protected setTimer(input: Input, delayMs: number): void {
    this.#timers ??= [];
    const present = this.#timers.findIndex((entry) => entry.input === input);
    if (present >= 0) this.#timers.splice(present, 1)[0]!.timer.cancel();
    this.#timers.push({ input, timer: this.clock.after(delayMs, () => this.input(input)) });
  }
}
