import { join } from 'node:path';
import type { GatewayResource } from '@tocsin/protocol/gateway.ts';
import { openGateway, type Gateway, type GatewayOptions } from '../kit/gateway.ts';
import { Inbox } from './inbox.ts';
import { Provider, type ProviderConfig } from './provider.ts';
import { ReceiptWatch } from './receipt-watch.ts';
import { dayOf } from './pace.ts';
import type { Receipt } from './receipt.ts';
import { cutIntoSegments } from './segments.ts';
import type { Delivery, OutgoingPart } from './session.ts';
import { digits, eventId, referenceOf, userReferenceOf } from './submit.ts';
import { LEDGER_LIMITS, openTextLedger, type Text, type TextLedger } from './text-ledger.ts';

export const SMS_LIMITS = {
  /** A text that could not be sent for so long is given up. */
  waitAtMostMs: 24 * 3600_000,
  /** Refusals for a passing reason after which a text is given up. */
  attempts: 6,
  /** The first wait after such a refusal; it doubles each time. */
  retryFirstMs: 1000,
  /** A receipt that has not come after this time is asked for, where the centre can be asked. */
  receiptWithinMs: 15 * 60_000,
  /** Receipts that came before the answer to their submit_sm; the oldest are dropped. */
  earlyReceipts: 5000,
} as const;

export interface SmsGatewayOptions extends Omit<GatewayOptions, 'kind'> {
  /** Tried in this order. */
  providers: ProviderConfig[];
  /** Default `SMS_LIMITS.receiptWithinMs`. */
  receiptWithinMs?: number;
}

/** What is reported of a text that a crash, or a lost connection, left between submit_sm and its answer. */
const UNKNOWN_AFTER_RESTART = 'outcome unknown after restart; not sent again';

/** Opens the short-message gateway: command `send-text` → SMPP 3.4 or CMPP → events text-sent, text-delivered, text-receipt-lost, text-failed, text-received. */
export async function startSmsGateway(options: SmsGatewayOptions): Promise<SmsGateway> {
  await using opened = new AsyncDisposableStack();
  const file = join(options.journalFolder, `${options.id}.texts.jsonl`);
  const ledger = opened.use(await openTextLedger({ file, log: options.log }));
  const gateway = opened.use(await openGateway({ ...options, kind: 'sms' }));
  return new SmsGateway(options, gateway, ledger, opened.move());
}

export class SmsGateway implements AsyncDisposable {
  readonly gateway: Gateway;
  readonly #options: SmsGatewayOptions;
  readonly #ledger: TextLedger;
  readonly #parts: AsyncDisposableStack;
  readonly #providers: Provider[];
  readonly #inbox: Inbox;
  readonly #early = new Map<string, { provider: string; receipt: Receipt }>();
  readonly #sending = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  /** Texts that may be sent now, in order. */
  readonly #queue: Text[] = [];

