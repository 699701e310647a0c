import type { TestContext } from 'node:test';
import { io, type Socket } from 'socket.io-client';
import type {
  Command,
  CommandName,
  CommandOf,
  CommandResult,
  ConsoleToServer,
  Hello,
  ServerToConsole,
} from '@tocsin/protocol/console.ts';
import type { LiveNoun, LiveNouns } from '@tocsin/protocol/views.ts';
import type { Tocsin } from './tocsin.ts';
import { until } from './wait.ts';

/** A console without a screen: it has what a dispatcher's page has, and does what its buttons do. */
export class Console {
  readonly #socket: Socket<ServerToConsole, ConsoleToServer>;
  readonly #live = new Map<string, unknown>();
  hello: Hello | undefined;

  private constructor(http: string, token: string) {
    this.#socket = io(http, { auth: { token }, transports: ['websocket'] });
    this.#socket.on('hello', (hello) => {
      this.hello = hello;
      this.#live.clear();
      for (const [noun, items] of Object.entries(hello.live))
        for (const item of items) this.#live.set(`${noun}/${item.id}`, item);
    });
    this.#socket.on('changes', (changes) => {
      for (const change of changes)
        if ('removed' in change) this.#live.delete(`${change.noun}/${change.removed}`);
        else this.#live.set(`${change.noun}/${change.item.id}`, change.item);
    });
  }

  /** Logs in and waits for the first picture. */
  static async open(t: TestContext, tocsin: Tocsin, user = 'dispatcher'): Promise<Console> {
    const console = new Console(tocsin.http, await tocsin.login(user));
    t.after(() => console.close());
    await until('the console has its first picture', () => console.hello);
    return console;
  }

  /** Everything of one noun as it stands now. */
  all<Noun extends LiveNoun>(noun: Noun): LiveNouns[Noun][] {
    return [...this.#live].filter(([key]) => key.startsWith(`${noun}/`)).map(([, item]) => item as LiveNouns[Noun]);
  }

  get<Noun extends LiveNoun>(noun: Noun, id: string): LiveNouns[Noun] | undefined {
    return this.#live.get(`${noun}/${id}`) as LiveNouns[Noun] | undefined;
  }

  /** Presses a button; the answer as the page gets it. */
  async command<Name extends CommandName>(command: Partial<CommandOf<Name>> & { do: Name }): Promise<CommandResult> {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${command.do}`)), 30_000);
      this.#socket.emit('command', command as Command, (result) => {
        clearTimeout(timer);
        resolve(result);
      });
    });
  }

  close(): void {
    this.#socket.close();
  }
}
