import { Dialog } from '../dialog/dialog.ts';
import type { DialogUser } from '../dialog/dialog-table.ts';
import { type Request, Response, parseTokenWithParams } from '../message/message.ts';
import { formatUri, userOf } from '../message/uri.ts';
import type { SessionCore } from '../session/core.ts';
import { sendRequest } from '../session/send-request.ts';
import type { Timer } from '#kernel/clock.ts';
import type { Flow } from '../transport/flow.ts';
import type { ServerTransaction } from '../transaction/transaction-layer.ts';

/** Bounds of one event package; seconds are those of Expires. */
export const NOTIFIER_LIMITS = {
  /** A SUBSCRIBE beyond is answered 503. */
  subscriptions: 20_000,
  /** Watchers of one user; beyond, 503 as well. */
  perUser: 200,
  /** A shorter wish is answered 423 with Min-Expires; 0 asks once. */
  minExpiresS: 30,
  maxExpiresS: 7200,
  defaultExpiresS: 3600,
} as const;

/** What a NOTIFY is made for. */
export interface Watched {
  user: string;
  /** The URI that was subscribed to, for the body. */
  entity: string;
  /** Counts the NOTIFYs of this subscription from 0, as RFC 4235 §4.1 wants. */
  version: number;
  /** Who watches, proven by digest. */
  watcher?: string;
}

export interface NotifierOptions {
  contentType: string;
  /** The whole present state; undefined for a user that there is not (404). */
  body(watched: Watched): string | undefined;
  /** Whether `watcher` may see the state of `user`; everyone who may call when absent. */
  maySee?(watcher: string | undefined, user: string): boolean;
}

/** Tells subscribers of the state of users: one event package (RFC 6665 §4.2). */
export interface Notifier {
  /** The state of this user has changed: all who watch it are told. */
  changed(user: string): void;
  snapshot(): { subscriptions: number };
}

type Ending = 'timeout' | 'deactivated' | 'noresource';

export class EventNotifier implements Notifier {
  readonly event: string;
  readonly options: NotifierOptions;
  readonly core: SessionCore;
  readonly #byUser = new Map<string, Set<Subscription>>();
  #count = 0;

  constructor(event: string, options: NotifierOptions, core: SessionCore) {
    this.event = event;
    this.options = options;
    this.core = core;
  }

