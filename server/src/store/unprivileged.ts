import { spawn } from 'node:child_process';
import { chown, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DispatchError } from '#kernel/errors.ts';

/** The words to put before PostgreSQL's own programs, and who owns its files. */
export interface Launcher {
  prefix: string[];
  /** Hands over a file or a whole folder made by us, so that PostgreSQL finds itself its owner. */
  own(path: string): Promise<void>;
}

const NOBODY = 65_534;

/**
 * PostgreSQL refuses to run as root. A user namespace in which we are user 1000 needs no account on the machine and
 * works in a home that only root may enter; where namespaces are forbidden (many containers), another user id with the
 * right to pass closed folders does.
 *
 * On Linux PostgreSQL also gets a death signal, so that it shuts down in order when this process is killed.
 *
 * @param clusterFolder PostgreSQL's data, which may not exist yet
 * @throws DispatchError DATABASE_UNAVAILABLE when running as root and there is no way to be someone else
 */
export async function findLauncher(clusterFolder: string): Promise<Launcher> {
  const nothingToOwn = async () => {};
  const dieWithUs = ['setpriv', '--pdeathsig', 'INT'];
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) {
    const hasDeathSignal = process.platform === 'linux' && (await runs(dieWithUs));
    return { prefix: hasDeathSignal ? dieWithUs : [], own: nothingToOwn };
  }

  const owner = (await stat(clusterFolder).catch(() => undefined))?.uid ?? 0;
  if (owner === 0) {
    const namespace = ['unshare', '-U', '--map-user=1000', '--map-group=1000'];
    for (const prefix of [[...namespace, ...dieWithUs], namespace]) {
      if (await runs(prefix)) return { prefix, own: nothingToOwn };
    }
  }
  const uid = owner || NOBODY;
  const someoneElse = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--pdeathsig', 'INT'];
  const passesFolders = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  for (const prefix of [[...someoneElse, ...passesFolders], someoneElse]) {
    if (await runs(prefix)) return { prefix, own: (path) => chownTree(path, uid) };
  }
  throw new DispatchError(
    'DATABASE_UNAVAILABLE',
    'PostgreSQL does not run as root, and this machine offers neither `unshare -U` nor `setpriv`; start Tocsin as an ordinary user, or set TOCSIN_DATABASE_URL',
  );
}

function runs(prefix: string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const [command = 'true', ...rest] = [...prefix, 'true'];
    const child = spawn(command, rest, { stdio: 'ignore' });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}

async function chownTree(path: string, uid: number) {
  await chown(path, uid, uid);
  if (!(await stat(path)).isDirectory()) return;
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true }))
    await chown(join(entry.parentPath, entry.name), uid, uid);
}
