import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort, freePortRow } from './ports.ts';
import { processesOf } from './processes.ts';
import { writeTone, type Heard } from './sound.ts';
import { pause, until } from './wait.ts';

/** It speaks its second call from the port after next of its first, and so on. */
const PORTS_OF_CALLS = 8;

export interface LinphoneOptions {
  user: string;
  /** host:port of the registrar. */
  server: string;
  toneHz: number;
  transport?: 'udp' | 'tcp' | 'tls';
  /** host:port of the proxy that all its requests go by. */
  proxy?: string;
  /** For TLS: the file of the authority that it believes. */
  authority?: string;
  /** Sessions last so many seconds without a refresh (RFC 4028); absent: for ever. */
  sessionExpiresS?: number;
}

/**
 * linphonec: a phone that transfers after a consultation (REFER with Replaces), which baresip cannot. It answers by itself,
 * says a tone and writes down what it hears.
 */
export class Linphone {
  readonly user: string;
  readonly server: string;
  readonly toneHz: number;
  readonly #options: LinphoneOptions;
  #folder: string;
  #child!: ChildProcess;
  #said = '';

  private constructor(folder: string, options: LinphoneOptions) {
    this.#folder = folder;
    this.#options = options;
    this.user = options.user;
    this.server = options.server;
    this.toneHz = options.toneHz;
  }

  /** Starts the phone, and waits until it is registered. */
  static async start(t: TestContext, options: LinphoneOptions): Promise<Linphone> {
    const folder = await mkdtemp(join(tmpdir(), `tocsin-linphone-${options.user}-`));
    const phone = new Linphone(folder, options);
    t.after(async () => {
      await phone.#stop();
      if (!process.env['KEEP_SCENARIO_DATA']) await rm(folder, { recursive: true, force: true });
    });
    await phone.#begin();
    return phone;
  }

  async #begin(): Promise<void> {
    const { user, server } = this;
    const { transport = 'udp', proxy = server, authority, sessionExpiresS } = this.#options;
    const port = String(await freePort());
    await mkdir(join(this.#folder, 'home/.local/share/linphone'), { recursive: true });
    await writeTone(join(this.#folder, 'voice.wav'), this.toneHz, 300);
    const realm = 'tocsin';
    await writeFile(
      join(this.#folder, 'rc'),
      `[sip]
bind_address=127.0.0.1
sip_port=${transport === 'udp' ? port : 0}
sip_tcp_port=${transport === 'tcp' ? port : 0}
sip_tls_port=${transport === 'tls' ? port : 0}
${authority ? `root_ca=${authority}\n` : ''}${sessionExpiresS ? `session_expires_enabled=1\nsession_expires_value=${sessionExpiresS}\nsession_expires_min_value=90\nsession_expires_refresher_value=1\n` : ''}use_ipv6=0
ipv6_migration_done=1
guess_hostname=0
contact=sip:${user}@127.0.0.1
default_proxy=0
media_encryption=none
[proxy_0]
reg_identity=sip:${user}@${server}
reg_proxy=<sip:${proxy};transport=${transport}>
reg_expires=300
reg_sendregister=1
[auth_info_0]
username=${user}
passwd=tocsin-demo
realm=${realm}
[rtp]
audio_rtp_port=${await freePortRow(PORTS_OF_CALLS)}
[net]
download_bw=0
[sound]
echocancellation=0
`,
    );
    // It runs its loop on a terminal only.
    this.#child = spawn(
      'script',
      ['-qfec', `linphonec -c ${join(this.#folder, 'rc')} -a -d 6 -l ${join(this.#folder, 'log')}`, '/dev/null'],
      {
        env: { ...process.env, HOME: join(this.#folder, 'home'), LINES: '50' },
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    );
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on('data', (data: Buffer) => (this.#said += data.toString('latin1')));
    await until(
      `linphone ${user} is registered`,
      async () => {
        await this.type('status register');
        return /registered, identity=/.test(this.#said);
      },
      30_000,
    );
    await this.type('soundcard use files');
    await this.type(`play ${join(this.#folder, 'voice.wav')}`);
    await this.type(`record ${join(this.#folder, 'heard.wav')}`);
  }

  /** Types a command: call, pause, resume, transfer, terminate … */
  async type(command: string): Promise<void> {
    this.#child.stdin!.write(`${command}\n`);
    await pause(200);
  }

  async call(number: string): Promise<void> {
    await this.type(`call sip:${number}@${this.server}`);
  }

  /** Hands the partner of the call before this one on to the partner of this one. */
  async joinBoth(): Promise<void> {
    const before = this.#said.length;
    await this.type('calls');
    const ids = await until('linphone lists its two calls', () => {
      const found = [...this.#said.slice(before).matchAll(/^\s*(\d+)\s*\|\s*<?(?:".*" )?<?sips?:/gm)].map(
        ([, id]) => id,
      );
      return found.length >= 2 && found;
    });
    await this.type(`transfer ${ids[0]} --to-call ${ids[1]}`);
  }

  /** All that it has heard, over all calls. Its file has 16-bit samples of 8 kHz, and a whole header only when it is closed. */
  async heard(): Promise<Heard> {
    const file = await readFile(join(this.#folder, 'heard.wav'));
    const bytes = file.subarray(44, 44 + Math.max(0, Math.floor((file.length - 44) / 2) * 2));
    return { rateHz: 8000, samples: new Int16Array(Uint8Array.from(bytes).buffer) };
  }

  /** All that it has written down, every SIP message included. */
  async log(): Promise<string> {
    return await readFile(join(this.#folder, 'log'), 'utf8');
  }

  /** Kills it without a word to anyone, as a phone that loses its power. */
  async kill(): Promise<void> {
    const gone = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    // It is the terminal's child, and a group of its own there.
    for (const { pid, command } of processesOf(this.#folder))
      if (/^linphonec/.test(command)) process.kill(pid, 'SIGKILL');
    await gone;
  }

  async #stop(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.stdin!.write('quit\n');
    const killer = setTimeout(() => child.kill('SIGKILL'), 3_000);
    await gone;
    clearTimeout(killer);
  }
}
