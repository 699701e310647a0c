import { type Clock, type Timer } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import { Request } from '../message/message.ts';
import { escapeUser } from '../message/uri.ts';
import type { SessionCore } from '../session/core.ts';
import { sendAlong } from '../session/send-request.ts';
import type { Flow } from '../transport/flow.ts';

export type RegistrationState =
  | { kind: 'registering' }
  | { kind: 'registered'; expiresAtMs: number }
  /** It goes on trying. `status` is absent when nobody answered. */
  | { kind: 'failed'; status?: number; retryAtMs: number }
  | { kind: 'ended' };

/**
 * We as a client of a registrar, as a trunk may want it: `userAgent.register({ registrar: 'sip:carrier.example', user, password,
 * expiresS: 600 })`. It is refreshed at four fifths of the time granted, tried again after 2 s to 2 min when it fails, and
 * ended by disposing of it, which unregisters. `state` tells how it stands, the event `state` each change. Calls that come
 * by it arrive as any other: take them by `trustedSource`, or by the number dialled.
 */
export interface Registration extends AsyncDisposable, Listenable<{ state: [RegistrationState] }> {
  readonly state: RegistrationState;
}

export interface RegisterOptions {
  /** sip: URI of the registrar; a host name is looked up by NAPTR and SRV, and its targets tried in turn (RFC 3263). */
  registrar: string;
  user: string;
  /** The name for digest, where the registrar has another than the number; `user` when absent. */
  authUser?: string;
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
  readonly #ways: () => Promise<Flow[]>;
  readonly #avoid: (flow: Flow) => void;
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

  constructor(
    core: SessionCore,
    way: { to: () => Promise<Flow[]>; avoid: (flow: Flow) => void; route?: string },
    options: RegisterOptions,
  ) {
    super();
    this.#route = way.route;
    this.#ways = way.to;
    this.#avoid = way.avoid;
    this.#core = core;
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

  async #send(expiresS: number) {
    const { registrar, user, authUser, password } = this.#options;
    const build = (flow: Flow) => {
      this.#cseq += 1;
      const aor = registrar.replace(/^(sips?:)(?:[^@]*@)?([^;?]*).*$/i, `$1${escapeUser(user)}@$2`);
      const request = new Request('REGISTER', registrar).add('Max-Forwards', '70');
      if (this.#route !== undefined) request.add('Route', this.#route);
      return request
        .add('From', `<${aor}>;tag=${this.#tag}`)
        .add('To', `<${aor}>`)
        .add('Call-ID', this.#callId)
        .add('CSeq', `${this.#cseq} REGISTER`)
        .add('Contact', this.#core.contact(user, flow))
        .add('Expires', String(expiresS))
        .add('User-Agent', this.#core.productName);
    };
    const credentials = password === undefined ? undefined : { user: authUser ?? user, password };
    return sendAlong(this.#core, await this.#ways(), build, credentials, this.#avoid);
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
