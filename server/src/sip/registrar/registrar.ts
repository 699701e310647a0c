import { isIP } from 'node:net';

import type { Clock, Timer } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import { BadMessage } from '../message/bad-message.ts';
import type { Request } from '../message/message.ts';
import { Response } from '../message/message.ts';
import type { NameAddr } from '../message/name-addr.ts';
import { formatUri, parseUri, sameUri, userOf } from '../message/uri.ts';
import { type Flow, bare } from '../transport/flow.ts';
import { type Binding, bindingKey } from './binding.ts';
import { type BindingStore, noBindingStore } from './binding-store.ts';
import { flowNumberOf, pathOf, refuseFirstHop } from './outbound.ts';

/** Bounds of the registrar; seconds are those of Expires. */
export const REGISTRAR_LIMITS = {
  bindingsPerUser: 10,
  bindings: 100_000,
  /** A shorter wish is answered 423 with Min-Expires. */
  minExpiresS: 5,
  /** A longer wish is cut to this. */
  maxExpiresS: 7200,
  defaultExpiresS: 3600,
  /** How often expired bindings are looked for; lookups never return them meanwhile. */
  sweepEveryMs: 5000,
} as const;

type RegistrarEvents = { 'bindings-changed': [user: string, bindings: Binding[]] };

/** The registrar and its location service (RFC 3261 §10.3). Who may register is decided before a request comes here. */
export class Registrar extends Emitter<RegistrarEvents> implements AsyncDisposable {
  readonly #store: BindingStore;
  readonly #clock: Clock;
  readonly #byUser = new Map<string, Binding[]>();
  /** Flows of bindings registered since the start; those of before have none. */
  readonly #flows = new Map<Binding, Flow>();
  /** What stops watching the connections of those on WebSockets. */
  readonly #watches = new Map<Binding, () => void>();
  readonly #sweep: Timer;
  /** Users whose bindings are being written; the next REGISTER of such a user waits, so that none is lost. */
  readonly #writing = new Map<string, Promise<unknown>>();
  #count = 0;
  /** The Date header of this second. */
  #date = { second: 0, text: '' };

  private constructor(store: BindingStore, clock: Clock) {
    super();
    this.#store = store;
    this.#clock = clock;
    this.#sweep = clock.every(REGISTRAR_LIMITS.sweepEveryMs, () => this.#dropExpired());
  }

  /** Opens with the bindings of the store; those on WebSockets and those expired are gone with the last process. */
  static async open(options: { store?: BindingStore; clock: Clock }): Promise<Registrar> {
    const store = options.store ?? noBindingStore;
    const loaded = await store.load();
    const registrar = new Registrar(store, options.clock);
    const isAlive = (binding: Binding) => !binding.isWebSocket && binding.expiresAtMs > options.clock.now();
    for (const binding of loaded.filter(isAlive))
      registrar.#keep(binding.user, [...registrar.#of(binding.user), binding]);
    const dead = loaded.filter((binding) => !isAlive(binding));
    if (dead.length > 0) await store.remove(dead);
    return registrar;
  }

  /** Live bindings of a user, the preferred first. */
  lookup(user: string): Binding[] {
    const now = this.#clock.now();
    return this.#of(user)
      .filter(({ expiresAtMs }) => expiresAtMs > now)
      .sort((a, b) => b.q - a.q);
  }

  /** The flow a binding registered over, when it is still there. */
  flowOf(binding: Binding): Flow | undefined {
    const kept = this.#of(binding.user).find(({ contact }) => contact === binding.contact);
    const flow = kept && this.#flows.get(kept);
    return flow?.isOpen ? flow : undefined;
  }

