import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Site } from '@tocsin/protocol/directory.ts';
import { isCollection, isMap, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import { DispatchError } from '#kernel/errors.ts';
import { findContradictions } from './site-check.ts';

/** Bytes of one file; a site of 20,000 people has about 6 MB. */
const FILE_LIMIT = 32 * 1024 * 1024;

/** Complaints shown at once. */
const COMPLAINTS_LIMIT = 20;

interface SourceFile {
  name: string;
  document: Document;
  lines: LineCounter;
  content: Record<string, unknown>;
}

type Path = readonly PropertyKey[];

/**
 * Reads `site.yaml` and the files it names under `include`, whose lists are joined to its own, and checks the whole:
 * the shape of every field, and that what is referred to exists.
 *
 * @throws DispatchError CONFIG_INVALID with one `file:line: path: complaint` a line
 */
export async function readSite(folder: string): Promise<Site> {
  const first = await readSource(folder, 'site.yaml');
  const { include = [], ...own } = first.content;
  if (!Array.isArray(include) || include.some((name) => typeof name !== 'string' || !/^[\w.-]+\.ya?ml$/.test(name)))
    throw new DispatchError(
      'CONFIG_INVALID',
      `site.yaml:${lineOf(first, ['include'])}: include: lists files beside this one`,
    );
  const others = await Promise.all((include as string[]).map((name) => readSource(folder, name)));

  const joined = joinSources([{ ...first, content: own }, ...others]);
  const parsed = Site.safeParse(joined.content);
  const complaints = parsed.success
    ? findContradictions(parsed.data)
    : parsed.error.issues.map(({ path, message }) => ({ path: path as Path, what: message }));
  if (parsed.success && complaints.length === 0) return parsed.data;

  const shown = complaints
    .slice(0, COMPLAINTS_LIMIT)
    .map(({ path, what }) => `${joined.where(path)}: ${path.join('.')}: ${what}`);
  if (complaints.length > shown.length) shown.push(`… and ${complaints.length - shown.length} more`);
  throw new DispatchError('CONFIG_INVALID', `\n${shown.join('\n')}`);
}

async function readSource(folder: string, name: string): Promise<SourceFile> {
  const file = join(folder, name);
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new DispatchError('CONFIG_INVALID', `${relative('.', file)} cannot be read`, { cause });
  });
  if (text.length > FILE_LIMIT) throw new DispatchError('CONFIG_INVALID', `${name} is larger than ${FILE_LIMIT} bytes`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const error = document.errors[0];
  if (error)
    throw new DispatchError(
      'CONFIG_INVALID',
      `${name}:${lines.linePos(error.pos[0]).line}: ${error.message.split('\n')[0]}`,
    );
  const content: unknown = document.toJS({ maxAliasCount: 100 });
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw new DispatchError('CONFIG_INVALID', `${name}:1: the file is not a list of fields`);
  return { name, document, lines, content: content as Record<string, unknown> };
}

/** One content of all files, and the way back from a path in it to the file and line it came from. */
function joinSources(sources: SourceFile[]) {
  const content: Record<string, unknown> = {};
  const origins = new Map<string, { source: SourceFile; index?: number }[]>();
  for (const source of sources) {
    for (const [key, value] of Object.entries(source.content)) {
      const origin = origins.get(key) ?? [];
      origins.set(key, origin);
      if (Array.isArray(value) && (content[key] === undefined || Array.isArray(content[key]))) {
        content[key] = [...((content[key] as unknown[] | undefined) ?? []), ...(value as unknown[])];
        value.forEach((_, index) => origin.push({ source, index }));
      } else {
        content[key] = value;
        origin.push({ source });
      }
    }
  }
  const where = ([key, index, ...rest]: Path) => {
    const origin = origins.get(String(key));
    const place = typeof index === 'number' ? origin?.[index] : origin?.[0];
    if (!place) return `${sources[0]!.name}:1`;
    const path =
      place.index === undefined
        ? [key!, ...(index === undefined ? [] : [index]), ...rest]
        : [key!, place.index, ...rest];
    return `${place.source.name}:${lineOf(place.source, path)}`;
  };
  return { content, where };
}

/** The line of the deepest part of the path that stands in the file. */
function lineOf({ document, lines }: SourceFile, path: Path): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const step of path) {
    if (!isCollection(node)) break;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(key) === String(step));
      if (!pair) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
    }
  }
  return lines.linePos(offset).line;
}
