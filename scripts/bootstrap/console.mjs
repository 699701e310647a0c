// The console: built when its sources are not those of the last build.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readStamp, ROOT, writeStamp } from './places.mjs';
import { Degraded } from './progress.mjs';
import { run, tail } from './run.mjs';

const CONSOLE = join(ROOT, 'console');
const SOURCES = [
  'console/src',
  'console/static',
  'console/package.json',
  'console/vite.config.ts',
  'console/tsconfig.json',
  'protocol/src',
  'package-lock.json',
];
const STAMP = 'console';

/** @param {string} node @param {(text: string) => void} progress */
export async function buildConsole(node, progress) {
  if (!hasPages()) throw new Degraded('skipped, it has no pages yet');
  const mark = sourceMark(SOURCES.map((path) => join(ROOT, path)));
  if (readStamp(STAMP) === mark && existsSync(join(CONSOLE, 'build'))) return;
  progress('building');
  const { code, output } = await run(node, [join(ROOT, 'node_modules/vite/bin/vite.js'), 'build'], { cwd: CONSOLE });
  if (code !== 0)
    throw new Degraded(
      `could not be built${existsSync(join(CONSOLE, 'build')) ? ', the last build is used' : ''}:\n${tail(output)}\n`,
    );
  writeStamp(STAMP, mark);
}

/** Times and sizes of all files below, as one word. @param {string[]} paths */
export function sourceMark(paths) {
  const hash = createHash('sha256');
  const add = (/** @type {string} */ path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory()) for (const name of readdirSync(path).sort()) add(join(path, name));
    else if (stat) hash.update(`${path} ${stat.mtimeMs} ${stat.size}\n`);
  };
  paths.forEach(add);
  return hash.digest('hex');
}

function hasPages() {
  const routes = join(CONSOLE, 'src/routes');
  return existsSync(routes) && readdirSync(routes).length > 0;
}
