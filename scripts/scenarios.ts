// npm run scenarios [-- part of a story's name]: whole-system stories with real peers.
import { findFiles, runTestFiles } from './test-files.ts';
import { finish, type Tally } from './tally.ts';

const STORY_TIME_LIMIT_MS = 900_000;
/** Stories mostly wait for phones to ring and for words to be spoken: two at once fit the smallest machine. */
const AT_ONCE = 2;

export async function runScenarios(filter?: string): Promise<Tally> {
  const stories = findFiles(['scenarios/**/*.story.ts'], filter);
  const options = { concurrency: AT_ONCE, fileTimeLimitMs: STORY_TIME_LIMIT_MS, eachTest: true };
  return await runTestFiles(stories, options);
}

if (import.meta.main) finish(await runScenarios(process.argv[2]));
