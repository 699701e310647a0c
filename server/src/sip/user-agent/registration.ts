import { type Clock, type Timer } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import { Request } from '../message/message.ts';
import { escapeUser } from '../message/uri.ts';
import type { SessionCore } from '../session/core.ts';
import { sendRequest } from '../session/send-request.ts';
import type { Flow } from '../transport/flow.ts';

export type RegistrationState =
  | { kind: 'registering' }
  | { kind: 'registered'; expiresAtMs: number }
  /** It goes on trying. `status` is absent when nobody answered. */
  | { kind: 'failed'; status?: number; retryAtMs: number }
  | { kind: 'ended' };

/** We as a client of a registrar: kept alive until disposed of, which unregisters. */
export interface Registration extends AsyncDisposable, Listenable<{ state: [RegistrationState] }> {
  readonly state: RegistrationState;
}

export interface RegisterOptions {
  /** sip: URI of the registrar. */
  registrar: string;
  user: string;
  password?: string;
  /** Wished seconds; the registrar's word counts. */
  expiresS: number;
}

/** Waits between attempts after a failure grow from the first to the second (RFC 5626 §4.5 in spirit). */
const RETRY_FIRST_MS = 2000;
const RETRY_MOST_MS = 120_000;

export class ClientRegistration extends Emitter<{ state: [RegistrationState] }> implements Registration {
  readonly #core: SessionCore;
  readonly #options: RegisterOptions;
  readonly #flow: () => Flow | undefined;
  /** Of the outbound proxy. */
  readonly #route: string | undefined;
  readonly #callId: string;
  readonly #tag: string;
  #cseq = 0;
  #failures = 0;
  #timer: Timer | undefined;
  #state: RegistrationState = { kind: 'registering' };
  /** The server's least interval, once it has refused ours with 423. */
  #minExpiresS = 0;

  constructor(core: SessionCore, flow: () => Flow | undefined, options: RegisterOptions, route?: string) {
    super();
    this.#route = route;
    this.#core = core;
    this.#flow = flow;
    this.#options = options;
    this.#callId = core.chance.token(12);
    this.#tag = core.chance.token(6);
    void this.#refresh();
  }

  get state(): RegistrationState {
    return this.#state;
  }

  get #clock(): Clock {
    return this.#core.clock;
  }

  async #refresh(): Promise<void> {
    const outcome = await this.#send(Math.max(this.#options.expiresS, this.#minExpiresS));
    if (this.#state.kind === 'ended') return;
    if (outcome.kind === 'answered' && outcome.response.status < 300) {
      this.#failures = 0;
      const expiresS = Math.max(
        1,
        grantedS(outcome.response.get('Expires'), outcome.response.list('Contact'), this.#options),
      );
      // Well before the end, so that one lost try does no harm.
      this.#timer = this.#clock.after(expiresS * 1000 * 0.8, () => void this.#refresh());
      return this.#become({ kind: 'registered', expiresAtMs: this.#clock.now() + expiresS * 1000 });
    }
    const status = outcome.kind === 'answered' ? outcome.response.status : undefined;
    if (outcome.kind === 'answered' && status === 423 && this.#minExpiresS === 0) {
      this.#minExpiresS = Math.min(Number(outcome.response.get('Min-Expires')) || 3600, 86_400);
      return this.#refresh();
    }
    this.#failures += 1;
    const delayMs =
      Math.min(RETRY_FIRST_MS * 2 ** (this.#failures - 1), RETRY_MOST_MS) * (0.75 + this.#core.chance.fraction() / 2);
    this.#timer = this.#clock.after(delayMs, () => void this.#refresh());
    this.#become({ kind: 'failed', status, retryAtMs: this.#clock.now() + delayMs });
  }

  #send(expiresS: number) {
    const { registrar, user, password } = this.#options;
    const flow = this.#flow();
    const build = () => {
      this.#cseq += 1;
      const aor = registrar.replace(/^(sips?:)(?:[^@]*@)?([^;?]*).*$/i, `$1${escapeUser(user)}@$2`);
      const request = new Request('REGISTER', registrar).add('Max-Forwards', '70');
      if (this.#route !== undefined) request.add('Route', this.#route);
      return request
        .add('From', `<${aor}>;tag=${this.#tag}`)
        .add('To', `<${aor}>`)
        .add('Call-ID', this.#callId)
        .add('CSeq', `${this.#cseq} REGISTER`)
        .add('Contact', this.#core.contact(user, flow ?? { transport: 'udp' }))
        .add('Expires', String(expiresS))
        .add('User-Agent', this.#core.productName);
    };
    return sendRequest(this.#core, flow, build, password === undefined ? undefined : { user, password });
  }

  #become(state: RegistrationState): void {
    this.#state = state;
    this.emit('state', state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state.kind === 'ended') return;
    const wasRegistered = this.#state.kind === 'registered';
    this.#timer?.cancel();
    this.#become({ kind: 'ended' });
    if (wasRegistered) await this.#send(0);
  }
}

function grantedS(header: string | undefined, contacts: string[], { user, expiresS }: RegisterOptions): number {
  const own = contacts.find((contact) => contact.includes(`sip:${escapeUser(user)}@`)) ?? contacts[0];
  const ofContact = /;expires=(\d{1,9})/i.exec(own ?? '')?.[1];
  return Number(ofContact ?? (/^\d{1,9}$/.test(header ?? '') ? header : expiresS));
}
