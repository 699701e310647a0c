import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { bindingKey, bindingName, type Binding } from '#sip/registrar/binding.ts';
import type { BindingStore } from '#sip/registrar/binding-store.ts';
import type { Store } from '#store/store.ts';
import { WriteBehind, storable, storableJson } from '#store/write-behind.ts';

/** `binding` undefined: to be forgotten. */
type Change = { user: string; name: string; binding: Binding | undefined };

/** Keeps the registrar's bindings in the database, so that phones can be rung again at once after a restart. */
export class StoredBindings implements BindingStore, AsyncDisposable {
  readonly #store: Store;
  readonly #changes: WriteBehind<Change>;

  constructor({ store, clock, log }: { store: Store; clock: Clock; log: Log }) {
    this.#store = store;
    const write = (changes: Change[]) => this.#write(changes);
    this.#changes = new WriteBehind({ what: 'registrations', write, clock, log });
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
    await this.#changes[Symbol.asyncDispose]();
  }

  async #change(bindings: Binding[], to: (binding: Binding) => Binding | undefined): Promise<void> {
    await Promise.all(
      bindings.map((binding) => {
        const { user } = binding;
        return this.#changes.put(bindingKey(binding), { user, name: bindingName(binding), binding: to(binding) });
      }),
    );
  }

  async #write(changes: Change[]) {
    const gone = changes.filter(({ binding }) => !binding);
    const kept = changes.flatMap(({ binding }) => binding ?? []);
    await this.#store.query(WRITE, [
      ...[gone.map(({ user }) => storable(user)), gone.map(({ name }) => storable(name))],
      ...[kept.map(({ user }) => storable(user)), kept.map((binding) => storable(bindingName(binding)))],
      kept.map(storableJson),
      kept.map(({ expiresAtMs }) => new Date(expiresAtMs).toISOString()),
    ]);
  }
}

/** One statement is one transaction. No key is in both halves. */
const WRITE = {
  name: 'bindings-write',
  text: `
  WITH gone AS (
    DELETE FROM registrar_binding USING unnest($1::text[], $2::text[]) AS g(account, key)
    WHERE registrar_binding.account = g.account AND registrar_binding.key = g.key)
  INSERT INTO registrar_binding (account, key, body, expires_at)
  SELECT * FROM unnest($3::text[], $4::text[], $5::jsonb[], $6::timestamptz[])
  ON CONFLICT (account, key) DO UPDATE SET body = excluded.body, expires_at = excluded.expires_at`,
};
