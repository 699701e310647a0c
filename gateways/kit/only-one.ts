import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep, type Clock } from '@tocsin/server/kernel/clock.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';

/** A process that is ending finishes its submissions and goes within this time (END_WITHIN_MS of main.ts), and a bit. */
const FORMER_ENDS_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 50;

/**
 * Takes the journals' folder for this process, once the one before has left it: a server that was killed and started
 * again at once starts its gateways while those of before are still finishing, and two must not work from one journal.
 * One that does not go is passed over after 10 s, for phones and horns must not wait for it.
 */
export async function onlyOne(folder: string, { clock, log }: { clock: Clock; log: Log }): Promise<AsyncDisposable> {
  const file = join(folder, 'gateways.pid');
  await mkdir(folder, { recursive: true });
  const startedMs = clock.monotonic();
  for (;;) {
    const former = Number(await readFile(file, 'utf8').catch(() => ''));
    if (!former || former === process.pid || !isAlive(former)) break;
    if (clock.monotonic() - startedMs > FORMER_ENDS_WITHIN_MS) {
      log.warn('the gateways of before do not end', { pid: former });
      break;
    }
    await sleep(clock, LOOK_EVERY_MS);
  }
  await writeFile(file, `${process.pid}\n`);
  return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
