import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, truncateSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Log } from '@tocsin/server/kernel/log.ts';

/**
 * An append-only file of JSON lines that survives kill -9 and power cuts: `append` resolves when its line is on the
 * disk. Lines that are waiting share one write and one fdatasync. A last line that was cut off is dropped on opening.
 */
export interface Journal extends AsyncDisposable {
  /** What the file held when it was opened, in order. */
  readonly found: readonly unknown[];
  /** @returns when the record is on the disk; @throws when the disk refuses (full, gone). */
  append(record: unknown): Promise<void>;
  /** Replaces the whole file by these records, atomically; appends that are waiting come after them. */
  rewrite(records: () => Iterable<unknown>): Promise<void>;
  /** Lines in the file, dead ones included. */
  readonly lines: number;
}

/** Opens or makes the journal. @throws when the folder cannot be written. */
export async function openJournal(options: { file: string; log: Log }): Promise<Journal> {
  const { file, log } = options;
  mkdirSync(dirname(file), { recursive: true });
  const found = readLines(file, log);
  return new FileJournal(file, found, await open(file, 'a'));
}

class FileJournal implements Journal {
  readonly found: readonly unknown[];
  readonly #file: string;
  #handle: FileHandle;
  #lines: number;
  #waiting: { line: string; resolve: () => void; reject: (error: unknown) => void }[] = [];
  #rewrite: { records: () => Iterable<unknown>; resolve: () => void; reject: (error: unknown) => void } | undefined;
  #writing: Promise<void> | undefined;
  #isClosed = false;

  constructor(file: string, found: readonly unknown[], handle: FileHandle) {
    this.#file = file;
    this.found = found;
    this.#handle = handle;
    this.#lines = found.length;
  }

  get lines() {
    return this.#lines;
  }

  append(record: unknown): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Error(`the journal ${this.#file} is closed`));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line: `${JSON.stringify(record)}\n`, resolve, reject });
      this.#start();
    });
  }

  rewrite(records: () => Iterable<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#rewrite = { records, resolve, reject };
      this.#start();
    });
  }

  async [Symbol.asyncDispose]() {
    this.#isClosed = true;
    while (this.#writing) await this.#writing;
    await this.#handle.close();
  }

  #start() {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      if (this.#waiting.length > 0 || this.#rewrite) this.#start();
    });
  }

  async #write(): Promise<void> {
    // Everything asked for in this turn of the event loop goes into the same write.
    await Promise.resolve();
    const rewrite = this.#rewrite;
    this.#rewrite = undefined;
    if (rewrite) {
      try {
        await this.#replace(rewrite.records());
        rewrite.resolve();
      } catch (error) {
        rewrite.reject(error);
      }
    }
    const batch = this.#waiting;
    if (batch.length === 0) return;
    this.#waiting = [];
    try {
      await this.#handle.write(batch.map(({ line }) => line).join(''));
      await this.#handle.datasync();
      this.#lines += batch.length;
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  async #replace(records: Iterable<unknown>): Promise<void> {
    const fresh = `${this.#file}.new`;
    const lines = [...records].map((record) => `${JSON.stringify(record)}\n`);
    const handle = await open(fresh, 'w');
    await handle.write(lines.join(''));
    await handle.datasync();
    await handle.close();
    renameSync(fresh, this.#file);
    syncFolder(dirname(this.#file));
    await this.#handle.close();
    this.#handle = await open(this.#file, 'a');
    this.#lines = lines.length;
  }
}

function readLines(file: string, log: Log): unknown[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    closeSync(openSync(file, 'a'));
    syncFolder(dirname(file));
    return [];
  }
  const end = text.lastIndexOf('\n') + 1;
  if (end < text.length) {
    log.warn('journal ended in the middle of a line', { file, bytes: text.length - end });
    truncateSync(file, Buffer.byteLength(text.slice(0, end)));
  }
  const records: unknown[] = [];
  for (const line of text.slice(0, end).split('\n')) {
    if (line === '') continue;
    try {
      records.push(JSON.parse(line));
    } catch {
      log.error('journal has an unreadable line', { file, line: line.slice(0, 200) });
    }
  }
  return records;
}

/** A new or renamed file is only safe when its folder is on the disk too. */
function syncFolder(folder: string) {
  try {
    const handle = openSync(folder, 'r');
    fsyncSync(handle);
    closeSync(handle);
  } catch {
    // Not every system lets a folder be opened (Windows); the rename itself is atomic there.
  }
}
