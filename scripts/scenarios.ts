// npm run scenarios [-- part of a story's name]: whole-system stories with real peers, one at a time.
import { findFiles, runTestFiles } from './test-files.ts';
import { finish, sum, type Tally } from './tally.ts';

const STORY_TIME_LIMIT_MS = 900_000;

export async function runScenarios(filter?: string): Promise<Tally> {
  const stories = findFiles(['scenarios/**/*.story.ts'], filter);
  const tallies: Tally[] = [];
  for (const [index, story] of stories.entries()) {
    console.log(`▶ ${index + 1}/${stories.length} ${story}`);
    tallies.push(await runTestFiles([story], { concurrency: 1, fileTimeLimitMs: STORY_TIME_LIMIT_MS, eachTest: true }));
  }
  return sum(tallies);
}

if (import.meta.main) finish(await runScenarios(process.argv[2]));
