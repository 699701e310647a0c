// npm run unit [-- part of a file's name]: every *.test.ts beside the code it tests.
import { findFiles, runTestFiles } from './test-files.ts';
import { finish, type Tally } from './tally.ts';

const PATTERNS = ['server/src', 'gateways', 'protocol', 'scripts', 'plans', 'scenarios', 'bench'].map(
  (folder) => `${folder}/**/*.test.ts`,
);
const FILES_AT_ONCE = 2;
const FILE_TIME_LIMIT_MS = 300_000; // loaded machines are fifteen times slower than quiet ones

export async function runUnitTests(filter?: string): Promise<Tally> {
  const files = findFiles([...PATTERNS, 'console/src/**/*.test.ts'], filter);
  if (files.length === 0) return { passed: 0, failed: 0 };
  return runTestFiles(files, { concurrency: FILES_AT_ONCE, fileTimeLimitMs: FILE_TIME_LIMIT_MS });
}

if (import.meta.main) finish(await runUnitTests(process.argv[2]));