  changed(user: string): void {
    for (const subscription of this.#byUser.get(user) ?? []) subscription.tell();
  }

  snapshot(): { subscriptions: number } {
    return { subscriptions: this.#count };
  }

  /** Answers a SUBSCRIBE outside a dialog from someone who may call. */
  subscribe(request: Request, transaction: ServerTransaction, flow: Flow, watcher: string | undefined): void {
    const toTag = this.core.chance.token(6);
    const refuse = (status: number) => transaction.respond(Response.to(request, status, { toTag }));
    const { contentType, maySee, body } = this.options;
    const user = userOf(request.uri);
    const entity = formatUri(request.uri).replace(/[;?].*$/, '');
    if (maySee?.(watcher, user) === false) return refuse(403);
    if (body({ user, entity, version: 0, watcher }) === undefined) return refuse(404);
    const accepted = request.list('Accept').map((type) => type.split(';', 1)[0]!.trim().toLowerCase());
    if (accepted.length > 0 && !accepted.includes(contentType) && !accepted.includes('*/*')) return refuse(406);
    const expiresS = wishedExpiresS(request);
    if (isTooShort(expiresS)) return transaction.respond(tooShort(request, toTag));
    const watchers = this.#byUser.get(user)?.size ?? 0;
    if (this.#count >= NOTIFIER_LIMITS.subscriptions || watchers >= NOTIFIER_LIMITS.perUser)
      return transaction.respond(Response.to(request, 503, { toTag }).add('Retry-After', '60'));
    const dialog = Dialog.asUas(request, toTag, flow);
    const subscription = new Subscription(this, dialog, request.get('Event')!, { user, entity, version: 0, watcher });
    this.#add(user, subscription);
    subscription.accept(request, transaction, expiresS, toTag);
  }

  forget(user: string, subscription: Subscription): void {
    const watchers = this.#byUser.get(user);
    if (!watchers?.delete(subscription)) return;
    this.#count -= 1;
    if (watchers.size === 0) this.#byUser.delete(user);
  }

  #add(user: string, subscription: Subscription): void {
    const watchers = this.#byUser.get(user) ?? new Set();
    this.#byUser.set(user, watchers.add(subscription));
    this.#count += 1;
  }
}

/** One who watches one user. */
class Subscription implements DialogUser {
  readonly #notifier: EventNotifier;
  readonly #dialog: Dialog;
  /** As in the SUBSCRIBE, its id included (RFC 6665 §4.2.2 by way of §8.2.1). */
  readonly #event: string;
  readonly #watched: Watched;
  #expiresAtMs = 0;
  #timer: Timer | undefined;
  #isEnded = false;
  #isTelling = false;
  #hasNews = false;

  constructor(notifier: EventNotifier, dialog: Dialog, event: string, watched: Watched) {
    this.#notifier = notifier;
    this.#dialog = dialog;
    this.#event = event;
    this.#watched = watched;
    notifier.core.dialogs.add(dialog.id, this);
  }

  /** Says yes to a SUBSCRIBE, the first or a later one, and sends the NOTIFY it must be followed by. */
  accept(request: Request, transaction: ServerTransaction, expiresS: number, toTag?: string): void {
    const { clock } = this.#notifier.core;
    const response = Response.to(request, 200, { toTag });
    for (const line of request.all('Record-Route')) response.add('Record-Route', line);
    transaction.respond(response.add('Expires', String(expiresS)).add('Contact', this.#contact()));
    this.#timer?.cancel();
    if (expiresS === 0) return void this.#end('timeout');
    this.#expiresAtMs = clock.monotonic() + expiresS * 1000;
    this.#timer = clock.after(expiresS * 1000, () => void this.#end('timeout'));
    this.tell();
  }

  /** Sends the state. While a NOTIFY is unanswered, news are gathered for the next. */
  tell(): void {
    if (this.#isEnded) return;
    if (this.#isTelling) this.#hasNews = true;
    else void this.#tellUntilNoNews();
  }

  onRequest(request: Request, transaction: ServerTransaction, flow: Flow): void {
    const respond = (status: number) => transaction.respond(Response.to(request, status));
    if (!this.#dialog.takeCSeq(request)) return respond(500);
    if (request.method !== 'SUBSCRIBE') return respond(405);
    if (this.#isEnded) return respond(481);
    const expiresS = wishedExpiresS(request);
    if (isTooShort(expiresS)) return transaction.respond(tooShort(request));
    this.#dialog.refreshTarget(request);
    this.#dialog.refreshFlow(request, flow);
    this.accept(request, transaction, expiresS);
  }

  onAck(): void {}

  close(): Promise<void> {
    return this.#end('deactivated');
  }

  async #tellUntilNoNews(): Promise<void> {
    this.#isTelling = true;
    do {
      this.#hasNews = false;
      const leftS = Math.max(0, Math.ceil((this.#expiresAtMs - this.#notifier.core.clock.monotonic()) / 1000));
      await this.#notify(`active;expires=${leftS}`);
    } while (this.#hasNews && !this.#isEnded);
    this.#isTelling = false;
  }

  async #end(reason: Ending): Promise<void> {
    if (this.#isEnded) return;
    this.#forget();
    await this.#notify(`terminated;reason=${reason}`);
  }

  async #notify(state: string): Promise<void> {
    const { core, options } = this.#notifier;
    const body = options.body(this.#watched);
    if (body === undefined && !this.#isEnded) return this.#end('noresource');
    this.#watched.version += 1;
    const build = () => {
      const request = this.#dialog
        .request('NOTIFY')
        .add('Event', this.#event)
        .add('Subscription-State', state)
        .add('Contact', this.#contact())
        .add('User-Agent', core.productName);
      return body === undefined ? request : request.setBody(options.contentType, body);
    };
    const outcome = await sendRequest(core, core.flowFor(this.#dialog), build);
    // Whoever does not take a NOTIFY subscribes no more (RFC 6665 §4.2.2); he who was only slow will ask again.
    if (outcome.kind !== 'answered' || outcome.response.status >= 300) this.#forget();
  }

  #forget(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#timer?.cancel();
    this.#notifier.forget(this.#watched.user, this);
    this.#notifier.core.dialogs.remove(this.#dialog.id);
  }

  #contact(): string {
    const { core } = this.#notifier;
    return core.contact(this.#watched.user, core.flowFor(this.#dialog) ?? { transport: 'udp' });
  }
}

/** The package a SUBSCRIBE names; undefined when it names none. */
export function eventOf(request: Request): string | undefined {
  const value = request.get('Event');
  return value === undefined ? undefined : parseTokenWithParams(value).token.toLowerCase();
}

function wishedExpiresS(request: Request): number {
  const text = request.get('Expires');
  if (text === undefined || !/^\d{1,10}$/.test(text)) return NOTIFIER_LIMITS.defaultExpiresS;
  return Math.min(Number(text), NOTIFIER_LIMITS.maxExpiresS);
}

const isTooShort = (expiresS: number): boolean => expiresS > 0 && expiresS < NOTIFIER_LIMITS.minExpiresS;

const tooShort = (request: Request, toTag?: string): Response =>
  Response.to(request, 423, { toTag }).add('Min-Expires', String(NOTIFIER_LIMITS.minExpiresS));
