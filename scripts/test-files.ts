import { globSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { finished } from 'node:stream/promises';
import { inspect } from 'node:util';
import { ROOT } from './root.ts';
import { seconds, sum, type Tally } from './tally.ts';

/** What a test reports at its end; `error` when it failed. */
interface Ended {
  name: string;
  file?: string | undefined;
  skip?: string | boolean | undefined;
  todo?: string | boolean | undefined;
  details: { duration_ms: number; type?: string | undefined; error?: Error };
}

interface Options {
  /** How many files run at once. */
  concurrency: number;
  /** A file that takes longer has hung, and fails. */
  fileTimeLimitMs: number;
  /** A line for each test as it ends, rather than one for each file. */
  eachTest?: boolean;
}

/** The files that match, in the order of their names; `filter` is a part of the name. */
export function findFiles(patterns: string[], filter = ''): string[] {
  const found = globSync(patterns, { cwd: ROOT, exclude: (path) => path.includes('node_modules') });
  return found.filter((path) => path.includes(filter)).sort();
}

/** Runs each file in a process of its own, prints what happened, and counts the tests (not the suites around them). */
export async function runTestFiles(files: string[], options: Options): Promise<Tally> {
  const waiting = [...files];
  const tallies: Tally[] = [];
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      tallies.push(await runFile(file, options));
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, work));
  return sum(tallies);
}

async function runFile(file: string, options: Options): Promise<Tally> {
  const report = new FileReport(file, options);
  // The runner's own `timeout` ends tests, but not a process that something left open keeps alive.
  const hung = new AbortController();
  const timer = setTimeout(() => hung.abort(), options.fileTimeLimitMs);
  const stream = run({ files: [join(ROOT, file)], concurrency: 1, signal: hung.signal });
  let succeeded = true;
  stream.on('test:pass', (test) => report.take(test));
  stream.on('test:fail', (test) => {
    if (!hung.signal.aborted) report.take(test);
  });
  stream.on('test:stdout', ({ message }) => report.said(message));
  stream.on('test:stderr', ({ message }) => report.said(message));
  stream.on('test:summary', ({ success }) => (succeeded &&= success));
  await finished(stream.resume());
  clearTimeout(timer);

  if (hung.signal.aborted)
    report.fail(`did not end within ${seconds(options.fileTimeLimitMs)}: a test hangs, or left something open`);
  else if (!succeeded && report.failed === 0) report.fail('failed outside its tests');
  report.end();
  return { passed: report.passed, failed: report.failed };
}

/** What one file reports, printed when it has ended, so that files that run at once do not mix their lines. */
class FileReport {
  passed = 0;
  failed = 0;
  #skipped = 0;
  #failures: string[] = [];
  #output = '';
  readonly #file: string;
  readonly #eachTest: boolean;
  readonly #begunAtMs = performance.now();

  constructor(file: string, { eachTest = false }: Options) {
    this.#file = file;
    this.#eachTest = eachTest;
  }

  take({ name, skip, todo, details }: Ended) {
    const { error, type, duration_ms: durationMs } = details;
    if (skip !== undefined && skip !== false) {
      this.#skipped += 1;
      this.#tell(`  - ${name} (skipped${typeof skip === 'string' ? `: ${skip}` : ''})`);
    } else if (!error || (todo !== undefined && todo !== false)) {
      if (type === 'suite') return;
      this.passed += 1;
      this.#tell(`  ✓ ${name}  ${seconds(durationMs)}`);
    } else if (!('failureType' in error) || error.failureType !== 'subtestsFailed') {
      // What failed only because of the tests inside it has been counted with them.
      this.failed += 1;
      this.#tell(`  ✗ ${name}  ${seconds(durationMs)}`);
      this.#failures.push(`  ✗ ${name}\n${indent(inspect(error.cause ?? error))}`);
    }
  }

  fail(reason: string) {
    this.failed += 1;
    this.#failures.push(`  ✗ ${reason}`);
  }

  said(text: string) {
    this.#output += text;
  }

  end() {
    const durationMs = performance.now() - this.#begunAtMs;
    const counts = [`${this.passed} passed`];
    if (this.failed > 0) counts.push(`${this.failed} failed`);
    if (this.#skipped > 0) counts.push(`${this.#skipped} skipped`);
    console.log(`${this.failed > 0 ? '✗' : '✓'} ${this.#file}  ${counts.join(', ')}  ${seconds(durationMs)}`);
    if (this.failed === 0) return;
    console.log(this.#failures.join('\n'));
    if (this.#output.trim()) console.log(`  it printed:\n${indent(this.#output.trimEnd())}`);
  }

  #tell(line: string) {
    if (this.#eachTest) console.log(line);
  }
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}
