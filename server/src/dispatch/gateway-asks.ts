import type { GatewayCommand, GatewayCommandResult } from '@tocsin/protocol/gateway.ts';
import type { NewGatewayCommand } from '#calls/gateway-resources.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';

interface AskOptions {
  send(gateway: string, command: GatewayCommand): Promise<void>;
  clock: Clock;
  chance: Chance;
}

/** Commands to gateways whose answers are waited for. */
export class GatewayAsks {
  readonly #options: AskOptions;
  readonly #waiting = new Map<string, (result: GatewayCommandResult) => void>();

  constructor(options: AskOptions) {
    this.#options = options;
  }

  /** @returns the gateway's answer; refused when none came in time */
  async ask(gateway: string, command: NewGatewayCommand, withinMs: number): Promise<GatewayCommandResult> {
    const { clock, chance, send } = this.#options;
    const id = chance.id('ask');
    const answered = Promise.withResolvers<GatewayCommandResult>();
    this.#waiting.set(id, answered.resolve);
    const timer = clock.after(withinMs, () =>
      answered.resolve({ command: id, outcome: 'refused', because: `no answer within ${withinMs / 1000} s` }),
    );
    try {
      await send(gateway, { ...command, command: id } as GatewayCommand);
      return await answered.promise;
    } catch (error) {
      return { command: id, outcome: 'refused', because: (error as Error).message };
    } finally {
      timer.cancel();
      this.#waiting.delete(id);
    }
  }

  /** @returns whether somebody waited for this answer */
  take(result: GatewayCommandResult): boolean {
    const waiting = this.#waiting.get(result.command);
    waiting?.(result);
    return waiting !== undefined;
  }
}
