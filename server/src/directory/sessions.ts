import { createHash } from 'node:crypto';
import type { Role, User } from '@tocsin/protocol/directory.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import type { Session } from './rights.ts';

export const LIMITS = {
  /** A session ends when it is not used for this long: a shift and a bit. */
  idleMs: 12 * 3_600_000,
  /** A session ends however busy it is. */
  absoluteMs: 7 * 24 * 3_600_000,
  /** Sessions at a time; beyond, the one least lately used ends. */
  sessions: 5000,
  /** How often the last use is written down. */
  saveEveryMs: 60_000,
} as const;

interface Kept {
  id: string;
  userId: string;
  tokenHash: Buffer;
  remoteAddress: string;
  openedAtMs: number;
  usedAtMs: number;
  isUsedSinceSaved: boolean;
}

/** Who a user is now; undefined when the site no longer has him. */
export type WhoIs = (userId: string) => { user: User; role: Role; organisations: ReadonlySet<string> } | undefined;

/**
 * Sessions live in memory and are written behind, so that a log-in works while the database is away and a restart logs
 * nobody out. Of a token only its SHA-256 is kept: it has 256 bits of chance, so a slow hash would add nothing.
 */
export class Sessions implements AsyncDisposable {
  readonly #kept = new Map<string, Kept>();
  readonly #ended = new Set<string>();
  readonly #unsaved = new Set<string>();
  #saving: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #log: Log;
  readonly #whoIs: WhoIs;

  constructor(options: { store: Store; clock: Clock; chance: Chance; log: Log; whoIs: WhoIs }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#chance = options.chance;
    this.#log = options.log;
    this.#whoIs = options.whoIs;
  }

  /** Takes up the sessions of before the restart. */
  async load() {
    const now = new Date(this.#clock.now());
    await this.#store.query('DELETE FROM directory_session WHERE expires_at < $1', [now]);
    const rows = await this.#store.query<{
      token_hash: Buffer;
      id: string;
      user_id: string;
      remote_address: string;
      opened_at: Date;
      used_at: Date;
    }>(`SELECT * FROM directory_session ORDER BY used_at DESC LIMIT ${LIMITS.sessions}`);
    for (const row of rows.reverse()) {
      this.#kept.set(row.token_hash.toString('hex'), {
        id: row.id,
        userId: row.user_id,
        tokenHash: row.token_hash,
        remoteAddress: row.remote_address,
        openedAtMs: row.opened_at.getTime(),
        usedAtMs: row.used_at.getTime(),
        isUsedSinceSaved: false,
      });
    }
    this.#timer = this.#clock.every(LIMITS.saveEveryMs, () => {
      for (const [key, kept] of this.#kept) {
        if (kept.isUsedSinceSaved) this.#unsaved.add(key);
        if (this.#clock.now() > expiry(kept)) this.#end(key);
      }
      this.#save();
    });
  }

  /** A new session and its token, which is told this once. */
  open(userId: string, remoteAddress: string): { session: Session; token: string } {
    const token = Buffer.from(this.#chance.bytes(32)).toString('base64url');
    const tokenHash = hashOf(token);
    const key = tokenHash.toString('hex');
    const now = this.#clock.now();
    const kept: Kept = {
      id: this.#chance.id('session'),
      userId,
      tokenHash,
      remoteAddress,
      openedAtMs: now,
      usedAtMs: now,
      isUsedSinceSaved: true,
    };
    this.#kept.set(key, kept);
    const leastUsed = this.#kept.keys().next().value;
    if (this.#kept.size > LIMITS.sessions && leastUsed !== undefined) this.#end(leastUsed);
    this.#unsaved.add(key);
    this.#save();
    return { session: this.#describe(kept)!, token };
  }

  /** The session of a token, used now; undefined when there is none or it has run out. */
  find(token: string): Session | undefined {
    if (token.length > 100) return undefined;
    const key = hashOf(token).toString('hex');
    const kept = this.#kept.get(key);
    if (!kept) return undefined;
    const now = this.#clock.now();
    const session = now > expiry(kept) ? undefined : this.#describe({ ...kept, usedAtMs: now });
    if (!session) {
      this.#end(key);
      this.#save();
      return undefined;
    }
    kept.usedAtMs = now;
    kept.isUsedSinceSaved = true;
    // Last in the map is used last.
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return session;
  }

  end(token: string) {
    this.#end(hashOf(token).toString('hex'));
    this.#save();
    return this.#saving;
  }

  /** All of a user's: his password was changed. */
  endAllOf(userId: string) {
    for (const [key, kept] of [...this.#kept]) if (kept.userId === userId) this.#end(key);
    this.#save();
    return this.#saving;
  }

  get count() {
    return this.#kept.size;
  }

  async [Symbol.asyncDispose]() {
    this.#timer?.cancel();
    for (const [key, kept] of this.#kept) if (kept.isUsedSinceSaved) this.#unsaved.add(key);
    this.#save();
    await this.#saving;
  }

  #describe(kept: Kept): Session | undefined {
    const who = this.#whoIs(kept.userId);
    if (!who) return undefined;
    return { id: kept.id, ...who, rights: new Set(who.role.rights), expiresAtMs: expiry(kept) };
  }

  #end(key: string) {
    if (this.#kept.delete(key)) this.#ended.add(key);
    this.#unsaved.delete(key);
  }

  /** One write at a time; what comes meanwhile goes with the next. */
  #save() {
    this.#saving = this.#saving.then(() => this.#saveNow());
  }

  async #saveNow() {
    const ended = [...this.#ended];
    const rows = [...this.#unsaved].flatMap((key) => this.#kept.get(key) ?? []);
    if (ended.length === 0 && rows.length === 0) return;
    this.#ended.clear();
    this.#unsaved.clear();
    for (const row of rows) row.isUsedSinceSaved = false;
    try {
      await this.#store.transaction(async (tx) => {
        await tx.query('DELETE FROM directory_session WHERE token_hash = ANY($1)', [
          ended.map((key) => Buffer.from(key, 'hex')),
        ]);
        for (const row of rows) {
          await tx.query(SAVE, [
            ...[row.tokenHash, row.id, row.userId, row.remoteAddress],
            ...[row.openedAtMs, row.usedAtMs, expiry(row)].map((at) => new Date(at)),
          ]);
        }
      });
    } catch (error) {
      for (const key of ended) this.#ended.add(key);
      for (const row of rows) row.isUsedSinceSaved = true;
      this.#log.warn('sessions cannot be saved; a restart would end the newest', { error });
    }
  }
}

const SAVE = `
  INSERT INTO directory_session (token_hash, id, user_id, remote_address, opened_at, used_at, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (token_hash) DO UPDATE SET used_at = excluded.used_at, expires_at = excluded.expires_at`;

function expiry({ openedAtMs, usedAtMs }: Pick<Kept, 'openedAtMs' | 'usedAtMs'>) {
  return Math.min(usedAtMs + LIMITS.idleMs, openedAtMs + LIMITS.absoluteMs);
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