  constructor(options: SmsGatewayOptions, gateway: Gateway, ledger: TextLedger, parts: AsyncDisposableStack) {
    const { clock, chance, log } = options;
    this.gateway = gateway;
    this.#options = options;
    this.#ledger = ledger;
    this.#parts = parts;
    this.#inbox = new Inbox(clock);
    this.#providers = options.providers.map((config) => {
      const onDelivery = (delivery: Delivery) => this.#delivered(config.id, delivery);
      const today = dayOf(clock.now());
      const sentToday = ledger.partsOn(config.id, (atMs) => dayOf(atMs) === today);
      const parts = { clock, chance, log: log.with({ provider: config.id }), faults: gateway.faults };
      return new Provider(config, { ...parts, sentToday, onDelivery });
    });
    for (const provider of this.#providers) {
      provider.events.on('up', () => gateway.setResource(resourceOf(provider)));
      provider.events.on('down', () => gateway.setResource(resourceOf(provider)));
      provider.events.on('spent', () => gateway.setResource(resourceOf(provider)));
      provider.events.on('has-room', () => {
        gateway.setResource(resourceOf(provider));
        this.#pump();
      });
    }
    gateway.announce(this.#providers.map(resourceOf));
    gateway.onCommand('send-text', (command) => this.#accept(command), { afterCrash: 'again' });
    gateway.onCommand('self-test', ({ resource }) => this.#test(resource), { afterCrash: 'again' });
    this.#resume();
    const sweep = clock.every(60_000, () => this.#giveUpOld());
    const receiptWithinMs = options.receiptWithinMs ?? SMS_LIMITS.receiptWithinMs;
    const receipts = new ReceiptWatch({
      ledger,
      clock,
      withinMs: receiptWithinMs,
      queryOf: (text) => this.#providers.find(({ config }) => config.id === text.provider),
      onReceipt: (text, receipt) => this.#apply(text, receipt),
      onLost: (text, because) => this.#loseReceipt(text, because),
    });
    const chase = clock.every(Math.min(60_000, receiptWithinMs / 2), () => {
      receipts.chase().catch((error: unknown) => log.error('receipts not asked for', { error }));
    });
    this.#abort.signal.addEventListener('abort', () => {
      sweep.cancel();
      chase.cancel();
    });
  }

  snapshot() {
    return {
      ...this.gateway.snapshot(),
      texts: this.#ledger.snapshot(),
      queued: this.#queue.length,
      providers: this.#providers.map((provider) => provider.snapshot()),
    };
  }

  /** Finishes the submissions that are under way (≤ 5 s), then closes. */
  async [Symbol.asyncDispose]() {
    this.#abort.abort();
    const tooLong = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(5000, tooLong.resolve);
    await Promise.race([Promise.all([...this.#sending]), tooLong.promise]);
    timer.cancel();
    await Promise.all(this.#providers.map((provider) => provider[Symbol.asyncDispose]()));
    await this.#parts.disposeAsync();
  }

  // --- in ---

  async #accept({ command, to, text }: { command: string; to: string; text: string }) {
    if (this.#ledger.get(command)) return { outcome: 'done' as const };
    const number = to.replace(/[\s()-]/g, '');
    if (!/^\+?[0-9]{3,20}$/.test(number)) return refused(`"${to}" is not a number that a text can go to`);
    if (this.#ledger.unfinished >= LEDGER_LIMITS.waiting) return refused(`${LEDGER_LIMITS.waiting} texts wait already`);
    try {
      cutIntoSegments(text, 0);
    } catch (error) {
      return refused((error as Error).message);
    }
    const record: Text = {
      command,
      to: number,
      text,
      atMs: this.#options.clock.now(),
      state: 'waiting',
      messageIds: [],
      partsDelivered: [],
      parts: 1,
      attempts: 0,
      told: [],
    };
    await this.#ledger.put(record);
    this.#queue.push(record);
    this.#pump();
    return { outcome: 'done' as const };
  }

  /** After a restart: nothing is lost, and nothing is sent twice. */
  #resume() {
    for (const text of this.#ledger.all()) {
      if (text.state === 'waiting') this.#queue.push(text);
      if (text.state === 'submitting') this.#fail(text, UNKNOWN_AFTER_RESTART);
      else this.#tellWhatIsNotTold(text);
    }
  }

  #giveUpOld() {
    const before = this.#options.clock.now() - SMS_LIMITS.waitAtMostMs;
    for (const text of this.#queue.filter(({ atMs }) => atMs < before)) {
      this.#queue.splice(this.#queue.indexOf(text), 1);
      this.#fail(text, `no short-message centre took it within ${SMS_LIMITS.waitAtMostMs / 3600_000} hours`);
    }
  }

  // --- out ---

  #pump() {
    while (this.#queue.length > 0 && !this.#abort.signal.aborted) {
      const provider = this.#providerFor(this.#queue[0]!);
      if (!provider) return;
      const text = this.#queue.shift()!;
      const parts = partsOf(text, provider.config);
      provider.begin(parts.length);
      const used = { messages: 0 };
      const sending = this.#send(text, provider, parts, used)
        .catch((error: unknown) => this.#options.log.error('text not sent', { command: text.command, error }))
        .finally(() => {
          this.#sending.delete(sending);
          provider.end(parts.length - used.messages);
        });
      this.#sending.add(sending);
    }
  }

  /** The first that may be sent to now; one that has just refused this text only when no other is there. */
  #providerFor({ refusedBy = [] }: Text): Provider | undefined {
    const others = this.#providers.filter(({ config }) => !refusedBy.includes(config.id));
    const isOtherThere = others.some(({ isUp, isSpent }) => isUp && !isSpent);
    return (isOtherThere ? others : this.#providers).find(({ hasRoom }) => hasRoom);
  }

  /** @param used counts what the provider took, or may have taken */
  async #send(text: Text, provider: Provider, parts: OutgoingPart[], used: { messages: number }): Promise<void> {
    await this.#ledger.set(text, {
      state: 'submitting',
      provider: provider.config.id,
      parts: parts.length,
      messageIds: [],
    });

    const messageIds: string[] = [];
    for (const [index, part] of parts.entries()) {
      const outcome = await this.#submitPart(provider, part);
      if (outcome.kind === 'accepted' || outcome.kind === 'unknown') used.messages += 1;
      switch (outcome.kind) {
        case 'accepted':
          messageIds.push(outcome.messageId);
          continue;
        case 'unknown':
          return this.#fail(
            text,
            `outcome unknown, the connection was lost before the answer (${outcome.because}); not sent again`,
          );
        case 'throttled':
        case 'not-sent':
          if (index > 0) return this.#fail(text, `part ${index + 1} of ${parts.length} could not be sent`);
          return this.#wait(text, 'front');
        case 'refused':
          if (index > 0) return this.#fail(text, `part ${index + 1} of ${parts.length} was refused: ${outcome.word}`);
          if (outcome.isFinal) return this.#fail(text, `refused: ${outcome.word}`);
          return this.#tryLater(text, provider, outcome.word);
      }
    }
    await this.#ledger.set(text, { state: 'submitted', messageIds, submittedAtMs: this.#options.clock.now() });
    this.#tellWhatIsNotTold(text);
    this.#applyEarly(text);
  }

  /** Submits one part; a later part that is throttled waits its turn here, because the first is out already. */
  async #submitPart(provider: Provider, part: OutgoingPart) {
    for (let attempt = 0; ; attempt++) {
      const outcome = await provider.submit(part);
      if (outcome.kind !== 'throttled' || part.index === 1 || attempt >= SMS_LIMITS.attempts) return outcome;
      await new Promise<void>((resolve) => this.#options.clock.after(SMS_LIMITS.retryFirstMs * 2 ** attempt, resolve));
    }
  }

  async #wait(text: Text, where: 'front' | 'back') {
    await this.#ledger.set(text, { state: 'waiting', provider: undefined });
    if (where === 'front') this.#queue.unshift(text);
    else this.#queue.push(text);
  }

  async #tryLater(text: Text, provider: Provider, word: string) {
    const attempts = text.attempts + 1;
    if (attempts >= SMS_LIMITS.attempts) return this.#fail(text, `refused ${attempts} times, the last time: ${word}`);
    const refusedBy = [...new Set([...(text.refusedBy ?? []), provider.config.id])];
    await this.#ledger.set(text, { state: 'waiting', provider: undefined, attempts, refusedBy });
    await this.gateway.publish({
      kind: 'text-failed',
      event: eventId(text, `try${attempts}`),
      command: text.command,
      because: `refused for now: ${word}; it is tried again`,
      isFinal: false,
    });
    this.#options.clock.after(SMS_LIMITS.retryFirstMs * 2 ** (attempts - 1), () => {
      if (text.state !== 'waiting') return;
      this.#queue.push(text);
      this.#pump();
    });
  }

  #fail(text: Text, because: string) {
    this.#options.log.warn('text failed', { command: text.command, because });
    this.#ledger
      .set(text, { state: 'failed', because: because.slice(0, 300) })
      .then(() => this.#tellWhatIsNotTold(text))
      .catch((error: unknown) => this.#options.log.error('text journal failed', { error }));
  }

  /** No receipt came and nobody knows: sent, and perhaps there. A late receipt is still believed. */
  #loseReceipt(text: Text, because: string) {
    this.#ledger
      .set(text, { state: 'receipt-lost', because: because.slice(0, 300) })
      .then(() => this.#tellWhatIsNotTold(text))
      .catch((error: unknown) => this.#options.log.error('text journal failed', { error }));
  }

  // --- receipts and texts that come in ---

  async #delivered(provider: string, delivery: Delivery): Promise<void> {
    if (delivery.kind === 'text') {
      for (const received of this.#inbox.take(delivery.part))
        await this.gateway.publish({ kind: 'text-received', ...received, text: received.text.slice(0, 2000) });
      return;
    }
    const { receipt } = delivery;
    if (receipt.state === 'under-way') return;
    const text = this.#textOf(provider, delivery);
    if (text) return this.#apply(text, receipt);
    // The receipt overtook the answer to submit_sm: keep it until the answer is here.
    if (!receipt.messageId) return;
    if (this.#early.size >= SMS_LIMITS.earlyReceipts) this.#early.delete(this.#early.keys().next().value!);
    this.#early.set(`${provider}:${receipt.messageId}`, { provider, receipt });
  }

  #textOf(
    provider: string,
    { receipt, recipient, userReference }: Extract<Delivery, { kind: 'receipt' }>,
  ): Text | undefined {
    const byId = receipt.messageId && this.#ledger.byMessageId(provider, receipt.messageId);
    if (byId) return byId;
    if (userReference === undefined) return undefined;
    // A centre that gives our own reference back lets even a text of unknown outcome be recognised.
    for (const text of this.#ledger.all())
      if (
        text.state === 'failed' &&
        text.messageIds.length === 0 &&
        text.provider === provider &&
        userReferenceOf(text) === userReference &&
        digits(text.to) === digits(recipient)
      )
        return text;
    return undefined;
  }

  #applyEarly(text: Text) {
    for (const [key, { provider, receipt }] of this.#early) {
      if (this.#ledger.byMessageId(provider, receipt.messageId!) !== text) continue;
      this.#early.delete(key);
      this.#apply(text, receipt).catch((error: unknown) => this.#options.log.error('receipt not kept', { error }));
    }
  }

  async #apply(text: Text, receipt: Receipt): Promise<void> {
    if (text.state === 'delivered') return;
    if (receipt.state === 'failed') {
      if (text.state === 'failed') return;
      const because = `not delivered: ${receipt.word}${receipt.error ? ` (error ${receipt.error})` : ''}`;
      await this.#ledger.set(text, { state: 'failed', because });
    } else {
      const id = receipt.messageId ?? 'unknown';
      if (text.partsDelivered.includes(id)) return;
      const partsDelivered = [...text.partsDelivered, id];
      const isDelivered = partsDelivered.length >= text.messageIds.length;
      await this.#ledger.set(text, isDelivered ? { partsDelivered, state: 'delivered' } : { partsDelivered });
    }
    this.#tellWhatIsNotTold(text);
  }

  // --- telling the server ---

  /** Reports what the text's state asks for and the outbox does not have yet; event ids are fixed, so doubles are dropped. */
  #tellWhatIsNotTold(text: Text) {
    const { command } = text;
    const due: [string, Parameters<Gateway['publish']>[0]][] = [];
    const isSent = ['submitted', 'delivered', 'receipt-lost'].includes(text.state) || text.messageIds.length > 0;
    if (isSent)
      due.push([
        'sent',
        {
          kind: 'text-sent',
          event: eventId(text, 'sent'),
          command,
          parts: text.parts,
          providerMessageId: text.messageIds[0]?.slice(0, 100),
        },
      ]);
    if (text.state === 'delivered')
      due.push(['delivered', { kind: 'text-delivered', event: eventId(text, 'delivered'), command }]);
    if (text.state === 'receipt-lost')
      due.push([
        'receipt-lost',
        {
          kind: 'text-receipt-lost',
          event: eventId(text, 'receipt-lost'),
          command,
          because: text.because ?? 'no receipt came',
        },
      ]);
    if (text.state === 'failed')
      due.push([
        'failed',
        {
          kind: 'text-failed',
          event: eventId(text, 'failed'),
          command,
          because: text.because ?? 'unknown',
          isFinal: true,
        },
      ]);

    for (const [what, event] of due) {
      if (text.told.includes(what)) continue;
      text.told = [...text.told, what];
      this.gateway
        .publish(event)
        .then(() => this.#ledger.set(text, { told: text.told }))
        .catch((error: unknown) => {
          text.told = text.told.filter((each) => each !== what);
          this.#options.log.error('report not stored', { command, what, error });
        });
    }
  }

  async #test(resource: string) {
    const provider = this.#providers.find(({ config }) => config.id === resource);
    if (!provider) return refused(`there is no provider "${resource}"`);
    if (!provider.isUp) return refused(`not connected: ${provider.why}`);
    return (await provider.test()) ? { outcome: 'done' as const } : refused('the centre does not answer');
  }
}

