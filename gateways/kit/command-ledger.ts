import type { GatewayCommandResult } from '@tocsin/protocol/gateway.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { openJournal, type Journal } from './journal.ts';

export const COMMAND_LIMITS = {
  /** Commands whose results are remembered; the oldest are forgotten first. */
  remembered: 20_000,
  /** The file is rewritten when it has more dead lines than this. */
  deadLines: 20_000,
} as const;

type Line = { begun: string } | { ended: GatewayCommandResult };

/** Which commands were begun and how they ended, on the disk, so that each is done once. */
export class CommandLedger implements AsyncDisposable {
  readonly #journal: Journal;
  readonly #log: Log;
  readonly #results = new Map<string, GatewayCommandResult | 'begun'>();
  /** Begun by a former life of this process and never ended. */
  readonly #orphans = new Set<string>();

  /** Use openCommandLedger. */
  constructor(journal: Journal, log: Log) {
    this.#journal = journal;
    this.#log = log;
    for (const line of journal.found as Line[]) {
      if ('begun' in line) this.#results.set(line.begun, 'begun');
      else this.#results.set(line.ended.command, line.ended);
    }
    for (const [id, result] of this.#results) if (result === 'begun') this.#orphans.add(id);
    this.#forget();
  }

  /** What is known of a command: nothing, under way, its result, or that a crash cut it off. */
  look(
    command: string,
  ): { kind: 'new' } | { kind: 'under-way' } | { kind: 'cut-off' } | { kind: 'ended'; result: GatewayCommandResult } {
    const known = this.#results.get(command);
    if (known === undefined) return { kind: 'new' };
    if (known !== 'begun') return { kind: 'ended', result: known };
    return this.#orphans.has(command) ? { kind: 'cut-off' } : { kind: 'under-way' };
  }

  /** @returns when the beginning is on the disk. */
  async begin(command: string): Promise<void> {
    this.#orphans.delete(command);
    this.#results.set(command, 'begun');
    await this.#journal.append({ begun: command } satisfies Line);
  }

  /** @returns when the result is on the disk. */
  async end(result: GatewayCommandResult): Promise<void> {
    this.#orphans.delete(result.command);
    this.#results.delete(result.command);
    this.#results.set(result.command, result);
    this.#forget();
    await this.#journal.append({ ended: result } satisfies Line);
    if (this.#journal.lines - this.#results.size > COMMAND_LIMITS.deadLines)
      this.#journal
        .rewrite(() =>
          [...this.#results].map(([id, known]): Line => (known === 'begun' ? { begun: id } : { ended: known })),
        )
        .catch((error: unknown) => this.#log.error('command journal not compacted', { error }));
  }

  async [Symbol.asyncDispose]() {
    await this.#journal[Symbol.asyncDispose]();
  }

  #forget() {
    for (const id of this.#results.keys()) {
      if (this.#results.size <= COMMAND_LIMITS.remembered) return;
      this.#results.delete(id);
    }
  }
}

export async function openCommandLedger(options: { file: string; log: Log }): Promise<CommandLedger> {
  return new CommandLedger(await openJournal(options), options.log);
}
