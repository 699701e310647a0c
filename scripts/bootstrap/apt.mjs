import { onPath } from './places.mjs';
import { run } from './run.mjs';

const ENVIRONMENT = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };

/** Installs what it can, when it may. What is there afterwards is for the caller to look. @param {string[]} packages @param {(text: string) => void} progress */
export async function aptInstall(packages, progress) {
  if (!canInstall()) return;
  const apt = (/** @type {string[]} */ ...args) =>
    run('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
      env: ENVIRONMENT,
      onLine: (line) => progress(line.slice(0, 70)),
    });
  const install = (/** @type {string[]} */ ...names) => apt('install', '-y', '--no-install-recommends', ...names);
  if ((await install(...packages)).code === 0) return;
  await apt('update');
  if ((await install(...packages)).code === 0) return;
  for (const name of packages) await install(name); // one that this release does not have must not keep out the others
}

function canInstall() {
  return process.getuid?.() === 0 && onPath('apt-get') !== undefined;
}
