import { readFileSync, readdirSync } from 'node:fs';

export interface ProcessFacts {
  pid: number;
  parent: number;
  command: string;
}

/**
 * Every process of this machine that has the folder in its command or its environment: a server started on it and
 * whatever that server has started (database, gateways, media worker, ffmpeg), also when its parent is gone.
 */
export function processesOf(folder: string): ProcessFacts[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
        const environment = readFileSync(`/proc/${name}/environ`, 'latin1');
        if (!command.includes(folder) && !environment.includes(folder)) return [];
        // The name in parentheses may hold blanks; what follows it does not.
        const status = readFileSync(`/proc/${name}/stat`, 'latin1')
          .replace(/^.*\) /s, '')
          .split(' ');
        if (status[0] === 'Z') return [];
        return [{ pid: Number(name), parent: Number(status[1]), command }];
      } catch {
        // It has ended while we looked.
        return [];
      }
    });
}
