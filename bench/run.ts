// npm run bench [-- part of a name]: runs every *.bench.ts by itself and keeps what they measured, with the machine, as JSON.
// A bench exports nothing; the last line that it prints is a JSON object: its method and its figures.
import { execFileSync, spawn } from 'node:child_process';
import { globSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { basename, join } from 'node:path';

const HERE = import.meta.dirname;
const [filter = ''] = process.argv.slice(2);
const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memoryMb: Math.round(totalmem() / 2 ** 20),
  system: `${process.platform} ${release()} ${process.arch}`,
  node: process.version,
  commit: commit(),
};

const benches = globSync('*.bench.ts', { cwd: HERE })
  .filter((name) => name.includes(filter))
  .sort();
const results: Record<string, unknown>[] = [];
for (const file of benches) {
  const name = basename(file, '.bench.ts');
  const loadBefore = loadavg()[0];
  console.log(`▶ ${name}`);
  const { code, lastLine } = await runBench(join(HERE, file));
  const measured = parseLine(lastLine);
  results.push({ name, loadBefore, ...(measured ?? { error: `ended with ${code}, and its last line is not JSON` }) });
  console.log(`  ${measured ? lastLine : '✗ no result'}`);
  if (!measured || code !== 0) process.exitCode = 1;
}

const folder = join(HERE, 'results');
const file = join(folder, `${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.json`);
mkdirSync(folder, { recursive: true });
writeFileSync(file, `${JSON.stringify({ at: new Date().toISOString(), machine, results }, null, 2)}\n`);
console.log(`${results.length} results in ${file}`);

function runBench(path: string): Promise<{ code: number; lastLine: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk));
    child.on('error', (error) => resolve({ code: 127, lastLine: String(error) }));
    child.on('close', (code) => resolve({ code: code ?? 1, lastLine: output.trim().split('\n').at(-1) ?? '' }));
  });
}

function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: HERE, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
