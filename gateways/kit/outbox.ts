import type { DeviceAlarm, DeviceReading, GatewayCommandResult, GatewayEvent } from '@tocsin/protocol/gateway.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { openJournal, type Journal } from './journal.ts';

export const OUTBOX_LIMITS = {
  /**
   * Messages kept while the server cannot be reached. When it is reached the oldest report of a passing state
   * (squelch, keyed, playout, resource) is dropped, else the oldest message; counted and logged.
   */
  waiting: 10_000,
  /** The file is rewritten when it has more dead lines than this. */
  deadLines: 5_000,
  /** Messages on their way to the broker at the same time. */
  inFlight: 64,
} as const;

/** What waits for the broker's acknowledgement. */
export type Outgoing =
  | { what: 'event'; body: GatewayEvent }
  | { what: 'command-result'; body: GatewayCommandResult }
  /** An alarm of a device behind this gateway; its id in the body lets the server drop a second copy. */
  | { what: 'alarm'; device: string; body: DeviceAlarm & { alarm: string } }
  /** A value that a gauge will not send again; the server takes one for each time. */
  | { what: 'reading'; device: string; body: DeviceReading & { at: number } };

type Line = { put: string; message: Outgoing } | { sent: string };

/** Store and forward: a message stays on the disk until the broker has acknowledged it, across restarts. */
export class Outbox implements AsyncDisposable {
  readonly #journal: Journal;
  readonly #log: Log;
  readonly #waiting = new Map<string, Outgoing>();
  readonly #inFlight = new Set<string>();
  #send: ((message: Outgoing) => Promise<void>) | undefined;
  #dropped = 0;
  #idle = Promise.withResolvers<void>();

  /** Use openOutbox. */
  constructor(journal: Journal, log: Log) {
    this.#journal = journal;
    this.#log = log;
    for (const line of journal.found as Line[]) {
      if ('put' in line) this.#waiting.set(line.put, line.message);
      else this.#waiting.delete(line.sent);
    }
  }

  /** Takes a message. @returns when it is on the disk; it goes out at once if there is a connection. */
  async put(message: Outgoing): Promise<void> {
    const id = idOf(message);
    if (this.#waiting.has(id)) return;
    if (this.#waiting.size >= OUTBOX_LIMITS.waiting) this.#dropOne();
    this.#waiting.set(id, message);
    const stored = this.#journal.append({ put: id, message } satisfies Line);
    this.#pump();
    await stored;
  }

  /** Gives the outbox a way to send (resolves when acknowledged), or takes it away. Unacknowledged messages go again. */
  connect(send: ((message: Outgoing) => Promise<void>) | undefined): void {
    this.#send = send;
    this.#inFlight.clear();
    this.#pump();
  }

  /** Resolves as soon as nothing waits. */
  async untilEmpty(): Promise<void> {
    while (this.#waiting.size > 0) await this.#idle.promise;
  }

  snapshot() {
    return { waiting: this.#waiting.size, dropped: this.#dropped, journalLines: this.#journal.lines };
  }

  async [Symbol.asyncDispose]() {
    this.#send = undefined;
    await this.#journal[Symbol.asyncDispose]();
  }

  #pump() {
    const send = this.#send;
    if (!send) return;
    for (const [id, message] of this.#waiting) {
      if (this.#inFlight.size >= OUTBOX_LIMITS.inFlight) return;
      if (this.#inFlight.has(id)) continue;
      this.#inFlight.add(id);
      send(message).then(
        () => this.#sent(id),
        (error: unknown) => {
          this.#inFlight.delete(id);
          this.#log.debug('message not acknowledged', { id, error });
        },
      );
    }
  }

  #sent(id: string) {
    this.#inFlight.delete(id);
    if (!this.#waiting.delete(id)) return;
    this.#journal
      .append({ sent: id } satisfies Line)
      .catch((error: unknown) => this.#log.error('outbox journal failed', { error }));
    if (this.#journal.lines - this.#waiting.size > OUTBOX_LIMITS.deadLines) this.#compact();
    if (this.#waiting.size === 0) {
      this.#idle.resolve();
      this.#idle = Promise.withResolvers();
    }
    this.#pump();
  }

  #compact() {
    this.#journal
      .rewrite(() => [...this.#waiting].map(([put, message]) => ({ put, message }) satisfies Line))
      .catch((error: unknown) => this.#log.error('outbox journal not compacted', { error }));
  }

  #dropOne() {
    const isPassing = (message: Outgoing) =>
      message.what === 'reading' ||
      (message.what === 'event' && ['squelch', 'keyed', 'playout', 'resource'].includes(message.body.kind));
    const victim = [...this.#waiting].find(([, message]) => isPassing(message)) ?? [...this.#waiting][0];
    if (!victim) return;
    this.#waiting.delete(victim[0]);
    this.#dropped += 1;
    this.#log.error('outbox full, message dropped', { id: victim[0], dropped: this.#dropped });
    this.#journal
      .append({ sent: victim[0] } satisfies Line)
      .catch((error: unknown) => this.#log.error('outbox journal failed', { error }));
  }
}

export async function openOutbox(options: { file: string; log: Log }): Promise<Outbox> {
  return new Outbox(await openJournal(options), options.log);
}

function idOf(message: Outgoing): string {
  switch (message.what) {
    case 'event':
      return message.body.event;
    case 'command-result':
      return `result-${message.body.command}`;
    case 'reading':
      return `reading-${message.device}-${message.body.at}`;
    case 'alarm':
      return `alarm-${message.device}-${message.body.alarm}`;
  }
}
