import { execFileSync } from 'node:child_process';

/** For tests: whether this machine has the program. */
export function isInstalled(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
