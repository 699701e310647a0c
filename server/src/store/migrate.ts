import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { Queryable } from './queryable.ts';
import type { StoreSession } from './session.ts';

const FOLDER = new URL('./migrations/', import.meta.url);

/** Any number, as long as nothing else of ours locks it: two servers must not migrate one database at once. */
const MIGRATION_LOCK = 7_410_002_019;

interface Migration {
  number: number;
  name: string;
  sql: string;
  sha256: string;
}

/**
 * Brings the tables up to date: every file of `migrations/` that the database has not seen, in the order of their
 * numbers, each in its own transaction. Forward only.
 *
 * @returns whether TimescaleDB is there
 * @throws DispatchError DATABASE_UNAVAILABLE when the database is of a newer version than this program
 */
export async function migrate(
  store: Queryable & { session(options: { name: string }): Promise<StoreSession> },
  log: Log,
): Promise<boolean> {
  const migrations = await readMigrations();
  await using session = await store.session({ name: 'tocsin-migrate' });
  // Another server may be migrating, and an index over years of entries takes its time.
  await session.query('SET statement_timeout = 0');
  await session.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
  await session.query(`CREATE TABLE IF NOT EXISTS schema_migration (
    number integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
  const hasTimescale = await findTimescale(session.query);

  const applied = await session.query<Omit<Migration, 'sql'>>('SELECT number, name, sha256 FROM schema_migration');
  const newest = migrations.at(-1)?.number ?? 0;
  const unknown = applied.find(({ number }) => number > newest);
  if (unknown) {
    const detail = `it was written by a newer version of Tocsin (${unknown.name}); this one must not touch it`;
    throw new DispatchError('DATABASE_UNAVAILABLE', detail);
  }
  for (const { number, name, sql, sha256 } of migrations) {
    const before = applied.find((migration) => migration.number === number);
    if (before) {
      if (before.sha256 !== sha256) log.warn('a migration was edited after it was applied', { name });
      continue;
    }
    await session.query('BEGIN');
    try {
      await session.query(sql);
      await session.query('INSERT INTO schema_migration (number, name, sha256) VALUES ($1, $2, $3)', [
        number,
        name,
        sha256,
      ]);
      await session.query('COMMIT');
    } catch (error) {
      await session.query('ROLLBACK').catch(() => {});
      throw new Error(`migration ${name} failed`, { cause: error });
    }
    log.info('database migrated', { name });
  }
  return hasTimescale;
}

/** The files, in order. Their text decides which template a test database is made from. */
export async function readMigrations(): Promise<Migration[]> {
  const names = (await readdir(FOLDER)).filter((name) => /^\d{4}-.+\.sql$/.test(name)).sort();
  const migrations = await Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, FOLDER), 'utf8');
      return { number: Number(name.slice(0, 4)), name, sql, sha256: createHash('sha256').update(sql).digest('hex') };
    }),
  );
  const twice = migrations.find(({ number }, index) => migrations[index - 1]?.number === number);
  if (twice) throw new Error(`two migrations have the number of ${twice.name}`);
  return migrations;
}

/** TimescaleDB is used where it is offered; without the right to install it, where someone else has. */
async function findTimescale(query: Queryable['query']): Promise<boolean> {
  const isThere = async () => (await query(`SELECT FROM pg_extension WHERE extname = 'timescaledb'`)).length > 0;
  if (await isThere()) return true;
  if ((await query(`SELECT FROM pg_available_extensions WHERE name = 'timescaledb'`)).length === 0) return false;
  await query('CREATE EXTENSION IF NOT EXISTS timescaledb CASCADE').catch(() => {});
  return isThere();
}
