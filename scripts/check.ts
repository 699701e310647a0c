// npm run check: types, lint, looks, architecture, unused things. npm run fix (--fix) mends what can be mended.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './root.ts';
import { finish, seconds, type Tally } from './tally.ts';

interface Check {
  name: string;
  /** A script below the root and its arguments. */
  run: string[];
  /** The arguments that mend instead. */
  fix?: string[];
  cwd?: string;
  isApplicable?: () => boolean;
}

/** Longest first: two run at a time. */
const CHECKS: Check[] = [
  { name: 'eslint', run: ['node_modules/eslint/bin/eslint.js', '.', '--max-warnings=-1', '--quiet'], fix: ['--fix'] },
  { name: 'types', run: ['node_modules/typescript/bin/tsc', '--noEmit', '--pretty', 'false'] },
  {
    name: 'console types',
    run: ['node_modules/svelte-check/bin/svelte-check', '--output', 'human', '--threshold', 'error'],
    cwd: 'console',
    isApplicable: () => existsSync(join(ROOT, 'console/src/routes')),
  },
  { name: 'architecture', run: ['scripts/check-architecture.ts'], fix: ['--write'] },
  {
    name: 'prettier',
    run: ['node_modules/prettier/bin/prettier.cjs', '--log-level=warn', '--check', '.'],
    fix: ['--write'],
  },
  { name: 'unused things', run: ['node_modules/knip/bin/knip.js', '--no-progress', '--no-config-hints'] },
];
const AT_ONCE = 2;

export async function runChecks({ fix = false } = {}): Promise<Tally> {
  const waiting = CHECKS.filter(({ isApplicable }) => isApplicable?.() ?? true);
  const tally: Tally = { passed: 0, failed: 0 };
  const work = async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) {
      const passed = await runCheck(check, fix);
      tally[passed ? 'passed' : 'failed'] += 1;
    }
  };
  await syncConsoleTypes();
  await Promise.all(Array.from({ length: fix ? 1 : AT_ONCE }, work)); // two menders would write the same files
  return tally;
}

async function runCheck({ name, run, fix = [], cwd = '' }: Check, mends: boolean): Promise<boolean> {
  const begunAtMs = performance.now();
  const script = mends ? run.filter((word) => word !== '--check') : run;
  const { code, output } = await runNode([...script, ...(mends ? fix : [])], cwd);
  const hasPassed = code === 0;
  console.log(`${hasPassed ? '✓' : '✗'} ${name}  ${seconds(performance.now() - begunAtMs)}`);
  if (!hasPassed) console.log(output.trimEnd().replaceAll(/^/gm, '    '));
  return hasPassed;
}

/** svelte-check reads types that SvelteKit writes from the routes. */
async function syncConsoleTypes() {
  if (existsSync(join(ROOT, 'console/src/routes'))) {
    await runNode(['node_modules/@sveltejs/kit/svelte-kit.js', 'sync'], 'console');
  }
}

function runNode([script = '', ...args]: string[], cwd: string): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(ROOT, script), ...args], {
      cwd: join(ROOT, cwd),
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, FORCE_COLOR: '0', NODE_OPTIONS: '' },
    });
    let output = '';
    const read = (chunk: Buffer) => (output += chunk);
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('error', (error) => resolve({ code: 127, output: String(error) }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

if (import.meta.main) finish(await runChecks({ fix: process.argv.includes('--fix') }));
