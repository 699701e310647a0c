// Compiles the worker from the npm package's own sources against the distribution's libraries (Debian and its relatives).
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './run.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const PACKAGES = [
  ...['meson', 'ninja-build', 'pkg-config', 'g++', 'flatbuffers-compiler'],
  ...['libssl-dev', 'libuv1-dev', 'libsrtp2-dev', 'libabsl-dev', 'libflatbuffers-dev'],
];
const TOOLS = ['meson', 'ninja', 'pkg-config', 'g++', 'flatc'];
const LIBRARIES = ['openssl', 'libuv', 'libsrtp2', 'absl_strings', 'flatbuffers'];
const MEMORY_PER_COMPILER_BYTES = 600e6;
const APT = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };

/**
 * @typedef {object} Job
 * @property {string} sources      the worker's folder in mediasoup's package
 * @property {string} build        a folder to work in, kept when we are stopped
 * @property {string} destination  the worker
 * @property {string} log
 * @property {(status: {state: import('./status.mjs').State, done?: number, total?: number, detail?: string}) => void} report
 */

/** @param {Job} job @returns {Promise<string | undefined>} the reason when it did not work */
export async function compileWorker({ sources, build, destination, log, report }) {
  if (process.platform !== 'linux')
    return `no official media worker for ${process.platform} ${process.arch} could be downloaded`;
  const missing = await installWhatIsMissing(log, report);
  if (missing) return missing;

  report({ state: 'compiling', detail: 'the sources are being prepared' });
  const unprepared = await prepare(sources, build, log);
  if (unprepared) return unprepared;

  const jobs = Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / MEMORY_PER_COMPILER_BYTES)));
  const ninja = ['-C', join(build, 'build'), '-j', String(jobs), 'mediasoup-worker'];
  const { code, output } = await run('nice', ['-n', '10', 'ninja', ...ninja], {
    log,
    onLine(line) {
      const progress = parseProgress(line);
      if (progress) report({ state: 'compiling', ...progress });
    },
  });
  if (code !== 0) return `the compiler failed: ${firstError(output)} (all of it is in ${log})`;
  copyFileSync(join(build, 'build/mediasoup-worker'), destination);
  chmodSync(destination, 0o755);
  return undefined;
}

/** Ninja's `[17/262] Compiling …`. @param {string} line */
export function parseProgress(line) {
  const [, done, total] = /^\[(\d+)\/(\d+)\] /.exec(line) ?? [];
  return done && total ? { done: Number(done), total: Number(total) } : undefined;
}

/** The line that says what is wrong, of all that ninja and g++ print. @param {string} output */
export function firstError(output) {
  const lines = output.trim().split('\n');
  return lines.find((line) => /\berror\b/i.test(line)) ?? lines.at(-1) ?? '';
}

/** @param {string} log @param {Job['report']} report @returns {Promise<string | undefined>} */
async function installWhatIsMissing(log, report) {
  if (await everythingIsThere()) return undefined;
  const install = ['install', '-y', '--no-install-recommends', ...PACKAGES];
  const byHand = `sudo apt-get ${install.join(' ')}`;
  if (process.getuid?.() !== 0) return `browser phones and video need a media worker; to compile it, run: ${byHand}`;

  report({ state: 'installing', detail: 'compiler and libraries are being installed' });
  const env = { ...process.env, ...APT };
  const apt = (/** @type {string[]} */ ...args) =>
    run('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], { env, log });
  if ((await apt(...install)).code !== 0) {
    await apt('update');
    await apt(...install);
  }
  return (await everythingIsThere()) ? undefined : `the compiler's packages could not be installed; try: ${byHand}`;
}

async function everythingIsThere() {
  const which = await run('sh', ['-c', TOOLS.map((tool) => `command -v ${tool}`).join(' && ')]);
  return which.code === 0 && (await run('pkg-config', ['--exists', ...LIBRARIES])).code === 0;
}

/** A tree that was prepared from the same files is used again: ninja goes on where it was stopped. @param {string} sources @param {string} build @param {string} log */
async function prepare(sources, build, log) {
  const stamp = join(build, '.prepared-from');
  const recipe = recipeHash(sources);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === recipe) return undefined;
  rmSync(build, { recursive: true, force: true });
  mkdirSync(build, { recursive: true });
  const prepared = await run('sh', [join(HERE, 'prepare.sh'), sources, build], { log });
  if (prepared.code !== 0) return `the worker's sources could not be prepared: ${firstError(prepared.output)}`;
  const setUp = await run('meson', ['setup', 'build', '--buildtype', 'release', '-Db_ndebug=true'], {
    cwd: build,
    log,
  });
  if (setUp.code !== 0) return `meson failed: ${firstError(setUp.output)} (all of it is in ${log})`;
  writeFileSync(stamp, recipe);
  return undefined;
}

/** @param {string} sources */
function recipeHash(sources) {
  const hash = createHash('sha256').update(readFileSync(join(sources, 'meson.build')));
  const ours = [
    'prepare.sh',
    ...readdirSync(join(HERE, 'shim'), { recursive: true }).map((name) => join('shim', String(name))),
  ];
  for (const name of ours.sort()) {
    if (/[.](?:sh|h|hpp)$/.test(name)) hash.update(readFileSync(join(HERE, name)));
  }
  return hash.digest('hex');
}
