// npm test, after bootstrap: everything that must hold. All parts run even if one fails; the last line is the sum.
import { runChecks } from './check.ts';
import { runScenarios } from './scenarios.ts';
import { finish, sum, type Tally } from './tally.ts';
import { runUnitTests } from './unit.ts';

const tallies: Tally[] = [];
for (const [title, part] of [
  ['Checks', () => runChecks()],
  ['Unit tests', () => runUnitTests()],
  ['Scenarios', () => runScenarios()],
] as const) {
  console.log(`\n${title}`);
  try {
    tallies.push(await part());
  } catch (error) {
    console.error(error);
    tallies.push({ passed: 0, failed: 1 });
  }
}
console.log();
finish(sum(tallies));
