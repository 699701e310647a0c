import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { RecordingBackup, RecordingQuery, RecordingView } from '@tocsin/protocol/recording.ts';
import { findRecordings, readRecording } from '#calls/recordings-store.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Desk } from './desk.ts';

/** Recordings in one backup at most; more are refused with TOO_LARGE: take a shorter time. */
export const BACKUP_LIMIT = 10_000;
const PAGE = 500;

/**
 * Copies recordings to a new folder below the folder of backups: the files, `index.csv` for people, and `SHA256SUMS`, which
 * `sha256sum -c` checks. A file that is gone, or no longer what was sealed, is told and left out.
 *
 * @param folder a name: letters, digits, `.`, `-`, `_`
 * @throws DispatchError NOT_FOUND when nothing fits, TOO_LARGE, REQUEST_MALFORMED when the folder is there already, DISK_FULL
 */
export async function backUpRecordings(
  query: RecordingQuery,
  folder: string,
  user: string,
  desk: Pick<Desk, 'store' | 'timeline' | 'dataFolder' | 'backupFolder'>,
): Promise<RecordingBackup> {
  const wanted = await wantedOf(query, desk);
  const into = join(desk.backupFolder, folder);
  try {
    await mkdir(desk.backupFolder, { recursive: true });
    await mkdir(into);
    const sums: string[] = [];
    const lines: string[] = [];
    const left: RecordingBackup['left'] = [];
    for (const view of wanted) {
      const kept = await readRecording(desk.store, { id: view.id });
      if (!kept || kept.isDeleted) continue;
      const name = `${new Date(view.startedAt).toISOString().slice(0, 10)}-${basename(kept.file)}`;
      const found = await copy(join(desk.dataFolder, kept.file), join(into, name));
      const sealed = kept.packedSha256 ?? kept.sha256;
      if (found !== sealed) left.push({ id: view.id, because: found === undefined ? 'gone' : 'changed' });
      if (found === undefined) continue;
      sums.push(`${found}  ${name}`);
      lines.push(lineOf(view, name, found, found === sealed));
    }
    // The mark of UTF-8: without it spreadsheets read Chinese as nonsense.
    const index = `\uFEFF${[HEAD, ...lines].join('\r\n')}\r\n`;
    await writeFile(join(into, 'index.csv'), index, { flag: 'wx' });
    sums.push(`${createHash('sha256').update(index).digest('hex')}  index.csv`);
    const list = sums.map((line) => `${line}\n`).join('');
    await writeFile(join(into, 'SHA256SUMS'), list, { flag: 'wx' });
    const sha256 = createHash('sha256').update(list).digest('hex');
    const files = lines.length;
    await desk.timeline.append({
      kind: 'recordings.backed-up',
      actor: user,
      data: { folder, files, left: left.length, sha256, ...withoutPaging(query) },
    });
    return { folder: into, files, left, sha256 };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new DispatchError('REQUEST_MALFORMED', `the folder ${folder} is there already`);
    if (code === 'ENOSPC' || code === 'EDQUOT') throw new DispatchError('DISK_FULL', folder, { cause: error });
    throw error;
  }
}

async function wantedOf(query: RecordingQuery, { store }: Pick<Desk, 'store'>): Promise<RecordingView[]> {
  const wanted: RecordingView[] = [];
  for (;;) {
    const { total, recordings } = await findRecordings(store, {
      ...query,
      withDeleted: false,
      limit: PAGE,
      offset: wanted.length,
    });
    if (total > BACKUP_LIMIT) throw new DispatchError('TOO_LARGE', `${total} recordings; take a shorter time`);
    wanted.push(...recordings);
    if (recordings.length < PAGE) break;
  }
  const kept = wanted.filter(({ state }) => state === 'kept');
  if (kept.length === 0) throw new DispatchError('NOT_FOUND', 'no recording fits');
  return kept.reverse();
}

/** Copies a file, and hashes what it copies; undefined when it is not there. */
async function copy(from: string, to: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  try {
    await pipeline(createReadStream(from), through, createWriteStream(to, { flags: 'wx' }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return hash.digest('hex');
}

const HEAD = [
  '文件 file',
  '开始 started',
  '时长秒 seconds',
  '标题 title',
  '主叫 caller',
  '被叫 called',
  '方向 direction',
  '分机 accounts',
  '事件 incident',
  'sha256',
  '完好 intact',
].join(',');

function lineOf(view: RecordingView, name: string, sha256: string, isIntact: boolean): string {
  const { startedAt, ms, title, caller, called, direction, accounts, incident } = view;
  return [
    name,
    new Date(startedAt).toISOString(),
    ((ms ?? 0) / 1000).toFixed(1),
    ...[title, caller ?? '', called ?? '', direction ?? '', accounts.join(' '), incident ?? '', sha256],
    isIntact ? 'yes' : 'NO',
  ]
    .map(cell)
    .join(',');
}

/** RFC 4180; what a spreadsheet would take for a formula is shown as text. */
function cell(text: string): string {
  const plain = /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

function withoutPaging({ limit: _limit, offset: _offset, withDeleted: _withDeleted, ...query }: RecordingQuery) {
  return query;
}
