import type { User } from '@tocsin/protocol/directory.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import { LIMITS as PASSWORD_LIMITS, PasswordHasher } from './passwords.ts';
import type { Session } from './rights.ts';
import { Sessions, type WhoIs } from './sessions.ts';
import { LoginThrottle } from './throttle.ts';

export type LoginOutcome =
  { kind: 'ok'; session: Session; token: string } | { kind: 'refused' } | { kind: 'throttled'; retryAfterS: number };

/** Those who may log in. */
export interface Users {
  login(attempt: { username: string; password: string; remoteAddress: string }): Promise<LoginOutcome>;
  /** The session of a token, kept alive by the asking; undefined: log in again. */
  session(token: string): Promise<Session | undefined>;
  logout(token: string): Promise<void>;
  /**
   * Ends every session of the user.
   *
   * @throws DispatchError NOT_FOUND; REQUEST_MALFORMED for fewer than 8 or more than 256 characters
   */
  setPassword(userId: string, password: string): Promise<void>;
}

/** The users of a site with their passwords in memory, so that a log-in works while the database is away. */
export class UserAccounts implements Users, AsyncDisposable {
  readonly #hashes = new Map<string, string>();
  readonly #hasher = new PasswordHasher();
  readonly #throttle: LoginThrottle;
  readonly #sessions: Sessions;
  readonly #users: ReadonlyMap<string, User>;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #log: Log;

  constructor(options: {
    users: ReadonlyMap<string, User>;
    whoIs: WhoIs;
    store: Store;
    clock: Clock;
    chance: Chance;
    log: Log;
  }) {
    this.#users = options.users;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#chance = options.chance;
    this.#log = options.log;
    this.#throttle = new LoginThrottle(options.clock);
    this.#sessions = new Sessions(options);
  }

  async load() {
    const rows = await this.#store.query<{ user_id: string; hash: string }>(
      'SELECT user_id, hash FROM directory_password',
    );
    for (const { user_id, hash } of rows) this.#hashes.set(user_id, hash);
    await this.#sessions.load();
  }

  /**
   * On the first run of a site, when nobody has a password yet, gives these users one: the one given, or one made up,
   * which is returned so that it can be told once.
   */
  async firstRun(userIds: string[], given: string | undefined): Promise<string | undefined> {
    if (this.#hashes.size > 0) {
      const first = userIds.find((id) => this.#hashes.has(id));
      if (given && first && !(await this.#hasher.verify(this.#hashes.get(first), given)))
        this.#log.warn('TOCSIN_ADMIN_PASSWORD counts on the first run only; the password in force is another', {
          user: first,
        });
      return undefined;
    }
    const password = given ?? this.#makeUp();
    for (const id of userIds) await this.#keep(id, await this.#hasher.hash(password));
    return given === undefined ? password : undefined;
  }

  async login({
    username,
    password,
    remoteAddress,
  }: {
    username: string;
    password: string;
    remoteAddress: string;
  }): Promise<LoginOutcome> {
    const retryAfterS = this.#throttle.enter(username, remoteAddress);
    if (retryAfterS > 0) return { kind: 'throttled', retryAfterS };
    const user = this.#users.get(username);
    let isRight: boolean;
    try {
      isRight = await this.#hasher.verify(user && this.#hashes.get(user.id), password);
    } catch (error) {
      if (error instanceof DispatchError && error.code === 'LOGIN_THROTTLED')
        return { kind: 'throttled', retryAfterS: 1 };
      throw error;
    }
    if (!user || !isRight) return { kind: 'refused' };
    this.#throttle.succeeded(username, remoteAddress);
    return { kind: 'ok', ...this.#sessions.open(user.id, remoteAddress) };
  }

  async session(token: string) {
    return this.#sessions.find(token);
  }

  logout(token: string) {
    return this.#sessions.end(token);
  }

  async setPassword(userId: string, password: string) {
    if (!this.#users.has(userId)) throw new DispatchError('NOT_FOUND', `user ${userId}`);
    if (password.length < PASSWORD_LIMITS.shortestPassword || password.length > PASSWORD_LIMITS.password)
      throw new DispatchError('REQUEST_MALFORMED', 'a password has 8-256 characters');
    await this.#keep(userId, await this.#hasher.hash(password));
    await this.#sessions.endAllOf(userId);
  }

  get sessionsOpen() {
    return this.#sessions.count;
  }

  [Symbol.asyncDispose]() {
    return this.#sessions[Symbol.asyncDispose]();
  }

  async #keep(userId: string, hash: string) {
    await this.#store.query(
      `INSERT INTO directory_password (user_id, hash, changed_at) VALUES ($1, $2, $3)
       ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at`,
      [userId, hash, new Date(this.#clock.now())],
    );
    this.#hashes.set(userId, hash);
  }

  /** Four groups of four that can be read out over a telephone: no 0, O, 1, l, I. About 79 bits. */
  #makeUp(): string {
    const letters = 'abcdefghijkmnpqrstuvwxyz23456789';
    const drawn = [...this.#chance.bytes(16)].map((byte) => letters[byte % letters.length]);
    return drawn.join('').replace(/(.{4})(?=.)/g, '$1-');
  }
}
