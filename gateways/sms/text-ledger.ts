import { openJournal, type Journal } from '../kit/journal.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { formsOfMessageId } from './receipt.ts';

export const LEDGER_LIMITS = {
  /** Texts that wait to be sent; a further one is refused. */
  waiting: 20_000,
  /** Finished texts that are remembered for late receipts and repeated commands; the oldest are forgotten. */
  finished: 50_000,
  /** The file is rewritten when it has more dead lines than this. */
  deadLines: 50_000,
} as const;

/**
 * A text on its way. `submitting` is on the disk before the first submit_sm leaves, `submitted` after the last was
 * answered: a text found in `submitting` after a crash may or may not have gone out.
 */
export interface Text {
  command: string;
  to: string;
  text: string;
  atMs: number;
  state: 'waiting' | 'submitting' | 'submitted' | 'delivered' | 'failed' | 'receipt-lost';
  provider?: string;
  /** When the provider took it. */
  submittedAtMs?: number;
  /** Providers that refused it for a passing reason: another is tried first. */
  refusedBy?: string[];
  /** Of the parts that were accepted, in order. */
  messageIds: string[];
  /** Parts of which the receipt says that they arrived. */
  partsDelivered: string[];
  parts: number;
  /** Submissions that were refused for a passing reason. */
  attempts: number;
  because?: string;
  /** Reports that the server's outbox already has. */
  told: string[];
}

type Line = { put: Text } | { set: string; to: Partial<Text> };

/** The texts of one gateway, on the disk. Each is in exactly one state. */
export class TextLedger implements AsyncDisposable {
  readonly #journal: Journal;
  readonly #log: Log;
  readonly #texts = new Map<string, Text>();
  /** `provider:form-of-id` → the text. */
  readonly #byMessageId = new Map<string, Text>();
  readonly #finished = new Set<string>();
  /** Those whose receipts are awaited, oldest first. */
  readonly #submitted = new Set<Text>();
  #unfinished = 0;

  /** Use openTextLedger. */
  constructor(journal: Journal, log: Log) {
    this.#journal = journal;
    this.#log = log;
    for (const line of journal.found as Line[]) {
      if ('put' in line) this.#texts.set(line.put.command, line.put);
      else Object.assign(this.#texts.get(line.set) ?? {}, line.to);
    }
    for (const text of this.#texts.values()) {
      this.#index(text);
      if (isFinished(text)) this.#finished.add(text.command);
      else this.#unfinished += 1;
      if (text.state === 'submitted') this.#submitted.add(text);
    }
  }

  /** Texts that were submitted before this moment and have no receipt yet, oldest first. */
  withoutReceiptSince(beforeMs: number): Text[] {
    const found: Text[] = [];
    for (const text of this.#submitted) if ((text.submittedAtMs ?? text.atMs) < beforeMs) found.push(text);
    return found;
  }

  /** Short messages that a provider took on a day: the state of its quota after a restart. */
  partsOn(provider: string, isThatDay: (atMs: number) => boolean): number {
    let parts = 0;
    for (const text of this.#texts.values())
      if (text.provider === provider && text.submittedAtMs !== undefined && isThatDay(text.submittedAtMs))
        parts += text.parts;
    return parts;
  }

  get(command: string): Text | undefined {
    return this.#texts.get(command);
  }

  all(): Iterable<Text> {
    return this.#texts.values();
  }

  get unfinished() {
    return this.#unfinished;
  }

  /** @returns when the text is on the disk */
  async put(text: Text): Promise<void> {
    this.#texts.set(text.command, text);
    this.#unfinished += 1;
    await this.#journal.append({ put: text } satisfies Line);
  }

  /** Changes a text. @returns when the change is on the disk; in memory it is at once. */
  async set(text: Text, change: Partial<Text>): Promise<void> {
    const wasFinished = isFinished(text);
    Object.assign(text, change);
    if (change.messageIds) this.#index(text);
    if (text.state === 'submitted') this.#submitted.add(text);
    else this.#submitted.delete(text);
    if (!wasFinished && isFinished(text)) {
      this.#unfinished -= 1;
      this.#finished.add(text.command);
      this.#forget();
    }
    await this.#journal.append({ set: text.command, to: change } satisfies Line);
    if (this.#journal.lines - this.#texts.size > LEDGER_LIMITS.deadLines) this.#compact();
  }

  /** The text one of whose parts got this id from this provider. */
  byMessageId(provider: string, messageId: string): Text | undefined {
    for (const form of formsOfMessageId(messageId)) {
      const text = this.#byMessageId.get(`${provider}:${form}`);
      if (text) return text;
    }
    return undefined;
  }

  snapshot() {
    const counts: Record<string, number> = {};
    for (const { state } of this.#texts.values()) counts[state] = (counts[state] ?? 0) + 1;
    return { ...counts, journalLines: this.#journal.lines };
  }

  async [Symbol.asyncDispose]() {
    await this.#journal[Symbol.asyncDispose]();
  }

  #index(text: Text) {
    for (const id of text.messageIds)
      for (const form of formsOfMessageId(id)) this.#byMessageId.set(`${text.provider}:${form}`, text);
  }

  #forget() {
    for (const command of this.#finished) {
      if (this.#finished.size <= LEDGER_LIMITS.finished) return;
      this.#finished.delete(command);
      const text = this.#texts.get(command);
      this.#texts.delete(command);
      for (const id of text?.messageIds ?? [])
        for (const form of formsOfMessageId(id)) this.#byMessageId.delete(`${text!.provider}:${form}`);
    }
  }

  #isCompacting = false;
  #compact() {
    if (this.#isCompacting) return;
    this.#isCompacting = true;
    this.#journal
      .rewrite(() => [...this.#texts.values()].map((put) => ({ put }) satisfies Line))
      .catch((error: unknown) => this.#log.error('text journal not compacted', { error }))
      .finally(() => (this.#isCompacting = false));
  }
}

export async function openTextLedger(options: { file: string; log: Log }): Promise<TextLedger> {
  return new TextLedger(await openJournal(options), options.log);
}

function isFinished(text: Text): boolean {
  return text.state === 'delivered' || text.state === 'failed' || text.state === 'receipt-lost';
}
