import { globSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { finished } from 'node:stream/promises';
import { inspect } from 'node:util';
import { ROOT } from './root.ts';
import { seconds, type Tally } from './tally.ts';

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
  const tally: Tally = { passed: 0, failed: 0 };
  const reports = new Map<string, FileReport>();
  const reportOf = (file = '') => {
    const report = reports.get(file) ?? new FileReport(file, options);
    reports.set(file, report);
    return report;
  };

  const stream = run({
    files: files.map((file) => join(ROOT, file)),
    concurrency: options.concurrency,
    timeout: options.fileTimeLimitMs,
  });
  let succeeded = true;
  stream.on('test:pass', (test) => reportOf(test.file).take(test));
  stream.on('test:fail', (test) => reportOf(test.file).take(test));
  stream.on('test:stdout', ({ file, message }) => reportOf(file).said(message));
  stream.on('test:stderr', ({ file, message }) => reportOf(file).said(message));
  stream.on('test:summary', ({ file, duration_ms: durationMs, success }) => {
    if (file === undefined) succeeded = success;
    else reportOf(file).end(durationMs);
  });
  await finished(stream.resume());

  for (const report of reports.values()) {
    report.end();
    tally.passed += report.passed;
    tally.failed += report.failed;
  }
  if (!succeeded && tally.failed === 0) tally.failed = 1; // the runner knows of a failure that belongs to no test
  return tally;
}

/** What one file reports, printed when it has ended, so that files that run at once do not mix their lines. */
class FileReport {
  passed = 0;
  failed = 0;
  #skipped = 0;
  #failures: string[] = [];
  #output = '';
  #hasEnded = false;
  readonly #file: string;
  readonly #eachTest: boolean;
  readonly #begunAtMs = performance.now();

  constructor(file: string, { eachTest = false }: Options) {
    this.#file = relative(ROOT, file);
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

  said(text: string) {
    this.#output += text;
  }

  end(durationMs = performance.now() - this.#begunAtMs) {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
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