/** The short messages that a text goes as at this provider. */
function partsOf(text: Text, { sourceAddress, longTexts, protocol }: ProviderConfig): OutgoingPart[] {
  const { dataCoding, parts, whole } = cutIntoSegments(
    text.text,
    referenceOf(text),
    protocol === 'cmpp' ? 'ascii' : 'gsm',
  );
  const common = { from: sourceAddress, to: text.to, dataCoding, userReference: userReferenceOf(text) };
  if (parts.length > 1 && longTexts === 'payload' && protocol !== 'cmpp')
    return [{ ...common, octets: whole, hasHeader: false, isWhole: true, index: 1, total: 1 }];
  const hasHeader = parts.length > 1;
  return parts.map((octets, index) => ({
    ...common,
    octets,
    hasHeader,
    isWhole: false,
    index: index + 1,
    total: parts.length,
  }));
}

function refused(because: string) {
  return { outcome: 'refused' as const, because };
}

function resourceOf(provider: Provider): GatewayResource {
  const { id, perDay } = provider.config;
  if (provider.isUp && provider.isSpent)
    return { id, kind: 'sms-provider', state: 'degraded', detail: `the day's quota of ${perDay} is used up` };
  return provider.isUp
    ? { id, kind: 'sms-provider', state: 'ready' }
    : { id, kind: 'sms-provider', state: 'down', detail: provider.why.slice(0, 200) };
}
