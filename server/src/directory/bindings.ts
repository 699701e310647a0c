import { sleep, type Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { bindingKey, type Binding } from '#sip/registrar/binding.ts';
import type { BindingStore } from '#sip/registrar/binding-store.ts';
import { isOutage } from '#store/database-errors.ts';
import type { Store } from '#store/store.ts';

export const LIMITS = {
  /** Bindings in one write. */
  perWrite: 2000,
  /** Between attempts while the database is away. */
  retryMs: 1000,
} as const;

/** PostgreSQL holds neither U+0000 nor halves of surrogate pairs, and a phone may send anything. */
const storable = (text: string) => text.toWellFormed().replaceAll('\0', '\uFFFD');

/**
 * Keeps the registrar's bindings in the database, so that phones can be rung again at once after a restart. Changes that
 * come while a write is under way go together with the next. A change counts as kept when it is written; while the
 * database is away it counts at once, so that phones still register, and is written when the database is back.
 */
export class StoredBindings implements BindingStore, AsyncDisposable {
  /** What is to be written, by key; undefined: to be forgotten. */
  readonly #changes = new Map<string, { user: string; contact: string; binding: Binding | undefined }>();
  readonly #waiting: (() => void)[] = [];
  #writing: Promise<void> | undefined;
  #isAway = false;
  readonly #closing = new AbortController();
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor({ store, clock, log }: { store: Store; clock: Clock; log: Log }) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  async load(): Promise<Binding[]> {
    const rows = await this.#store.query<{ body: Binding }>('SELECT body FROM registrar_binding');
    return rows.map(({ body }) => body);
  }

  put(bindings: Binding[]): Promise<void> {
    return this.#change(bindings, (binding) => binding);
  }

  remove(bindings: Binding[]): Promise<void> {
    return this.#change(bindings, () => undefined);
  }

  async [Symbol.asyncDispose]() {
    this.#closing.abort();
    await this.#writing;
    if (this.#changes.size > 0) this.#log.warn('registrations are lost', { count: this.#changes.size });
  }

  #change(bindings: Binding[], to: (binding: Binding) => Binding | undefined): Promise<void> {
    for (const binding of bindings) {
      const { user, contact } = binding;
      this.#changes.set(bindingKey(binding), { user, contact, binding: to(binding) });
    }
    this.#writing ??= Promise.resolve().then(() => this.#write());
    if (this.#isAway || bindings.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #write() {
    while (this.#changes.size > 0) {
      const batch = [...this.#changes].slice(0, LIMITS.perWrite);
      const isAll = batch.length === this.#changes.size;
      const waiting = isAll ? this.#waiting.splice(0) : [];
      for (const [key] of batch) this.#changes.delete(key);
      try {
        await this.#writeBatch(batch.map(([, change]) => change));
        this.#isAway = false;
      } catch (error) {
        if (!this.#isAway) this.#log.warn('registrations cannot be saved', { error });
        this.#isAway = isOutage(error);
        // What changed meanwhile is newer. What PostgreSQL refuses for another reason it would refuse for ever.
        if (this.#isAway)
          for (const [key, change] of batch) if (!this.#changes.has(key)) this.#changes.set(key, change);
      }
      for (const resolve of waiting.concat(this.#isAway ? this.#waiting.splice(0) : [])) resolve();
      if (this.#isAway) {
        if (this.#closing.signal.aborted) break;
        await sleep(this.#clock, LIMITS.retryMs, this.#closing.signal).catch(() => {});
      }
    }
    this.#writing = undefined;
  }

  async #writeBatch(changes: { user: string; contact: string; binding: Binding | undefined }[]) {
    const gone = changes.filter(({ binding }) => !binding);
    const kept = changes.flatMap(({ binding }) => binding ?? []);
    await this.#store.query(WRITE, [
      ...[gone.map(({ user }) => storable(user)), gone.map(({ contact }) => storable(contact))],
      ...[kept.map(({ user }) => storable(user)), kept.map(({ contact }) => storable(contact))],
      kept.map((binding) =>
        JSON.stringify(binding, (_, value: unknown) => (typeof value === 'string' ? storable(value) : value)),
      ),
      kept.map(({ expiresAtMs }) => new Date(expiresAtMs).toISOString()),
    ]);
  }
}

/** One statement is one transaction. No key is in both halves. */
const WRITE = `
  WITH gone AS (
    DELETE FROM registrar_binding USING unnest($1::text[], $2::text[]) AS g(account, key)
    WHERE registrar_binding.account = g.account AND registrar_binding.key = g.key)
  INSERT INTO registrar_binding (account, key, body, expires_at)
  SELECT * FROM unnest($3::text[], $4::text[], $5::jsonb[], $6::timestamptz[])
  ON CONFLICT (account, key) DO UPDATE SET body = excluded.body, expires_at = excluded.expires_at`;
