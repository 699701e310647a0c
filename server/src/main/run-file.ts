import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where a running server can be reached: for scripts, for tests, for a second look at what runs. */
export interface RunFile {
  pid: number;
  http: string;
  sip: string;
  mqtt: string;
}

/** Writes `run.json` in the data folder as soon as the server is ready; it is removed on a clean stop. */
export async function writeRunFile(dataFolder: string, content: RunFile): Promise<AsyncDisposable> {
  const path = join(dataFolder, 'run.json');
  await mkdir(dataFolder, { recursive: true });
  await writeFile(`${path}.new`, `${JSON.stringify(content)}\n`);
  await rename(`${path}.new`, path);
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}
