import type { Clock } from '@tocsin/server/kernel/clock.ts';
import type { Receipt } from './receipt.ts';
import type { QueryOutcome } from './session.ts';
import type { Text, TextLedger } from './text-ledger.ts';

export const RECEIPT_LIMITS = {
  /** How often a message without a receipt is asked for before its receipt counts as lost. */
  queries: 3,
  /** Texts asked for at the same time. */
  atOnce: 20,
} as const;

/** Someone who can be asked what became of a message. */
interface Askable {
  readonly isUp: boolean;
  query(messageId: string): Promise<QueryOutcome>;
}

interface ReceiptWatchOptions {
  ledger: TextLedger;
  clock: Clock;
  /** A receipt that has not come after this time is asked for. */
  withinMs: number;
  queryOf(text: Text): Askable | undefined;
  onReceipt(text: Text, receipt: Receipt): Promise<void>;
  onLost(text: Text, because: string): void;
}

/** Chases receipts that do not come: asks the centre where that is possible, and in the end says that they are lost. */
export class ReceiptWatch {
  readonly #options: ReceiptWatchOptions;
  /** How often each text was asked for, and when again. */
  readonly #asked = new Map<Text, { times: number; nextMs: number }>();
  #isChasing = false;

  constructor(options: ReceiptWatchOptions) {
    this.#options = options;
  }

  /** One round over the texts whose receipts are overdue; a round that is still going on makes the next one wait. */
  async chase(): Promise<void> {
    if (this.#isChasing) return;
    this.#isChasing = true;
    try {
      const { ledger, clock, withinMs } = this.#options;
      const nowMs = clock.now();
      const due = ledger
        .withoutReceiptSince(nowMs - withinMs)
        .filter((text) => (this.#asked.get(text)?.nextMs ?? 0) <= nowMs);
      for (let at = 0; at < due.length; at += RECEIPT_LIMITS.atOnce)
        await Promise.all(due.slice(at, at + RECEIPT_LIMITS.atOnce).map((text) => this.#ask(text)));
    } finally {
      this.#isChasing = false;
    }
  }

  async #ask(text: Text): Promise<void> {
    const { clock, withinMs, queryOf, onReceipt, onLost } = this.#options;
    const provider = queryOf(text);
    // While the centre is away its receipts wait there.
    if (provider && !provider.isUp) return;
    let because = 'no receipt came, and nobody can be asked';
    for (const messageId of text.messageIds.filter((id) => !text.partsDelivered.includes(id))) {
      if (text.state !== 'submitted') break;
      const outcome: QueryOutcome = (await provider?.query(messageId)) ?? { kind: 'not-known', because };
      if (outcome.kind === 'not-known') because = `no receipt came, and no answer: ${outcome.because}`;
      else if (outcome.receipt.state === 'under-way')
        because = `no receipt came; the centre says ${outcome.receipt.word}`;
      else await onReceipt(text, { ...outcome.receipt, messageId });
    }
    if (text.state !== 'submitted') return void this.#asked.delete(text);
    const times = (this.#asked.get(text)?.times ?? 0) + 1;
    if (times < RECEIPT_LIMITS.queries) return void this.#asked.set(text, { times, nextMs: clock.now() + withinMs });
    this.#asked.delete(text);
    onLost(text, because);
  }
}
