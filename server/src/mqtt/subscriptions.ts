import { Emitter } from '#kernel/emitter.ts';
import type { Log } from '#kernel/log.ts';
import { matches } from './topic-filter.ts';

/** What a body is checked with; a zod schema is one. */
export interface BodySchema<Body> {
  safeParse(
    body: unknown,
  ):
    | { success: true; data: Body }
    | { success: false; error: { issues: readonly { path: PropertyKey[]; message: string }[] } };
}

export interface MqttMessage<Body> {
  topic: string;
  body: Body;
  /** It was kept by the broker, and so may be old. */
  isRetained: boolean;
}

export type MqttHandler<Body> = (message: MqttMessage<Body>) => void | Promise<void>;

export interface MalformedMessage {
  topic: string;
  /** In words that a maker of devices can act on. */
  why: string;
  bytes: number;
}

interface Entry {
  filter: string;
  schema: BodySchema<unknown>;
  handler: MqttHandler<unknown>;
}

/** The subscriptions of one user of the broker: takes messages apart, hands them to handlers, counts what is malformed. */
export class Subscriptions {
  readonly events = new Emitter<{ malformed: [MalformedMessage] }>();
  readonly #entries = new Set<Entry>();
  readonly #maxBodyBytes: number;
  readonly #log: Log;
  #received = 0;
  #malformed = 0;
  #failed = 0;

  constructor(options: { maxBodyBytes: number; log: Log }) {
    this.#maxBodyBytes = options.maxBodyBytes;
    this.#log = options.log;
  }

  add<Body>(filter: string, schema: BodySchema<Body>, handler: MqttHandler<Body>): () => void {
    const entry = { filter, schema, handler } as Entry;
    this.#entries.add(entry);
    return () => this.#entries.delete(entry);
  }

  /** Whether anyone listens with this very filter. */
  hasFilter(filter: string): boolean {
    return [...this.#entries].some((entry) => entry.filter === filter);
  }

  /** Whether a message on this topic has a handler. */
  hears(topic: string): boolean {
    return [...this.#entries].some((entry) => matches(entry.filter, topic));
  }

  /**
   * Hands a message to every handler whose filter matches.
   * @returns when all have done with it
   * @throws when a handler throws: the message has not been taken, and its sender may be told so by silence.
   *   A malformed body does not throw: sending it again would not mend it.
   */
  async deliver(
    topic: string,
    payload: Uint8Array,
    isRetained: boolean,
    only?: (filter: string) => boolean,
  ): Promise<void> {
    const wanted = [...this.#entries].filter((entry) => matches(entry.filter, topic) && (only?.(entry.filter) ?? true));
    if (wanted.length === 0) return;
    this.#received += 1;
    // An empty retained message only clears what was kept (MQTT 3.1.1 §3.3.1.3).
    if (payload.length === 0 && isRetained) return;

    const body = this.#read(topic, payload);
    if (body.kind === 'malformed') return this.#complain({ topic, why: body.why, bytes: payload.length });

    const outcomes = await Promise.allSettled(
      wanted.map(async (entry) => {
        const parsed = entry.schema.safeParse(body.value);
        if (!parsed.success) return this.#complain({ topic, why: inWords(parsed.error.issues), bytes: payload.length });
        await entry.handler({ topic, body: parsed.data, isRetained });
      }),
    );
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failure) {
      this.#failed += 1;
      this.#log.error('mqtt message not taken', { topic, error: failure.reason });
      throw failure.reason;
    }
  }

  snapshot() {
    return {
      filters: [...new Set([...this.#entries].map((entry) => entry.filter))],
      received: this.#received,
      malformed: this.#malformed,
      failed: this.#failed,
    };
  }

  #read(topic: string, payload: Uint8Array): { kind: 'read'; value: unknown } | { kind: 'malformed'; why: string } {
    if (payload.length > this.#maxBodyBytes)
      return { kind: 'malformed', why: `a body of ${payload.length} bytes; the limit is ${this.#maxBodyBytes}` };
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
      return { kind: 'read', value: JSON.parse(text) as unknown };
    } catch (error) {
      return { kind: 'malformed', why: `the body is not JSON in UTF-8: ${(error as Error).message}` };
    }
  }

  #complain(message: MalformedMessage): void {
    this.#malformed += 1;
    this.#log.warn('mqtt message malformed', { ...message });
    this.events.emit('malformed', message);
  }
}

/** At most this many complaints about one body are put into words. */
const COMPLAINTS_SHOWN = 3;

function inWords(issues: readonly { path: PropertyKey[]; message: string }[]): string {
  const said = issues
    .slice(0, COMPLAINTS_SHOWN)
    .map((issue) =>
      issue.path.length > 0 ? `"${issue.path.map(String).join('.')}": ${issue.message}` : issue.message,
    );
  const more = issues.length - said.length;
  return said.join('; ') + (more > 0 ? `; and ${more} more` : '');
}
