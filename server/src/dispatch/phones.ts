import { Emitter } from '#kernel/emitter.ts';
import type { UserAgent } from '#sip/user-agent/user-agent.ts';

/** Which of our accounts have a phone registered now. */
export class Phones extends Emitter<{ changed: [user: string] }> {
  readonly #userAgent: UserAgent;

  constructor(userAgent: UserAgent) {
    super();
    this.#userAgent = userAgent;
    userAgent.on('bindings-changed', (user) => this.emit('changed', user));
  }

  /** How many phones are registered under this account. */
  count(user: string): number {
    return this.#userAgent.registrar.lookup(user).length;
  }

  isRegistered(user: string): boolean {
    return this.count(user) > 0;
  }
}
