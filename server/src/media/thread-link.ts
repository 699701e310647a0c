import { closeSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { DispatchError } from '#kernel/errors.ts';
import type { Answer, Command, CommandKind, FromThread, Report, ThreadData } from './worker/protocol.ts';

export interface ThreadLinkOptions {
  host: string;
  /** Which sockets to use; undefined: batched where they load, else dgram. */
  io: 'batched' | 'dgram' | undefined;
  onReport: (report: Report) => void;
  onRecorded: (node: string, samples: Int16Array, isLast: boolean) => void;
  /** The thread ended without having been asked to. */
  onDied: (reason: string) => void;
}

/** More descriptors than a process may have by default; those above would stay open after a crash. */
const DESCRIPTORS = 1_048_576;
const WAKE = new Uint8Array(new BigUint64Array([1n]).buffer);

/** The engine's end of the line to one thread: commands and their answers, reports, its death. */
export class ThreadLink {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  readonly #ended: Promise<void>;
  /** Descriptors that the thread opened past Node's knowledge, to be closed when it is gone. */
  readonly #openFds = new Uint8Array(new SharedArrayBuffer(DESCRIPTORS));
  #next = 1;
  #wakeFd: number | undefined;
  #isStopping = false;
  #isOver = false;
  #isReady = false;
  io: 'batched' | 'dgram' = 'dgram';

  private constructor(options: ThreadLinkOptions, ready: (error?: Error) => void) {
    const { host, io } = options;
    const workerData: ThreadData = { host, io, openFds: this.#openFds };
    this.#worker = new Worker(new URL('./worker/thread.ts', import.meta.url), {
      workerData,
      name: 'media',
      execArgv: [],
    });
    let reason = 'exited';
    this.#worker.on('message', (message: FromThread) => this.#receive(message, options, ready));
    this.#worker.on('error', (error) => (reason = error.message));
    this.#ended = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#isOver = true;
        this.#closeLeftFds();
        const error = new DispatchError('INTERNAL', `the media thread ended: ${reason}`);
        ready(error);
        for (const { reject } of this.#waiting.values()) reject(error);
        this.#waiting.clear();
        resolve();
        if (this.#isReady && !this.#isStopping) options.onDied(reason);
      });
    });
  }

  static async open(options: ThreadLinkOptions): Promise<ThreadLink> {
    let link: ThreadLink | undefined;
    await new Promise<void>((resolve, reject) => {
      link = new ThreadLink(options, (error) => (error ? reject(error) : resolve()));
    });
    return link!;
  }

  /** Sends a command. @throws DispatchError as the thread decides, or INTERNAL when the thread has ended */
  ask<Kind extends CommandKind>(kind: Kind, command: Command<Kind>): Promise<Answer<Kind>> {
    return new Promise((resolve, reject) => {
      if (this.#isOver) return reject(new DispatchError('INTERNAL', 'the media thread has ended'));
      const number = this.#next++;
      this.#waiting.set(number, { resolve: resolve as (value: unknown) => void, reject });
      this.#worker.postMessage({ number, kind, ...command });
      if (this.#wakeFd !== undefined) writeSync(this.#wakeFd, WAKE);
    });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#isOver) return;
    await this.ask('stop', {}).catch(() => {});
    await this.#ended;
  }

  /** Ends the thread at once, as a crash would. For tests. */
  async kill(): Promise<void> {
    await this.#worker.terminate();
  }

  #closeLeftFds(): void {
    this.#wakeFd = undefined;
    for (let fd = this.#openFds.indexOf(1); fd >= 0; fd = this.#openFds.indexOf(1, fd + 1)) closeSync(fd);
  }

  #receive(message: FromThread, options: ThreadLinkOptions, ready: () => void): void {
    switch (message.kind) {
      case 'ready':
        this.#isReady = true;
        this.io = message.io;
        this.#wakeFd = message.wakeFd;
        ready();
        return;
      case 'answer':
        this.#waiting.get(message.number)?.resolve(message.value);
        this.#waiting.delete(message.number);
        return;
      case 'refusal':
        this.#waiting.get(message.number)?.reject(refusal(message.code, message.detail));
        this.#waiting.delete(message.number);
        return;
      case 'reports':
        for (const report of message.reports) options.onReport(report);
        return;
      case 'recorded':
        options.onRecorded(message.node, message.samples, message.isLast);
    }
  }
}

/** The error as it was in the thread: its message already has the sentence of its code. */
function refusal(code: DispatchError['code'], message: string): DispatchError {
  const error = new DispatchError(code);
  if (message) error.message = message;
  return error;
}
