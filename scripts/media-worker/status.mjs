// The status file: how the server (another process) learns how far the media worker is.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * @typedef {'checking' | 'downloading' | 'installing' | 'compiling' | 'testing' | 'ready' | 'failed'} State
 * @typedef {object} Status
 * @property {State} state
 * @property {number} done    steps of the compiler done
 * @property {number} total   steps of the compiler in all
 * @property {string} detail  a sentence for the operator
 * @property {string} path    the worker, once ready
 * @property {number} pid     the process that works on it
 */

/** Replaces the file in one move, so that a reader never sees half of it. @param {string} file @param {Partial<Status> & {state: State}} status */
export function writeStatus(file, status) {
  mkdirSync(dirname(file), { recursive: true });
  const half = `${file}.${process.pid}`;
  const whole = { done: 0, total: 0, detail: '', path: '', pid: process.pid, ...status };
  writeFileSync(half, `${JSON.stringify(whole)}\n`);
  renameSync(half, file);
}

/** @param {string} file @returns {Status | undefined} */
export function readStatus(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** One line for the terminal. @param {Status | undefined} status */
export function describe(status) {
  if (!status) return 'starting';
  switch (status.state) {
    case 'compiling':
      return status.total ? `compiling ${status.done}/${status.total}` : 'compiling';
    case 'ready':
      return status.detail || 'ready';
    case 'failed':
      return status.detail;
    default:
      return status.detail || status.state;
  }
}
