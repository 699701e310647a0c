import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Command, CommandName, CommandOf } from '@tocsin/protocol/console.ts';
import type { RunView, TimelineEntry } from '@tocsin/protocol/views.ts';
import { until } from './wait.ts';

const REPOSITORY = join(import.meta.dirname, '../..');
export const ADMIN_PASSWORD = 'scenario-password-1';

/** A whole server on free ports with its own data, as a user would start it; taken down with the test. */
export class Tocsin {
  readonly data: string;
  readonly environment: Record<string, string>;
  http = '';
  sip = '';
  mqtt = '';
  #child?: ChildProcess;
  #token = '';

  private constructor(data: string, environment: Record<string, string>) {
    this.data = data;
    this.environment = environment;
  }

  /**
   * Starts the demo site without its demonstration phones, so that the test's own phones can have the accounts. The data
   * folder is its own unless TOCSIN_DATA names one.
   */
  static async start(t: TestContext, environment: Record<string, string> = {}): Promise<Tocsin> {
    const data = environment['TOCSIN_DATA'] ?? (await mkdtemp(join(tmpdir(), 'tocsin-scenario-')));
    const tocsin = new Tocsin(data, {
      TOCSIN_DATA: data,
      TOCSIN_HTTP_PORT: '0',
      TOCSIN_SIP_PORT: '0',
      TOCSIN_MQTT_PORT: '0',
      TOCSIN_RTP_PORTS: '0',
      TOCSIN_ADMIN_PASSWORD: ADMIN_PASSWORD,
      TOCSIN_DEMO_PHONES: 'off',
      TOCSIN_LOG_LEVEL: 'info',
      ...environment,
    });
    t.after(async () => {
      await tocsin.stop();
      if (process.env['KEEP_SCENARIO_DATA']) console.log(`kept: ${data}`);
      else await rm(data, { recursive: true, force: true, maxRetries: 5 });
    });
    await tocsin.begin();
    return tocsin;
  }

  /** Starts the process, and logs in as the administrator when it is ready. Also used to start it again after `kill`. */
  async begin(): Promise<void> {
    const runFile = join(this.data, 'run.json');
    await rm(runFile, { force: true });
    const log = createWriteStream(join(this.data, 'server.log'), { flags: 'a' });
    // On a disk that is full there is no log either; what is tested there is the server.
    log.on('error', () => {});
    const child = spawn(process.execPath, [join(REPOSITORY, 'server/src/main.ts')], {
      env: { ...process.env, ...this.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    this.#child = child;
    await until(
      'the server is ready',
      () => {
        if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
        return existsSync(runFile);
      },
      90_000,
    ).catch(async (error: unknown) => {
      console.error((await readFile(join(this.data, 'server.log'), 'utf8')).slice(-4000));
      throw error;
    });
    const { http, sip, mqtt } = JSON.parse(await readFile(runFile, 'utf8')) as {
      http: string;
      sip: string;
      mqtt: string;
    };
    Object.assign(this, { http, sip, mqtt });
    this.#token = await this.login('admin');
  }

  get sipPort(): number {
    return Number(this.sip.split(':').at(-1));
  }

  get mqttPort(): number {
    return Number(this.mqtt.split(':').at(-1));
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  get token(): string {
    return this.#token;
  }

  async login(username: string, password = ADMIN_PASSWORD): Promise<string> {
    const response = await fetch(`${this.http}/api/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, password }),
    });
    if (!response.ok) throw new Error(`log-in as ${username}: ${response.status} ${await response.text()}`);
    return ((await response.json()) as { token: string }).token;
  }

  async get<T>(path: string): Promise<T> {
    const response = await this.request('GET', path);
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async post<T>(path: string, body: unknown, token = this.#token): Promise<T> {
    const response = await this.request('POST', path, body, token);
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  request(method: string, path: string, body?: unknown, token = this.#token): Promise<Response> {
    return fetch(`${this.http}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** Does what a desk can do. */
  async command<Name extends CommandName>(
    command: Partial<CommandOf<Name>> & { do: Name },
    token?: string,
  ): Promise<unknown> {
    return (await this.post<{ value: unknown }>('/api/commands', command as Command, token)).value;
  }

  async run(id: string): Promise<RunView> {
    return await this.get<RunView>(`/api/runs/${id}`);
  }

  async timeline(query: Record<string, string | number> = {}): Promise<TimelineEntry[]> {
    const parameters = new URLSearchParams(
      Object.entries({ limit: 10_000, ...query }).map(([key, value]): [string, string] => [key, String(value)]),
    );
    return await this.get<TimelineEntry[]>(`/api/timeline?${parameters}`);
  }

  /** Ends the server process at once, as a crash or a power cut would. */
  async kill(): Promise<void> {
    const child = this.#child!;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await gone;
  }

  /** Ends the server in order. Resolves with its exit code. */
  async stop(): Promise<number | null> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const gone = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    const code = await gone;
    clearTimeout(killer);
    return code;
  }

  async log(): Promise<string> {
    return await readFile(join(this.data, 'server.log'), 'utf8');
  }
}
