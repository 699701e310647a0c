import type { GatewayCommand } from '@tocsin/protocol/gateway.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Store } from '#store/store.ts';
import type { Timeline } from '#timeline/timeline.ts';

type PublishWarning = Extract<GatewayCommand, { kind: 'publish-warning' }>;

/** What a dispatcher says; the rest is known. */
export type WarningWords = Omit<
  PublishWarning,
  'kind' | 'command' | 'identifier' | 'messageType' | 'sentAt' | 'references' | 'incident'
>;

export interface PublishedWarning {
  identifier: string;
  incident: string;
  messageType: PublishWarning['messageType'];
  sentAt: number;
  publishedAt?: number;
  refused?: string;
  headline: PublishWarning['headline'];
  references: PublishWarning['references'];
}

/** Messages that one warning may refer to; the next alert begins a new chain then. */
const REFERENCES_AT_MOST = 50;
const COLUMNS = `id AS identifier, incident, message_type AS "messageType", sent_at AS "sentAt", published_at AS "publishedAt", refused,
  body->'headline' AS headline, body->'references' AS references`;

/**
 * The warnings that incidents have published, as chains in the sense of CAP 1.2: the first is an alert, the next ones
 * update all before them, and a cancel ends the chain. What was ordered is durable before any gateway is told.
 */
export class Warnings {
  readonly #store: Store;
  readonly #timeline: Pick<Timeline, 'append'>;
  readonly #clock: Clock;
  readonly #chance: Chance;

  constructor(options: { store: Store; timeline: Pick<Timeline, 'append'>; clock: Clock; chance: Chance }) {
    this.#store = options.store;
    this.#timeline = options.timeline;
    this.#clock = options.clock;
    this.#chance = options.chance;
  }

  /** Orders an alert, or an update where the incident has warned before. */
  async publish(incident: { id: string; number: string }, words: WarningWords, actor: string): Promise<PublishWarning> {
    return await this.#order(incident, actor, (chain) => ({
      ...words,
      messageType: chain.length === 0 ? 'alert' : 'update',
    }));
  }

  /** Ends the chain, in the words of its last message. @throws DispatchError WARNING_NONE when nothing stands */
  async cancel(incident: { id: string; number: string }, text: string, actor: string): Promise<PublishWarning> {
    return await this.#order(incident, actor, (chain) => {
      const last = chain.at(-1);
      if (!last) throw new DispatchError('WARNING_NONE', incident.number);
      return { ...last, messageType: 'cancel', text: { zh: text || '预警解除' }, instruction: undefined };
    });
  }

  /** Of an incident, the oldest first. */
  async of(incident: string): Promise<PublishedWarning[]> {
    const rows = await this.#store.query<PublishedWarning>(
      `SELECT ${COLUMNS} FROM warning WHERE incident = $1 ORDER BY sent_at, id`,
      [incident],
    );
    return rows.map(
      (row) =>
        Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as unknown as PublishedWarning,
    );
  }

  /** What no gateway has answered, in order: told again when one comes online. */
  async pending(): Promise<PublishWarning[]> {
    const rows = await this.#store.query<{ body: PublishWarning }>(
      'SELECT body FROM warning WHERE published_at IS NULL AND refused IS NULL ORDER BY sent_at, id LIMIT 200',
    );
    return rows.map(({ body }) => body);
  }

  /** A gateway's answer; that of another command changes nothing. */
  async answered(command: string, outcome: { done: true } | { done: false; because: string }): Promise<void> {
    const [row] = await this.#store.query<{ incident: string }>(
      `UPDATE warning SET published_at = $2, refused = $3 WHERE id = $1 AND published_at IS NULL RETURNING incident`,
      [command, outcome.done ? this.#clock.now() : null, outcome.done ? null : outcome.because],
    );
    if (!row) return;
    await this.#timeline.append({
      kind: outcome.done ? 'warning.published' : 'warning.refused',
      incident: row.incident,
      data: { identifier: command, ...(outcome.done ? {} : { because: outcome.because }) },
    });
  }

  async #order(
    incident: { id: string; number: string },
    actor: string,
    decide: (chain: PublishWarning[]) => WarningWords & { messageType: PublishWarning['messageType'] },
  ): Promise<PublishWarning> {
    const order = await this.#store.transaction(async (tx) => {
      // Two dispatchers who press at once get one chain, not two.
      await tx.query('SELECT id FROM incident WHERE id = $1 FOR UPDATE', [incident.id]);
      const rows = await tx.query<{ body: PublishWarning }>(
        'SELECT body FROM warning WHERE incident = $1 AND refused IS NULL ORDER BY sent_at, id',
        [incident.id],
      );
      const all = rows.map(({ body }) => body);
      const chain = all.slice(all.findLastIndex(({ messageType }) => messageType === 'cancel') + 1);
      const identifier = `tocsin-${this.#chance.token(16)}`;
      // CAP's times are whole seconds, and no two of an incident are the same.
      const sentAt = Math.max(Math.floor(this.#clock.now() / 1000) * 1000, (all.at(-1)?.sentAt ?? 0) + 1000);
      const made: PublishWarning = {
        ...decide(chain),
        ...{ kind: 'publish-warning', command: identifier, identifier, incident: incident.number, sentAt },
        references: chain
          .slice(-REFERENCES_AT_MOST)
          .map((each) => ({ identifier: each.identifier, sentAt: each.sentAt })),
      };
      await tx.query('INSERT INTO warning (id, incident, message_type, sent_at, body) VALUES ($1, $2, $3, $4, $5)', [
        identifier,
        incident.id,
        made.messageType,
        sentAt,
        JSON.stringify(made),
      ]);
      return made;
    });
    const { identifier, messageType, headline, isDrill, references } = order;
    await this.#timeline.append({
      kind: 'warning.ordered',
      actor,
      incident: incident.id,
      data: {
        identifier,
        messageType,
        headline: headline.zh,
        isDrill,
        references: references.map((each) => each.identifier),
      },
    });
    return order;
  }
}
