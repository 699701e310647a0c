import type { Command, CommandResult, ConsoleToServer, Hello, ServerToConsole } from '@tocsin/protocol/console.ts';

/**
 * How the console and the server stand. `opening`: no hello yet. `lost`: there was one; what is shown is as of `since`.
 * `ended`: the session is over, only a new log-in helps.
 */
export type LinkState =
  | { kind: 'opening' }
  | { kind: 'open'; since: number }
  | { kind: 'lost'; since: number; attempts: number }
  | { kind: 'ended'; because: string };

/** What a link needs of a socket; socket.io-client's own, or a test's. */
export interface Wire {
  readonly connected: boolean;
  /** False when the client will not try again by itself. */
  readonly active: boolean;
  on(event: string, listener: (...values: never[]) => void): unknown;
  timeout(ms: number): { emit(event: string, ...values: unknown[]): unknown };
  disconnect(): unknown;
  connect(): unknown;
}

export interface LinkListeners {
  state(state: LinkState): void;
  hello(hello: Hello): void;
  changes(...values: Parameters<ServerToConsole['changes']>): void;
  entries(...values: Parameters<ServerToConsole['entries']>): void;
  levels(...values: Parameters<ServerToConsole['levels']>): void;
  feedSources?(...values: Parameters<ServerToConsole['feed-sources']>): void;
  viewingEnded?(...values: Parameters<ServerToConsole['viewing-ended']>): void;
}

/** A command that has no answer within this time is reported as slow; the server may still have carried it out. */
const COMMAND_ANSWERED_WITHIN_MS = 10_000;
const KNOCK_AGAIN_AFTER_MS = 1000;

/**
 * The one socket of the console. It carries commands out and facts in, keeps nothing, and never sends a command late:
 * what was pressed while the link was down is refused at once, because a press of a minute ago must not fire now.
 */
export class Link {
  #state: LinkState = { kind: 'opening' };
  readonly #wire: Wire;
  readonly #listeners: LinkListeners;
  readonly #now: () => number;

  constructor(wire: Wire, listeners: LinkListeners, now: () => number = Date.now) {
    this.#wire = wire;
    this.#listeners = listeners;
    this.#now = now;

    const on = <Event extends keyof ServerToConsole>(event: Event, listener: ServerToConsole[Event]) =>
      wire.on(event, listener as (...values: never[]) => void);

    on('hello', (hello) => {
      listeners.hello(hello);
      this.#become({ kind: 'open', since: now() });
    });
    on('changes', (changes) => listeners.changes(changes));
    on('entries', (entries) => listeners.entries(entries));
    on('levels', (conference, levels) => listeners.levels(conference, levels));
    on('feed-sources', (viewing, sources) => listeners.feedSources?.(viewing, sources));
    on('viewing-ended', (viewing, because) => listeners.viewingEnded?.(viewing, because));
    on('session-ended', (because) => this.#end(because));
    wire.on('disconnect', ((reason: string) => {
      this.#lose();
      // The server has closed us by name: the client waits for a word of ours, and a new handshake says why.
      if (reason === 'io server disconnect' && this.#state.kind !== 'ended')
        setTimeout(() => wire.connect(), KNOCK_AGAIN_AFTER_MS);
    }) as (...values: never[]) => void);
    wire.on('connect_error', (error: Error) => {
      if (!wire.active) this.#end(error.message);
      else this.#lose();
    });
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Sends one command. Never rejects: a link that is down or slow is an outcome like any other. */
  command(command: Command): Promise<CommandResult> {
    return this.#ask('command', command);
  }

  /** Sends one request of video signalling (see protocol's video.ts). */
  video(request: unknown): Promise<CommandResult> {
    return this.#ask('video', request);
  }

  close(): void {
    this.#wire.disconnect();
  }

  #ask(event: keyof ConsoleToServer, question: unknown): Promise<CommandResult> {
    if (!this.#wire.connected) return Promise.resolve({ ok: false, code: 'LINK_LOST', message: '' });
    return new Promise((resolve) => {
      this.#wire
        .timeout(COMMAND_ANSWERED_WITHIN_MS)
        .emit(event, question, (late: Error | null, result: CommandResult | undefined) => {
          if (late)
            resolve({ ok: false, code: this.#wire.connected ? 'LINK_SLOW' : 'LINK_LOST', message: late.message });
          else resolve(result ?? { ok: false, code: 'INTERNAL', message: '' });
        });
    });
  }

  #lose(): void {
    if (this.#state.kind === 'ended' || this.#state.kind === 'opening') return;
    if (this.#state.kind === 'lost') {
      this.#become({ ...this.#state, attempts: this.#state.attempts + 1 });
    } else {
      this.#become({ kind: 'lost', since: this.#now(), attempts: 0 });
    }
  }

  #end(because: string): void {
    if (this.#state.kind === 'ended') return;
    this.#become({ kind: 'ended', because });
    this.#wire.disconnect();
  }

  #become(state: LinkState): void {
    this.#state = state;
    this.#listeners.state(state);
  }
}
