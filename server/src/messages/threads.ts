/**
 * Conversations by text, one for each number that has written to us. What comes in belongs to whoever asked last; with
 * nobody who asked it waits in the queue for any seat.
 */
import type { Clock } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import type { Timeline } from '#timeline/timeline.ts';
import type { InboundText } from './text-store.ts';
import type { Texts } from './texts.ts';
import { threadKey } from './thread-key.ts';
import * as sql from './thread-store.ts';
import type { ThreadRecord, ThreadText } from './thread-store.ts';

export const THREAD_LIMITS = {
  /** Conversations kept in sight; the oldest leaves the list, and comes back with its next text. */
  open: 200,
  /** Texts shown of each. */
  texts: 30,
  /** An answer within this time belongs to whoever wrote last to the number. */
  answerWithinMs: 72 * 3600_000,
} as const;

export interface Thread extends ThreadRecord {
  texts: ThreadText[];
}

interface ThreadsOptions {
  store: Store;
  timeline: Pick<Timeline, 'append'>;
  texts: Pick<Texts, 'on' | 'send' | 'watch'>;
  clock: Clock;
  log: Log;
}

/** Opens the conversations with those that are not closed. */
export async function openThreads(options: ThreadsOptions): Promise<Threads> {
  const threads = new Threads(options);
  await threads.open();
  return threads;
}

export class Threads extends Emitter<{ changed: [Thread]; gone: [thread: string] }> implements AsyncDisposable {
  readonly #options: ThreadsOptions;
  readonly #threads = new Map<string, Thread>();
  readonly #ends: (() => void)[] = [];
  /** Changes are taken one after another. */
  #turn: Promise<unknown> = Promise.resolve();

  /** Use openThreads. */
  constructor(options: ThreadsOptions) {
    super();
    this.#options = options;
  }

  async open(): Promise<void> {
    const { store, texts } = this.#options;
    for (const record of (await sql.readOpenThreads(store, THREAD_LIMITS.open)).reverse())
      this.#threads.set(record.thread, { ...record, texts: await this.#textsOf(record.thread) });
    // What came in the moment before a crash, and was not yet given to anybody.
    for (const text of await sql.readUnrouted(store, THREAD_LIMITS.open)) await this.#take(text);
    this.#ends.push(
      texts.on('received', (text) => this.#soon(() => this.#take(text))),
      texts.watch(({ number }) => {
        const key = threadKey(number);
        // Only of conversations that someone looks at; an order to a thousand people makes none.
        if (this.#threads.has(key)) this.#soon(() => this.#refresh(key));
      }),
    );
  }

  all(): Thread[] {
    return [...this.#threads.values()];
  }

  /** Writes back; the conversation is then his who wrote, unless it is somebody's already. @throws DispatchError NOT_FOUND */
  async reply(key: string, text: string, actor: string): Promise<{ text: string }> {
    const thread = await this.#find(key);
    const sent = await this.#options.texts.send({ to: { number: thread.number }, text, actor });
    await this.#inTurn(() => this.#change(key, { state: 'answered', owner: thread.owner ?? actor }));
    return { text: sent.id };
  }

  /** Takes a conversation over. @throws DispatchError NOT_FOUND */
  async take(key: string, actor: string): Promise<void> {
    const { owner } = await this.#find(key);
    await this.#inTurn(() => this.#change(key, { owner: actor }));
    await this.#note('text.thread-taken', key, actor, owner ? { from: owner } : {});
  }

  /** Puts a conversation away; the next text of this number opens it again. @throws DispatchError NOT_FOUND */
  async close(key: string, actor: string): Promise<void> {
    await this.#find(key);
    await this.#inTurn(() => this.#change(key, { state: 'closed' }));
    await this.#note('text.thread-closed', key, actor);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends) end();
    await this.#turn;
  }

  async #take(inbound: InboundText): Promise<void> {
    const { store, clock, timeline } = this.#options;
    const key = threadKey(inbound.from);
    const known = this.#threads.get(key) ?? (await sql.readThread(store, key));
    const question = await sql.readLastQuestion(store, key, clock.now() - THREAD_LIMITS.answerWithinMs);
    // An open conversation stays with its owner; a closed one begins anew with whoever asked.
    const owner = (known?.state === 'closed' ? undefined : known?.owner) ?? question?.actor;
    await this.#write({
      thread: key,
      number: inbound.from,
      state: 'waiting',
      at: inbound.at,
      ...(inbound.person ? { person: inbound.person } : {}),
      ...(owner ? { owner } : {}),
      ...(question ? { answers: question.id } : {}),
    });
    await timeline.append({
      kind: 'text.routed',
      person: inbound.person,
      data: { text: inbound.id, thread: key, to: owner ?? 'queue', ...(question ? { answers: question.id } : {}) },
    });
  }

  async #change(key: string, change: Partial<ThreadRecord>): Promise<void> {
    const { texts: _texts, ...record } = await this.#find(key);
    await this.#write({ ...record, ...change });
  }

  async #write(record: ThreadRecord): Promise<void> {
    await sql.writeThread(this.#options.store, record);
    this.#threads.delete(record.thread);
    if (record.state === 'closed') return this.emit('gone', record.thread);
    const thread = { ...record, texts: await this.#textsOf(record.thread) };
    this.#threads.set(record.thread, thread);
    this.emit('changed', thread);
    for (const key of this.#threads.keys()) {
      if (this.#threads.size <= THREAD_LIMITS.open) return;
      this.#threads.delete(key);
      this.emit('gone', key);
    }
  }

  async #refresh(key: string): Promise<void> {
    const thread = this.#threads.get(key);
    if (!thread) return;
    thread.texts = await this.#textsOf(key);
    this.emit('changed', thread);
  }

  #textsOf(key: string): Promise<ThreadText[]> {
    return sql.readThreadTexts(this.#options.store, key, THREAD_LIMITS.texts);
  }

  async #find(key: string): Promise<Thread> {
    const thread = this.#threads.get(key);
    if (thread) return thread;
    const record = await sql.readThread(this.#options.store, key);
    if (!record) throw new DispatchError('NOT_FOUND', `conversation ${key}`);
    return { ...record, texts: [] };
  }

  #inTurn(run: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(run);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  #soon(run: () => Promise<void>): void {
    this.#inTurn(run).catch((error: unknown) => this.#options.log.error('a conversation was not kept', { error }));
  }

  async #note(kind: string, thread: string, actor: string, data: Record<string, unknown> = {}): Promise<void> {
    await this.#options.timeline.append({ kind, actor, data: { thread, ...data } });
  }
}
