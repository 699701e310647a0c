// node scripts/bootstrap.mjs start|test|dev|prepare [-- args]
// Makes a fresh machine ready (Node 20 and npm are enough), then runs what was asked for on the Node 24 that the repository pins.
// Plain JavaScript without dependencies, because it runs before there are any. Each step is quiet when it has nothing to do.
import { join } from 'node:path';
import { buildConsole } from './bootstrap/console.mjs';
import { linkDatabase } from './bootstrap/database.mjs';
import { findFfmpeg } from './bootstrap/ffmpeg.mjs';
import { awaitMediaWorker, startMediaWorker } from './bootstrap/media-worker.mjs';
import { findNode } from './bootstrap/node.mjs';
import { installPackages } from './bootstrap/packages.mjs';
import { ROOT } from './bootstrap/places.mjs';
import { CannotGoOn, step } from './bootstrap/progress.mjs';
import { runInForeground } from './bootstrap/run.mjs';
import { installTestTools } from './bootstrap/tools.mjs';

/** What each command runs in the end; `prepare` only prepares. @type {Record<string, string | undefined>} */
const PROGRAMS = { start: 'server/src/main.ts', test: 'scripts/test.ts', dev: 'scripts/dev.ts', prepare: undefined };

const [mode = '', ...rest] = process.argv.slice(2);
const args = rest[0] === '--' ? rest.slice(1) : rest;
try {
  if (!(mode in PROGRAMS))
    throw new CannotGoOn(`node scripts/bootstrap.mjs ${Object.keys(PROGRAMS).join('|')} [-- arguments]`);
  process.exitCode = await bootstrap();
} catch (error) {
  if (!(error instanceof CannotGoOn)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

/** @returns {Promise<number>} the exit code */
async function bootstrap() {
  await step('npm packages', installPackages);
  const node = await step('Node 24', findNode);
  process.env.PATH = `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH}`;

  await step('embedded PostgreSQL', linkDatabase);
  await step('ffmpeg', findFfmpeg);
  if (mode !== 'dev') await step('console', (progress) => buildConsole(node, progress));
  if (mode === 'test') await step('test tools', installTestTools);

  const worker = startMediaWorker(node);
  if (mode === 'test' || mode === 'prepare')
    await step('media worker', (progress) => awaitMediaWorker(worker, progress));
  else if (worker.process)
    console.log('· media worker: being made ready in the background; browser phones and video follow');

  const program = PROGRAMS[mode];
  return program ? runInForeground(node, [join(ROOT, program), ...args]) : 0;
}
