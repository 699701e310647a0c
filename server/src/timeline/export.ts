import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { extname, resolve, sep } from 'node:path';
import { DispatchError } from '#kernel/errors.ts';
import { canonical } from './canonical.ts';
import type { Blob, Entry } from './entry.ts';
import type { TimelineFilter } from './read.ts';
import type { Timeline } from './timeline.ts';

export const LIMITS = {
  /** Entries from the first to the last told, those left out counted in; a wider extract is refused with TOO_LARGE. */
  entriesWalked: 500_000,
  page: 5000,
} as const;

/** The first words of a bundle's manifest; docs/protocol/evidence.md describes the rest. */
export const FORMAT = 'tocsin-evidence/1';

export interface EvidenceManifest {
  format: typeof FORMAT;
  site: string;
  incident?: string;
  /** Milliseconds since 1970; the time of every file in the zip as well. */
  exportedAt: number;
  /** The user who took it out. */
  exportedBy: string;
  chain: {
    firstSeq: number;
    lastSeq: number;
    before: string;
    firstHash: string;
    lastHash: string;
    told: number;
    omitted: number;
  };
  files: { name: string; bytes: number; sha256: string }[];
  blobs: EvidenceBlob[];
}

export type EvidenceBlob = { sha256: string; kind: Blob['kind'] } & (
  | { name: string; bytes: number }
  /** `gone`: deleted since, as retention may ask. `changed`: the file is there and is not what it was. */
  | { absent: 'gone' | 'changed' }
);

/** A bundle as plain data: whoever packs it writes these in this order, stored rather than compressed. */
export interface Evidence {
  manifest: EvidenceManifest;
  files: { name: string; content: Buffer }[];
  /** `path` is on this machine's disk. */
  blobs: { name: string; path: string; bytes: number }[];
  /** For every file of the zip (yazl's options): the verifier checks them, so that not one byte is free. */
  zipOptions: { mtime: Date; mode: number; compress: false };
}

/**
 * Collects the entries that match, the links of the chain between them, and the files they refer to.
 *
 * @param options.filter what is told; entries in between are shown by their place and digest only
 * @param options.dataFolder the blobs' paths lie below it
 * @throws DispatchError NOT_FOUND when nothing matches; TOO_LARGE
 */
export async function collectEvidence(options: {
  timeline: Pick<Timeline, 'read'>;
  filter: Omit<TimelineFilter, 'limit' | 'order' | 'afterSeq'>;
  dataFolder: string;
  site: string;
  exportedAt: number;
  exportedBy: string;
}): Promise<Evidence> {
  const { timeline, filter, site, exportedAt, exportedBy } = options;
  const told = new Set<number>();
  for await (const entry of pages(timeline, filter, 0)) told.add(entry.seq);
  if (told.size === 0) throw new DispatchError('NOT_FOUND', 'no entries match');
  const [firstSeq, lastSeq] = [Math.min(...ends(told)), Math.max(...ends(told))];
  if (lastSeq - firstSeq >= LIMITS.entriesWalked)
    throw new DispatchError('TOO_LARGE', `${lastSeq - firstSeq + 1} entries; take a shorter time`);

  const lines: string[] = [];
  const blobs = new Map<string, Blob>();
  let first: Entry | undefined;
  let last: Entry | undefined;
  for await (const entry of pages(timeline, { beforeSeq: lastSeq + 1 }, firstSeq - 1)) {
    first ??= entry;
    last = entry;
    const { seq, digest, previous, hash } = entry;
    const isTold = told.has(seq);
    lines.push(canonical(isTold ? entry : { seq, digest, previous, hash, omitted: true }));
    if (isTold) for (const blob of entry.blobs ?? []) blobs.set(blob.sha256, blob);
  }

  const found = await Promise.all([...blobs.values()].map((blob) => findBlob(blob, options.dataFolder)));
  const entries = { name: 'entries.jsonl', content: Buffer.from(lines.map((line) => `${line}\n`).join('')) };
  const readMe = { name: 'README.txt', content: Buffer.from(README) };
  const manifest: EvidenceManifest = {
    format: FORMAT,
    site,
    ...(filter.incident === undefined ? {} : { incident: filter.incident }),
    exportedAt,
    exportedBy,
    chain: {
      ...{ firstSeq, lastSeq, before: first!.previous, firstHash: first!.hash, lastHash: last!.hash },
      ...{ told: told.size, omitted: lines.length - told.size },
    },
    files: [readMe, entries].map(({ name, content }) => ({ name, bytes: content.length, sha256: sha256(content) })),
    blobs: found.map(({ blob }) => blob),
  };
  const manifestFile = { name: 'manifest.json', content: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`) };
  const seal = { name: 'manifest.sha256', content: Buffer.from(`${sha256(manifestFile.content)}  manifest.json\n`) };
  return {
    manifest,
    files: [readMe, manifestFile, seal, entries],
    blobs: found.flatMap(({ blob, path }) => ('name' in blob ? { name: blob.name, bytes: blob.bytes, path } : [])),
    zipOptions: { mtime: new Date(exportedAt), mode: 0o100644, compress: false },
  };
}

async function* pages(timeline: Pick<Timeline, 'read'>, filter: TimelineFilter, afterSeq: number) {
  for (let after = afterSeq; ;) {
    const entries = await timeline.read({ ...filter, afterSeq: after, limit: LIMITS.page });
    yield* entries;
    if (entries.length < LIMITS.page) return;
    after = entries.at(-1)!.seq;
  }
}

/** They were added in order. */
function ends(seqs: Set<number>): [number, number] {
  const list = [...seqs];
  return [list[0]!, list.at(-1)!];
}

async function findBlob({ sha256: expected, kind, path }: Blob, dataFolder: string) {
  const top = resolve(dataFolder);
  const file = resolve(top, path);
  const seen = file.startsWith(top + sep) ? await digestOf(file) : undefined;
  const blob: EvidenceBlob =
    seen?.sha256 === expected
      ? { sha256: expected, kind, name: `blobs/${expected}${extname(path).toLowerCase()}`, bytes: seen.bytes }
      : { sha256: expected, kind, absent: seen ? 'changed' : 'gone' };
  return { blob, path: file };
}

async function digestOf(file: string): Promise<{ sha256: string; bytes: number } | undefined> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch {
    return undefined;
  }
  return { sha256: hash.digest('hex'), bytes };
}

function sha256(content: Buffer) {
  return createHash('sha256').update(content).digest('hex');
}

const README = `Tocsin 证据包
=============
entries.jsonl 每行一条时间线记录；与本案无关的记录只留序号和摘要，链条不断。
blobs/ 是录音、录像和文件，名字就是其 SHA-256。manifest.json 列出全部内容。
校验：node tocsin-verify.mjs <本文件.zip>（不需要安装任何东西，Node.js 20 或更新）。
再把校验程序显示的末条哈希与指挥中心时间线上同一序号的哈希核对。

Tocsin evidence
===============
entries.jsonl has one entry of the timeline a line; entries of other matters are shown by number and digest only, so
that the chain runs through. blobs/ holds recordings, pictures and documents, each named by its SHA-256. manifest.json
lists everything.
To check: node tocsin-verify.mjs <this file.zip>  (nothing to install; Node.js 20 or newer).
Then compare the last hash it shows with the hash of the same number on the control room's timeline.
`;
