/**
 * Short messages with their ledger. A text is durable before anyone is told that it will be sent; a gateway does each
 * command id once, so whatever is not final is simply handed over again after a crash or a lost link.
 */
import type { GatewayEvent } from '@tocsin/protocol/gateway.ts';
import type { Person } from '@tocsin/protocol/directory.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import { LIMITS } from '#kernel/limits.ts';
import type { Log } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import type { Timeline } from '#timeline/timeline.ts';
import { textParts } from './text-parts.ts';
import * as sql from './text-store.ts';
import type { InboundText, TextRecord, TextState } from './text-store.ts';
import { threadKey } from './thread-key.ts';

export const TEXT_LIMITS = {
  /** Texts that wait for a gateway; the next is refused with TEXT_QUEUE_FULL. */
  queued: 50_000,
  /** Handed to the gateway and not yet answered; the others wait in the database. */
  inFlight: 500,
  /** Without an answer for so long a text is handed over again: the gateway knows its id. */
  handAgainMs: 60_000,
  /** Texts in one call of sendAll. */
  atOnce: 5000,
} as const;

export interface NewText {
  /** Deterministic, so that a crash neither loses nor repeats the text; absent: a fresh one. */
  id?: string;
  to: { person: string } | { number: string };
  text: string;
  run?: string;
  incident?: string;
  isDrill?: boolean;
  /** Who sent it: a user's id; absent: `system`. */
  actor?: string;
}

export interface Texts extends AsyncDisposable, Listenable<{ changed: [TextState]; received: [InboundText] }> {
  /**
   * Queues a text; resolves when it is durable. The same id again sends nothing and gives the text's state. A person
   * without a number gives a text that has failed, so that the ledger shows it.
   *
   * @throws DispatchError TOO_LARGE, TEXT_QUEUE_FULL, PERSON_UNKNOWN, DATABASE_UNAVAILABLE
   */
  send(text: NewText): Promise<TextState>;
  /** Many at once, in one transaction; the answers in the same order. */
  sendAll(texts: NewText[]): Promise<TextState[]>;
  watch(listener: (text: TextState) => void): () => void;
  get(id: string): Promise<TextState | undefined>;
  ofRun(run: string): Promise<TextState[]>;
  inbox(limit?: number, before?: number): Promise<InboundText[]>;
  /** News from a gateway: `text-sent`, `text-delivered`, `text-receipt-lost`, `text-failed`, `text-received`; others are ignored. Resolves when durable. */
  takeEvent(event: GatewayEvent): Promise<void>;
  /** A gateway that takes texts has come, or none is left. On coming, whatever is not final is handed over (again). */
  setOnline(isOnline: boolean): void;
  isOnline(): boolean;
  snapshot(): { isOnline: boolean; queued: number; inFlight: number };
}

interface TextsOptions {
  store: Store;
  timeline: Pick<Timeline, 'append'>;
  directory: TextDirectory;
  /** Hands a command to the SMS gateway; resolves when the broker has it. */
  sendCommand(command: { kind: 'send-text'; command: string; to: string; text: string }): Promise<void> | void;
  clock: Clock;
  chance: Chance;
  log: Log;
}

export interface TextDirectory {
  person(id: string): Person | undefined;
  personByNumber(number: string): Person | undefined;
}

/** Opens the texts, with those that the last server left unfinished; they go out when `setOnline(true)` is called. */
export async function openTexts(options: TextsOptions): Promise<Texts> {
  const book = new TextBook(options);
  await book.open();
  return book;
}

