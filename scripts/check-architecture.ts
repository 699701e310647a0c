// Holds the imports of the whole repository against .dependency-cruiser.mjs, and the drawing against the imports.
// Refuses to pass when it read no files: with a compiler it cannot use, dependency-cruiser reads nothing and is content.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import config, { LAYERS } from '../.dependency-cruiser.mjs';
import { draw } from './architecture-drawing.ts';
import { ROOT } from './root.ts';

const PLACES = ['server', 'protocol', 'gateways', 'console/src', 'scenarios', 'bench'];
const DRAWING = join(ROOT, 'docs/architecture.mermaid');

process.chdir(ROOT);
const { forbidden, options } = config;
const places = PLACES.filter((place) => existsSync(place));
const { output } = await cruise(places, { ruleSet: { forbidden }, validate: true, ...options });
if (typeof output === 'string') throw new Error(output);

const { totalCruised, violations, error } = output.summary;
for (const { rule, from, to } of violations) console.error(`${rule.name}: ${from} -> ${to}`);
console.log(`${totalCruised} files read, ${error} broken rules`);
if (totalCruised === 0 || serverFiles(output) === 0) {
  console.error('No file of the server was read, so nothing was checked.');
  process.exitCode = 1;
}
if (error > 0) process.exitCode = 1;

const drawing = draw(output.modules, LAYERS);
if (process.argv.includes('--write')) {
  mkdirSync(dirname(DRAWING), { recursive: true });
  writeFileSync(DRAWING, drawing);
} else if (!existsSync(DRAWING) || readFileSync(DRAWING, 'utf8') !== drawing) {
  console.error('docs/architecture.mermaid is not what the imports say: npm run graph');
  process.exitCode = 1;
}

function serverFiles({ modules }: ICruiseResult): number {
  return modules.filter(({ source }) => source.startsWith('server/src/')).length;
}
