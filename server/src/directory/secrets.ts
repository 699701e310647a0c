import type { Account } from '@tocsin/protocol/directory.ts';
import type { Chance } from '#kernel/chance.ts';
import { DispatchError } from '#kernel/errors.ts';
import { digestSecret, type DigestSecret } from '#sip/auth/digest.ts';
import type { Store } from '#store/store.ts';

/** The realm of every SIP account of ours. */
export const REALM = 'tocsin';

/**
 * The secrets of SIP accounts. One set at run time (kept as digests only) goes before the password in the site's file; a
 * seat that has neither gets one made up for as long as this process runs, for its browser phone to fetch.
 */
export class AccountSecrets {
  readonly #secrets = new Map<string, DigestSecret>();
  readonly #passwords = new Map<string, string>();
  readonly #accounts: ReadonlyMap<string, Account>;
  readonly #store: Store;

  constructor(accounts: ReadonlyMap<string, Account>, store: Store, chance: Chance) {
    this.#accounts = accounts;
    this.#store = store;
    for (const { user, kind, password = kind === 'seat' ? chance.token(16) : undefined } of accounts.values()) {
      if (password === undefined) continue;
      this.#passwords.set(user, password);
      this.#secrets.set(user, digestSecret(user, REALM, password));
    }
  }

  async load() {
    const rows = await this.#store.query<{ account: string; ha1_md5: string; ha1_sha256: string }>(
      'SELECT account, ha1_md5, ha1_sha256 FROM directory_account_secret WHERE realm = $1',
      [REALM],
    );
    for (const { account, ha1_md5, ha1_sha256 } of rows) {
      if (!this.#accounts.has(account)) continue;
      this.#secrets.set(account, { ha1Md5: ha1_md5, ha1Sha256: ha1_sha256 });
      this.#passwords.delete(account);
    }
  }

  /** Undefined: there is no such account, or it has no password and so cannot register. */
  secret(user: string): DigestSecret | undefined {
    return this.#secrets.get(user);
  }

  /** The password itself, where it is known: for a seat's own browser phone. Never to be logged. */
  password(user: string): string | undefined {
    return this.#passwords.get(user);
  }

  /** @throws DispatchError ENDPOINT_UNKNOWN */
  async setPassword(user: string, password: string) {
    if (!this.#accounts.has(user)) throw new DispatchError('ENDPOINT_UNKNOWN', user);
    const secret = digestSecret(user, REALM, password);
    await this.#store.query(
      `INSERT INTO directory_account_secret (account, realm, ha1_md5, ha1_sha256) VALUES ($1, $2, $3, $4)
       ON CONFLICT (account) DO UPDATE SET ha1_md5 = excluded.ha1_md5, ha1_sha256 = excluded.ha1_sha256`,
      [user, REALM, secret.ha1Md5, secret.ha1Sha256],
    );
    this.#secrets.set(user, secret);
    this.#passwords.delete(user);
  }
}