class TextBook implements Texts {
  readonly #options: TextsOptions;
  readonly #emitter = new Emitter<{ changed: [TextState]; received: [InboundText] }>();
  /** Handed over and not yet answered, with when. */
  readonly #inFlight = new Map<string, number>();
  #isOnline = false;
  #queued = 0;
  #pumping: Promise<void> | undefined;
  #isPumpDue = false;
  #sweep: Timer | undefined;
  #isClosed = false;
  /** Changes are taken one after another, so that `delivered` never overtakes `sent` on its way to the disk. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: TextsOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    this.#queued = await sql.countQueued(this.#options.store);
    this.#sweep = this.#options.clock.every(TEXT_LIMITS.handAgainMs / 4, () => this.#handStaleAgain());
  }

  on: Texts['on'] = (event, listener) => this.#emitter.on(event, listener);
  once: Texts['once'] = (event, listener) => this.#emitter.once(event, listener);

  watch(listener: (text: TextState) => void): () => void {
    return this.#emitter.on('changed', listener);
  }

  async send(text: NewText): Promise<TextState> {
    return (await this.sendAll([text]))[0]!;
  }

  async sendAll(texts: NewText[]): Promise<TextState[]> {
    const { store, chance } = this.#options;
    if (texts.length > TEXT_LIMITS.atOnce) throw new DispatchError('TOO_LARGE', `${texts.length} texts at once`);
    if (this.#queued + texts.length > TEXT_LIMITS.queued)
      throw new DispatchError('TEXT_QUEUE_FULL', `${TEXT_LIMITS.queued}`);
    const records = texts.map((text) => this.#record(text, text.id ?? chance.id('text')));
    const fresh = await sql.insertTexts(store, records);
    const known = new Map(
      (
        await sql.readTexts(
          store,
          records.map(({ id }) => id),
        )
      ).map((record) => [record.id, record]),
    );
    for (const { record, actor } of records.map((record, i) => ({ record, actor: texts[i]!.actor }))) {
      if (!fresh.has(record.id)) continue;
      if (record.state === 'queued') this.#queued += 1;
      this.#note(record, 'queued', actor);
      this.#emitter.emit('changed', stateOf(record));
    }
    this.#pump();
    return records.map(({ id }) => stateOf(known.get(id)!));
  }

  async get(id: string): Promise<TextState | undefined> {
    const [record] = await sql.readTexts(this.#options.store, [id]);
    return record && stateOf(record);
  }

  async ofRun(run: string): Promise<TextState[]> {
    return (await sql.readTextsOfRun(this.#options.store, run)).map(stateOf);
  }

  inbox(limit = 50, before?: number): Promise<InboundText[]> {
    return sql.readInbox(this.#options.store, Math.min(500, Math.max(1, limit)), before);
  }

  takeEvent(event: GatewayEvent): Promise<void> {
    switch (event.kind) {
      case 'text-sent':
        return this.#change(event.command, 'sent', event.at, {
          parts: event.parts,
          providerMessageId: event.providerMessageId,
        });
      case 'text-delivered':
        return this.#change(event.command, 'delivered', event.at, {});
      case 'text-receipt-lost':
        return this.#change(event.command, 'receipt-lost', event.at, { detail: event.because });
      case 'text-failed':
        // Not final: the gateway goes on trying, and the desk reads why it takes so long.
        return this.#change(event.command, event.isFinal ? 'failed' : 'queued', event.at, { detail: event.because });
      case 'text-received':
        return this.#receive(event);
      default:
        return Promise.resolve();
    }
  }

  setOnline(isOnline: boolean): void {
    if (isOnline === this.#isOnline) return;
    this.#isOnline = isOnline;
    this.#options.log.info(isOnline ? 'texts can be sent' : 'texts wait: no gateway', { queued: this.#queued });
    this.#inFlight.clear();
    this.#pump();
  }

  isOnline(): boolean {
    return this.#isOnline;
  }

  snapshot() {
    return { isOnline: this.#isOnline, queued: this.#queued, inFlight: this.#inFlight.size };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#sweep?.cancel();
    await this.#turn;
    await this.#pumping;
  }

  #record(text: NewText, id: string): TextRecord {
    const { clock, directory } = this.#options;
    const body = text.text;
    if (body.length === 0 || body.length > LIMITS.textCharacters) {
      throw new DispatchError('TOO_LARGE', `a text has 1-${LIMITS.textCharacters} characters, this has ${body.length}`);
    }
    const person = 'person' in text.to ? directory.person(text.to.person) : directory.personByNumber(text.to.number);
    if ('person' in text.to && !person) throw new DispatchError('PERSON_UNKNOWN', text.to.person);
    const number = 'number' in text.to ? text.to.number : textNumberOf(person!);
    const at = clock.now();
    return {
      id,
      person: person?.id,
      number: number ?? '',
      body,
      parts: textParts(body).parts,
      run: text.run,
      incident: text.incident,
      isDrill: text.isDrill ?? false,
      state: number ? 'queued' : 'failed',
      at,
      queuedAt: at,
      attempts: 0,
      ...(text.actor !== undefined && text.actor !== 'system' ? { actor: text.actor } : {}),
      ...(number ? { thread: threadKey(number) } : {}),
      detail: number ? undefined : '没有短信号码',
    };
  }

  // --- out ---

  /** Hands over what is queued, in order, as far as the gateway's window goes. */
  #pump(): void {
    this.#isPumpDue = true;
    if (this.#pumping || !this.#isOnline || this.#isClosed) return;
    this.#pumping = this.#handOver()
      .catch((error: unknown) => this.#options.log.warn('texts could not be handed over; trying again', { error }))
      .finally(() => {
        this.#pumping = undefined;
        if (this.#isPumpDue && this.#isOnline && this.#inFlight.size < TEXT_LIMITS.inFlight) this.#pump();
      });
  }

  async #handOver(): Promise<void> {
    const { store, sendCommand, clock } = this.#options;
    this.#isPumpDue = false;
    while (this.#isOnline && !this.#isClosed && this.#inFlight.size < TEXT_LIMITS.inFlight) {
      const room = TEXT_LIMITS.inFlight - this.#inFlight.size;
      const next = await sql.readQueued(store, [...this.#inFlight.keys()], Math.min(100, room));
      if (next.length === 0) return;
      await sql.markHanded(
        store,
        next.map(({ id }) => id),
        clock.now(),
      );
      for (const { id, number, body } of next) {
        this.#inFlight.set(id, clock.now());
        // Handed in the order of their places; one that the broker refuses is handed again by the sweep.
        Promise.resolve(sendCommand({ kind: 'send-text', command: id, to: number, text: body })).catch(
          (error: unknown) => {
            this.#options.log.warn('a text was not taken by the broker', { text: id, error });
          },
        );
      }
    }
  }

  /** The answer to a command may have been lost with the link; asking again costs nothing. */
  #handStaleAgain(): void {
    const before = this.#options.clock.now() - TEXT_LIMITS.handAgainMs;
    const stale = [...this.#inFlight].filter(([, handedAt]) => handedAt <= before);
    for (const [id] of stale) this.#inFlight.delete(id);
    if (this.#isOnline) this.#pump();
  }

  // --- news ---

  #change(id: string, state: TextState['state'], at: number, facts: sql.TextFacts): Promise<void> {
    const turn = this.#turn.then(async () => {
      const changed = await sql.changeText(this.#options.store, id, state, at, facts);
      if (state !== 'queued') this.#inFlight.delete(id);
      if (!changed) return;
      const { before, record } = changed;
      if (before === 'queued' && record.state !== 'queued') this.#queued -= 1;
      this.#note(record, record.state === 'queued' ? 'delayed' : record.state);
      this.#emitter.emit('changed', stateOf(record));
      this.#pump();
    });
    // One that the database refuses must not stop those behind it; the door that brought it keeps it and brings it again.
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #receive(event: Extract<GatewayEvent, { kind: 'text-received' }>): Promise<void> {
    const { store, directory, timeline } = this.#options;
    const { event: id, at, from, to, text } = event;
    const person = (directory.personByNumber(from) ?? directory.personByNumber(threadKey(from)))?.id;
    const inbound: InboundText = { id, at, from, to, person, text };
    if (!(await sql.insertInbound(store, inbound))) return;
    await timeline.append({ kind: 'text.received', at, person, data: { text: id, from, to, body: text } });
    this.#emitter.emit('received', inbound);
  }

  #note(record: TextRecord, what: string, actor = 'system'): void {
    const { id, run, incident, person, isDrill, number, body, parts, detail, at } = record;
    const data =
      what === 'queued' ? { text: id, number, body: withoutSecrets(body), parts, detail } : { text: id, parts, detail };
    this.#options.timeline
      .append({
        kind: `text.${what}`,
        at: what === 'queued' ? undefined : at,
        run,
        incident,
        person,
        isDrill,
        actor,
        data,
      })
      .catch((error: unknown) =>
        this.#options.log.error('an entry of a text was lost to the timeline', { text: id, error }),
      );
  }
}

/** Where texts to a person go; undefined when he has no number for them. */
export function textNumberOf(person: Person): string | undefined {
  return person.textNumber ?? person.numbers.find(({ kind }) => kind === 'mobile')?.dial;
}

function stateOf({ id, run, incident, person, number, body, parts, state, at, detail }: TextRecord): TextState {
  return { id, run, incident, person, number, text: body, parts, state, at, detail };
}

/** A link that lets a phone in is a secret: who reads the timeline sees that one was sent, not which. */
function withoutSecrets(body: string): string {
  return body.replace(/(\/field\/)[A-Za-z0-9_-]+/g, '$1…');
}
