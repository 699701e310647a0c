// npm's packages: installed when they are missing or not those of package-lock.json.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readStamp, ROOT, writeStamp } from './places.mjs';
import { CannotGoOn } from './progress.mjs';
import { head, run } from './run.mjs';

const LOCK = join(ROOT, 'package-lock.json');
const INSTALLED = join(ROOT, 'node_modules/.package-lock.json');
const STAMP = 'packages';
const LOOK_EVERY_MS = 1000;

/** @param {(text: string) => void} progress */
export async function installPackages(progress) {
  const hasLock = existsSync(LOCK);
  if (hasLock && readStamp(STAMP) === lockMark() && existsSync(INSTALLED)) return;
  if (!hasLock || !isInstalled()) await install(progress);
  writeStamp(STAMP, lockMark());
}

/** By time and size: reading the file at every start would take longer than the rest. */
function lockMark() {
  const { mtimeMs, size } = statSync(LOCK);
  return `${mtimeMs} ${size}`;
}

function isInstalled() {
  try {
    return sameVersions(JSON.parse(readFileSync(LOCK, 'utf8')), JSON.parse(readFileSync(INSTALLED, 'utf8')));
  } catch {
    return false;
  }
}

/**
 * Whether everything that the lock file asks for is installed in that version; optional packages may be absent.
 * @typedef {{packages: Record<string, {version?: string, optional?: boolean, devOptional?: boolean, link?: boolean}>}} LockFile
 * @param {LockFile} wanted @param {LockFile} installed
 */
export function sameVersions(wanted, installed) {
  return Object.entries(wanted.packages).every(([path, { version, optional, devOptional, link }]) => {
    if (!path.startsWith('node_modules/') || link) return true;
    const there = installed.packages[path];
    return there ? there.version === version : Boolean(optional || devOptional);
  });
}

/**
 * `npm install` and not `npm ci`: a private mirror need not hold the packages of every other platform, and without them
 * `ci` calls the lock file out of step. What the lock file names is installed in its version all the same, and
 * `--no-save` leaves the file as it is.
 * @param {(text: string) => void} progress
 */
async function install(progress) {
  const expected = countWanted();
  const show = () => progress(expected ? `${Math.min(countFolders(), expected)} of about ${expected}` : 'installing');
  show();
  const timer = setInterval(show, LOOK_EVERY_MS);
  const { code, output } = await runNpm();
  clearInterval(timer);
  if (code !== 0) throw new CannotGoOn(`npm install failed:\n${head(output)}`);
}

/** By the npm that started us, if one did. */
function runNpm() {
  const args = ['install', '--ignore-scripts', '--no-save', '--no-audit', '--no-fund'];
  const npm = process.env.npm_execpath;
  return npm ? run(process.execPath, [npm, ...args]) : run('npm', args);
}

function countWanted() {
  try {
    const paths = Object.keys(JSON.parse(readFileSync(LOCK, 'utf8')).packages);
    return paths.filter((path) => /^node_modules\/(?:@[^/]+\/)?[^/]+$/.test(path)).length;
  } catch {
    return 0;
  }
}

function countFolders() {
  const modules = join(ROOT, 'node_modules');
  const list = (/** @type {string} */ folder) =>
    existsSync(folder) ? readdirSync(folder).filter((name) => name[0] !== '.') : [];
  return list(modules).reduce((sum, name) => sum + (name[0] === '@' ? list(join(modules, name)).length : 1), 0);
}
