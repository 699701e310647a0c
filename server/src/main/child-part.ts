import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import type { Log } from '#kernel/log.ts';

/** How long a child may take to end in order before it is killed. */
const STOP_WITHIN_MS = 8_000;
/** A child that dies is started again after this time, doubled at each death in a row, up to the limit. */
const RESTART_FIRST_MS = 500;
const RESTART_LONGEST_MS = 30_000;
/** A child that has lived this long has recovered: the next death counts as the first. */
const RECOVERED_AFTER_MS = 60_000;

export type ChildState =
  { kind: 'starting' } | { kind: 'running' } | { kind: 'failed'; why: string } | { kind: 'stopped' };

/**
 * A part of the house in a process of its own: gateways, simulators. The process is there at once, so that it is loaded
 * while others open; `begin` tells it what to do, and it answers `{kind: 'ready'}` or `{kind: 'failed', why}`. It ends
 * itself when our process goes away, and is started again when it dies. What it logs is in a file of its own beside the server's log.
 */
export class ChildPart
  extends Emitter<{ state: [ChildState]; message: [message: { kind: string }] }>
  implements AsyncDisposable
{
  readonly #name: string;
  readonly #script: string;
  readonly #logFile: string;
  #begun?: object;
  readonly #clock: Clock;
  readonly #log: Log;
  #child?: ChildProcess;
  #state: ChildState = { kind: 'starting' };
  #isStopping = false;
  #deaths = 0;
  #startedAt = 0;

  constructor(options: { name: string; script: string; logFolder: string; clock: Clock; log: Log }) {
    super();
    this.#name = options.name;
    this.#script = join(import.meta.dirname, '../../..', options.script);
    this.#logFile = join(options.logFolder, `${options.name}.log`);
    this.#clock = options.clock;
    this.#log = options.log.with({ process: options.name });
    this.#start();
  }

  get state(): ChildState {
    return this.#state;
  }

  /** Tells it to start, and every process that takes its place. */
  begin(start: object): void {
    this.#begun = start;
    this.send(start);
  }

  send(message: object): void {
    if (this.#child?.connected) this.#child.send(message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    this.send({ kind: 'stop' });
    const killer = this.#clock.after(STOP_WITHIN_MS, () => {
      this.#log.warn('child process killed, as it did not end');
      child.kill('SIGKILL');
    });
    await gone;
    killer.cancel();
  }

  #start(): void {
    this.#move({ kind: 'starting' });
    this.#startedAt = this.#clock.monotonic();
    mkdirSync(dirname(this.#logFile), { recursive: true });
    const log = openSync(this.#logFile, 'a');
    const child = fork(this.#script, [], { stdio: ['ignore', log, log, 'ipc'] });
    closeSync(log);
    this.#child = child;
    if (this.#begun) child.send(this.#begun);
    child.on('message', (message) => {
      const { kind, why } = message as { kind: string; why?: string };
      if (kind === 'ready') this.#move({ kind: 'running' });
      else if (kind === 'failed') {
        this.#log.error('child process could not do its work', { why });
        this.#move({ kind: 'failed', why: why ?? 'unknown' });
        // It cannot do its work: a new one tries again after a while.
        child.kill();
      }
      this.emit('message', message as { kind: string });
    });
    child.on('error', (error) => this.#log.error('child process error', { error }));
    child.once('exit', (code, signal) => this.#ended(code, signal));
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#isStopping) return this.#move({ kind: 'stopped' });
    this.#deaths = this.#clock.monotonic() - this.#startedAt > RECOVERED_AFTER_MS ? 1 : this.#deaths + 1;
    const delayMs = Math.min(RESTART_FIRST_MS * 2 ** (this.#deaths - 1), RESTART_LONGEST_MS);
    this.#log.error('child process died and is started again', { code, signal, delayMs });
    this.#move({ kind: 'failed', why: `${this.#name} died (${signal ?? code})` });
    this.#clock.after(delayMs, () => {
      if (!this.#isStopping) this.#start();
    });
  }

  #move(state: ChildState): void {
    this.#state = state;
    this.emit('state', state);
  }
}
