/** A whole server, with a site of the bench's own, as a bench of the house needs it. */
import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { siteFolder, type SiteFile } from '../scenarios/kit/own-site.ts';
import { Tocsin } from '../scenarios/kit/tocsin.ts';

export interface House {
  tocsin: Tocsin;
  /** What the kit of the scenarios takes: only `after` of it, which is run when the bench has ended. */
  t: TestContext;
}

/** Starts a server with these gateways and without simulators, measures, and takes everything down again, whatever comes of it. */
export async function inHouse<T>(
  alter: (site: SiteFile) => void,
  measure: (house: House) => Promise<T>,
  gateways?: unknown[],
): Promise<T> {
  const after: (() => unknown)[] = [];
  const t = { after: (run: () => unknown) => after.unshift(run), diagnostic: () => {} } as unknown as TestContext;
  try {
    const site = await siteFolder(t, alter, gateways);
    const tocsin = await Tocsin.start(t, {
      TOCSIN_SITE: site,
      TOCSIN_SIMULATORS: 'off',
      TOCSIN_LOG_LEVEL: 'warn',
    });
    return await measure({ tocsin, t });
  } finally {
    for (const run of after) await run();
  }
}

/** Leads the demonstration site's trunk to a port of the bench, with lines for every call that it may make. */
export function carrierAt(site: SiteFile, port: number): void {
  const trunk = site.trunks![0]!;
  trunk.lines = 9000;
  trunk.send!.port = port;
}

/** Memory that a process holds, as the kernel counts it. */
export function residentMb(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kilobytes) / 1024;
}
