import { readFile } from 'node:fs/promises';
import type { Clock, Timer } from '#kernel/clock.ts';

/** What the script that gets hold of the worker's binary says about its progress. */
export interface WorkerStatus {
  state: string;
  done?: number;
  total?: number;
  detail?: string;
  /** The binary; set when the state is ready. */
  path?: string;
}

/** How often the file is looked at, and how large it may be. */
const LOOK_EVERY_MS = 500;
const LONGEST_FILE = 65_536;

/**
 * Looks at the status file until it says ready, and reports each change. A file that is absent, half written or not JSON is
 * looked at again. The returned function stops the watch.
 */
export function watchWorkerStatus(file: string, clock: Clock, report: (status: WorkerStatus) => void): () => void {
  let timer: Timer | undefined;
  let last = '';
  let isStopped = false;
  const look = async () => {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (isStopped) return;
    const status = text !== last && text.length <= LONGEST_FILE ? parseWorkerStatus(text) : undefined;
    if (status) {
      last = text;
      report(status);
      if (status.state === 'ready') return;
    }
    timer = clock.after(LOOK_EVERY_MS, () => void look());
  };
  void look();
  return () => {
    isStopped = true;
    timer?.cancel();
  };
}

/** Reads the file's text; undefined when it is not (or not yet) a status. */
export function parseWorkerStatus(text: string): WorkerStatus | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof body !== 'object' || body === null) return undefined;
  const { state, done, total, detail, path } = body as Record<string, unknown>;
  if (typeof state !== 'string' || (state === 'ready' && typeof path !== 'string')) return undefined;
  return {
    state,
    ...(typeof done === 'number' && { done }),
    ...(typeof total === 'number' && { total }),
    ...(typeof detail === 'string' && { detail }),
    ...(typeof path === 'string' && { path }),
  };
}