  /** Bindings over UDP that are reached only where they registered from. */
  *behindNat(): Generator<Binding> {
    for (const bindings of this.#byUser.values())
      for (const binding of bindings) if (binding.isFlowBound && binding.source.transport === 'udp') yield binding;
  }

  snapshot(): { users: number; bindings: number } {
    return { users: this.#byUser.size, bindings: this.#count };
  }

  /**
   * Answers a REGISTER for `user` by the steps of RFC 3261 §10.3: 400 for a malformed one, 423 for too short a time, 503
   * over the limit, 500 when the request is older than what is bound, else 200 with all bindings.
   */
  register(request: Request, user: string, flow: Flow, toTag: string): Response | Promise<Response> {
    const writing = this.#writing.get(user);
    if (writing) return writing.then(() => this.register(request, user, flow, toTag));
    const now = this.#clock.now();
    const contacts = request.contacts;
    if (contacts.includes('*')) return this.#unregisterAll(request, user, toTag);
    const path = pathOf(request);
    const present = this.lookup(user);
    const put: Binding[] = [];
    const removed: Binding[] = [];
    let next = present;
    for (const contact of contacts as NameAddr[]) {
      const uri = contact.uri;
      if (uri.scheme === 'other') throw new BadMessage('the Contact cannot be called');
      const instance = contact.params.get('+sip.instance');
      const regId = flowNumberOf(request, contact);
      const refusal = regId === undefined ? undefined : refuseFirstHop(request, toTag);
      if (refusal) return refusal;
      const contactText = formatUri(uri);
      const old = next.filter((binding) =>
        // A phone with several flows is known by instance and flow, whatever its contact (RFC 5626 §6).
        regId !== undefined && binding.regId !== undefined
          ? binding.instance === instance && binding.regId === regId
          : // Nearly always the phone writes what it wrote before, and nothing needs to be read again.
            binding.contact === contactText ||
            sameUri(parseUri(binding.contact), uri) ||
            (instance !== undefined && binding.instance === instance),
      );
      // §10.3 step 7: from the same client, only a later request may change a binding.
      if (old.some(({ callId, cseq }) => callId === request.callId && cseq >= request.cseq.number))
        return Response.to(request, 500, { reason: 'Request Out Of Order', toTag });
      const expiresS = wishedExpiresS(contact, request);
      if (expiresS > 0 && expiresS < REGISTRAR_LIMITS.minExpiresS)
        return Response.to(request, 423, { toTag }).add('Min-Expires', String(REGISTRAR_LIMITS.minExpiresS));
      next = next.filter((binding) => !old.includes(binding));
      removed.push(...old);
      if (expiresS === 0) continue;
      const binding: Binding = {
        user,
        contact: contactText,
        q: readQ(contact.params.get('q')),
        callId: request.callId,
        cseq: request.cseq.number,
        expiresAtMs: now + expiresS * 1000,
        source: { transport: flow.transport, ...flow.remote },
        isFlowBound: path.length === 0 && isFlowBound(uri, request, flow),
        isWebSocket: flow.transport === 'ws',
        userAgent: request.get('User-Agent'),
        instance,
        ...(regId === undefined ? {} : { regId }),
        ...(path.length === 0 ? {} : { path }),
      };
      put.push(binding);
      next = [...next, binding];
    }
    if (put.length === 0 && removed.length === 0) return this.#ok(request, user, toTag);
    if (next.length > REGISTRAR_LIMITS.bindingsPerUser || this.#count + next.length > REGISTRAR_LIMITS.bindings)
      return Response.to(request, 503, { toTag }).add('Retry-After', '60');
    const kept = new Set(put.map(bindingKey));
    const gone = removed.filter((binding) => !kept.has(bindingKey(binding)));
    return this.#write(user, put, gone, () => {
      this.#keep(user, next);
      for (const binding of put) this.#watch(binding, flow);
      const isNews = gone.length > 0 || put.some((binding) => !present.some((old) => old.contact === binding.contact));
      if (isNews) this.emit('bindings-changed', user, this.lookup(user));
      return this.#ok(request, user, toTag);
    });
  }

  #unregisterAll(request: Request, user: string, toTag: string): Response | Promise<Response> {
    if (request.contacts.length !== 1 || wishedExpiresS(undefined, request) !== 0)
      throw new BadMessage('Contact: * needs Expires: 0 and no other contact');
    const present = this.#of(user);
    if (present.some(({ callId, cseq }) => callId === request.callId && cseq >= request.cseq.number))
      return Response.to(request, 500, { reason: 'Request Out Of Order', toTag });
    return this.#write(user, [], present, () => {
      this.#keep(user, []);
      if (present.length > 0) this.emit('bindings-changed', user, []);
      return this.#ok(request, user, toTag);
    });
  }

  /** Writes to the store, then does the rest; at once when the store is as quick. */
  #write(user: string, put: Binding[], gone: Binding[], then: () => Response): Response | Promise<Response> {
    const removing = gone.length > 0 ? this.#store.remove(gone) : undefined;
    const putting = put.length > 0 ? this.#store.put(put) : undefined;
    if (!removing && !putting) return then();
    const written = Promise.all([removing, putting]);
    const done = written.then(
      () => this.#writing.delete(user),
      () => this.#writing.delete(user),
    );
    this.#writing.set(user, done);
    return written.then(then);
  }

  #ok(request: Request, user: string, toTag: string): Response {
    const response = Response.to(request, 200, { toTag });
    const now = this.#clock.now();
    let isOutbound = false;
    for (const { contact, q, expiresAtMs, instance, regId, callId } of this.lookup(user)) {
      isOutbound ||= regId !== undefined && callId === request.callId;
      const rank = q === 1 ? '' : `;q=${q}`;
      const flow = regId === undefined ? '' : `;+sip.instance="${instance}";reg-id=${regId}`;
      response.add('Contact', `<${contact}>${rank}${flow};expires=${Math.ceil((expiresAtMs - now) / 1000)}`);
    }
    if (request.has('Path')) for (const each of request.list('Path')) response.add('Path', each);
    if (isOutbound) response.add('Require', 'outbound');
    return response.add('Date', this.#dateAt(now));
  }

  #dateAt(now: number): string {
    const second = Math.floor(now / 1000);
    if (second !== this.#date.second) this.#date = { second, text: new Date(now).toUTCString() };
    return this.#date.text;
  }

  #of(user: string): Binding[] {
    return this.#byUser.get(user) ?? NONE;
  }

  #keep(user: string, bindings: Binding[]): void {
    const before = this.#of(user);
    this.#count += bindings.length - before.length;
    for (const binding of before) if (!bindings.includes(binding)) this.#unwatch(binding);
    if (bindings.length > 0) this.#byUser.set(user, bindings);
    else this.#byUser.delete(user);
  }

  /** A WebSocket that closes takes its binding along: nobody could ever reach that contact again. */
  #watch(binding: Binding, flow: Flow): void {
    this.#flows.set(binding, flow);
    if (binding.isWebSocket)
      this.#watches.set(
        binding,
        flow.onClosed(() => this.#flowClosed(binding)),
      );
  }

  #unwatch(binding: Binding): void {
    this.#flows.delete(binding);
    this.#watches.get(binding)?.();
    this.#watches.delete(binding);
  }

  #flowClosed(binding: Binding): void {
    const rest = this.#of(binding.user).filter((other) => other !== binding);
    if (rest.length === this.#of(binding.user).length) return;
    this.#keep(binding.user, rest);
    void Promise.resolve(this.#store.remove([binding])).catch(() => {});
    this.emit('bindings-changed', binding.user, this.lookup(binding.user));
  }

  #dropExpired(): void {
    const now = this.#clock.now();
    for (const [user, bindings] of this.#byUser) {
      const dead = bindings.filter(({ expiresAtMs }) => expiresAtMs <= now);
      if (dead.length === 0) continue;
      this.#keep(
        user,
        bindings.filter((binding) => !dead.includes(binding)),
      );
      // What the store fails to forget now is dropped when it is loaded, being expired.
      void Promise.resolve(this.#store.remove(dead)).catch(() => {});
      this.emit('bindings-changed', user, this.lookup(user));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sweep.cancel();
    for (const stopWatching of this.#watches.values()) stopWatching();
  }
}

const NONE: Binding[] = [];

/** The seconds wished for; a value out of range counts as the default (RFC 4475 §3.1.2.4), a large one is cut. */
function wishedExpiresS(contact: NameAddr | undefined, request: Request): number {
  const text = contact?.params.get('expires') ?? request.get('Expires');
  if (text === undefined || !/^\d{1,10}$/.test(text)) return REGISTRAR_LIMITS.defaultExpiresS;
  return Math.min(Number(text), REGISTRAR_LIMITS.maxExpiresS);
}

const readQ = (text: string | undefined): number =>
  text && /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 1;

function isFlowBound(uri: NameAddr['uri'], request: Request, flow: Flow): boolean {
  if (flow.transport !== 'udp') return true;
  // One Via means that no proxy stands between, so a source other than the contact is the work of a NAT.
  if (request.list('Via').length > 1 || (uri.scheme !== 'sip' && uri.scheme !== 'sips')) return false;
  const host = bare(uri.host);
  return isIP(host) === 0 ? host.endsWith('.invalid') : host !== flow.remote.host;
}

/** The user whose bindings a REGISTER is about: To's; throws BadMessage 400 when To is no SIP URI (RFC 4475 §3.3.4). */
export function addressOfRecordUser(request: Request): string {
  const { uri } = request.to;
  if (uri.scheme === 'other' || userOf(uri) === '') throw new BadMessage('To is no address of record');
  return userOf(uri);
}
