import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { escapeXml } from '../kit/xml.ts';
import type { CapAlert } from './alert.ts';
import { readAlert } from './read.ts';

/** Messages in the feed, the newest first; older ones are still there under their own address. */
const IN_FEED = 100;

/** What we have published: a file a message, and a feed of the newest (OASIS CAP feeds: Atom with a link to each). */
export interface Shelf {
  put(alert: CapAlert, text: string): Promise<void>;
  /** By its identifier. */
  get(identifier: string): Promise<string | undefined>;
  feed(): string;
}

/** Opens the folder with what was published before. */
export async function openShelf(folder: string, title: string): Promise<Shelf> {
  await mkdir(folder, { recursive: true });
  const kept: { identifier: string; title: string; sent: number }[] = [];
  for (const name of (await readdir(folder))
    .filter((each) => each.endsWith('.xml'))
    .toSorted()
    .slice(-IN_FEED)) {
    const reading = readAlert(await readFile(join(folder, name), 'utf8'));
    if (reading.kind === 'alert') kept.push(entryOf(reading.alert));
  }
  kept.sort((a, b) => b.sent - a.sent);
  const fileOf = (identifier: string) => join(folder, `${identifier}.xml`);
  return {
    async put(alert, text) {
      // Whoever reads the folder finds a file whole or not at all.
      const passing = `${fileOf(alert.identifier)}.part`;
      await writeFile(passing, text, { flush: true });
      await rename(passing, fileOf(alert.identifier));
      const known = kept.findIndex(({ identifier }) => identifier === alert.identifier);
      if (known >= 0) kept.splice(known, 1);
      kept.unshift(entryOf(alert));
      kept.splice(IN_FEED);
    },
    get: (identifier) => readFile(fileOf(identifier), 'utf8').catch(() => undefined),
    feed: () => writeFeed(title, kept),
  };
}

function entryOf(alert: CapAlert) {
  return { identifier: alert.identifier, title: alert.infos[0]?.headline ?? alert.identifier, sent: alert.sent };
}

function writeFeed(title: string, entries: { identifier: string; title: string; sent: number }[]): string {
  const time = (at: number) => new Date(at).toISOString();
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<feed xmlns="http://www.w3.org/2005/Atom">',
    `  <id>urn:tocsin:cap</id>`,
    `  <title>${escapeXml(title)}</title>`,
    `  <updated>${time(entries[0]?.sent ?? 0)}</updated>`,
    ...entries.map(
      ({ identifier, title: headline, sent }) =>
        `  <entry><id>urn:tocsin:cap:${identifier}</id><title>${escapeXml(headline)}</title><updated>${time(sent)}</updated>` +
        `<link rel="alternate" type="application/cap+xml" href="cap/${identifier}.xml"/></entry>`,
    ),
    '</feed>',
    '',
  ].join('\n');
}
