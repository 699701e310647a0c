import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parse, stringify } from 'yaml';
import type { z } from 'zod';
import type { Site } from '@tocsin/protocol/directory.ts';

/** A site as its files say it, before the defaults are filled in. */
export type SiteFile = z.input<typeof Site>;

const DEMO = join(import.meta.dirname, '../../sites/demo');

/**
 * A folder with a site of the scenario's own: the demonstration site, altered. `gateways`, when given, becomes
 * `gateways.yaml`: the server then starts those gateways itself.
 */
export async function siteFolder(
  t: TestContext,
  alter: (site: SiteFile) => void,
  gateways?: unknown[],
): Promise<string> {
  const site = Object.assign(
    {},
    ...(await Promise.all(
      ['site.yaml', 'people.yaml', 'accounts.yaml', 'places.yaml'].map(async (name) =>
        parse(await readFile(join(DEMO, name), 'utf8')),
      ),
    )),
  ) as SiteFile & { include?: unknown };
  delete site.include;
  alter(site);
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-site-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await copyFile(join(DEMO, 'base-map.geojson'), join(folder, 'base-map.geojson'));
  await writeFile(join(folder, 'site.yaml'), stringify(site));
  if (gateways) await writeFile(join(folder, 'gateways.yaml'), stringify({ gateways }));
  return folder;
}

/** Gives a person a phone of this house, and nothing else: no other numbers, no deputies. */
export function givePhone(site: SiteFile, person: string, account: string): void {
  const found = site.people.find(({ id }) => id === person);
  if (!found) throw new Error(`the site has no ${person}`);
  found.numbers = [{ kind: 'desk', dial: account }];
  found.deputies = [];
  site.accounts = [
    ...(site.accounts ?? []).filter(({ user }) => user !== account),
    { user: account, password: 'tocsin-demo', kind: 'phone', person, name: found.name },
  ];
}
