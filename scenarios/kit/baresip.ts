import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort, freePortPair } from './ports.ts';
import { newestFile, readSound, writeTone, type Heard } from './sound.ts';
import { pause, until } from './wait.ts';

interface BaresipEvent {
  type: string;
  param?: string;
  peeruri?: string;
  id?: string;
}

export interface BaresipOptions {
  user: string;
  password?: string;
  /** host:port of the registrar. */
  server: string;
  transport?: 'udp' | 'tcp' | 'tls';
  /** host:port of the proxy that all its requests go by. */
  proxy?: string;
  /** For TLS: the authority that it believes, and its own certificate with key; files. */
  certificates?: { authority: string; own: string };
  /** SRTP by SDES: where the other side can, or always. */
  srtp?: 'srtp' | 'srtp-mand';
  answer?: 'auto' | 'manual';
  /** The tone it says, in Hz; 0: silence. */
  toneHz?: number;
  /** False: no registration, calls come by address (a trunk's far end). */
  registers?: boolean;
  port?: number;
  codec?: PhoneCodec;
  /** Of sound in one packet; absent: 20. */
  ptimeMs?: number;
}

export type PhoneCodec = 'pcma' | 'pcmu' | 'g722' | 'opus';

/** As baresip names them, and the rate of what it says and hears. */
const CODECS: Record<PhoneCodec, { name: string; rateHz: number; module: string }> = {
  pcma: { name: 'pcma/8000/1', rateHz: 8000, module: 'g711' },
  pcmu: { name: 'pcmu/8000/1', rateHz: 8000, module: 'g711' },
  g722: { name: 'g722/16000/1', rateHz: 16_000, module: 'g722' },
  opus: { name: 'opus/48000/2', rateHz: 48_000, module: 'opus' },
};

/** A real desk phone: baresip, driven over its control port, saying a tone and writing down what it hears. */
export class Baresip {
  readonly options: BaresipOptions;
  readonly folder: string;
  readonly port: number;
  readonly events: BaresipEvent[] = [];
  #child!: ChildProcess;
  #control!: Socket;
  #waiting = new Map<string, (response: { ok: boolean; data?: string }) => void>();
  #number = 0;
  #said = '';

  private constructor(options: BaresipOptions, folder: string, port: number) {
    this.options = options;
    this.folder = folder;
    this.port = port;
  }

  /** Starts the phone, and waits until it is registered. */
  static async start(t: TestContext, options: BaresipOptions): Promise<Baresip> {
    const folder = await mkdtemp(join(tmpdir(), `tocsin-baresip-${options.user}-`));
    // Its TLS wants the next port.
    const phone = new Baresip(options, folder, options.port ?? (await freePortPair()));
    t.after(async () => {
      await phone.stop();
      if (!process.env['KEEP_SCENARIO_DATA']) await rm(folder, { recursive: true, force: true });
    });
    await phone.#begin();
    return phone;
  }

  async #begin(): Promise<void> {
    const {
      user,
      password = 'tocsin-demo',
      server,
      transport = 'udp',
      answer = 'auto',
      toneHz = 0,
      registers = true,
      codec = 'pcma',
      certificates,
      srtp,
      proxy,
      ptimeMs,
    } = this.options;
    const controlPort = await freePort();
    const voice = join(this.folder, 'voice.wav');
    // The end of the file would end the call: five minutes is longer than any story.
    const { name: codecName, rateHz, module } = CODECS[codec];
    await writeTone(voice, toneHz, 300, rateHz);
    await mkdir(join(this.folder, 'heard'));
    await writeFile(join(this.folder, 'contacts'), '');
    await writeFile(
      join(this.folder, 'accounts'),
      `<sip:${user}@${server};transport=${transport}>;auth_user=${user};auth_pass=${password};answermode=${answer};regint=${registers ? 300 : 0};audio_codecs=${codecName}${ptimeMs ? `;ptime=${ptimeMs}` : ''}${srtp ? `;mediaenc=${srtp}` : ''}${proxy ? `;outbound="sip:${proxy};transport=${transport}"` : ''}\n`,
    );
    await writeFile(
      join(this.folder, 'config'),
      `sip_listen 127.0.0.1:${this.port}
call_local_timeout 120
call_max_calls 8
audio_source aufile,${voice}
audio_player aubridge,player
audio_alert aubridge,alert
ausrc_srate ${rateHz}
auplay_srate ${rateHz}${codec === 'opus' ? '\nausrc_channels 1\nauplay_channels 1' : ''}
audio_txmode thread
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
audio_buffer 20-160
jitter_buffer_delay 1-5
net_interface 127.0.0.1
module_path /usr/lib/baresip/modules
module ${module}.so
module sndfile.so
${srtp ? 'module srtp.so\n' : ''}${certificates ? `sip_cafile ${certificates.authority}\nsip_certificate ${certificates.own}\n` : ''}module aubridge.so
module aufile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:${controlPort}
snd_path ${join(this.folder, 'heard')}
ringback_disabled yes
menu_bell no
`,
    );
    const log = createWriteStream(join(this.folder, 'baresip.log'));
    this.#child = spawn('baresip', ['-4', '-v', '-f', this.folder], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.pipe(log, { end: false });
      stream.on('data', (data: Buffer) => (this.#said += data.toString('latin1')));
    }
    this.#control = await until(`baresip ${user} can be driven`, () => open(controlPort), 20_000);
    this.#listen();
    if (registers)
      await until(
        `${user} is registered`,
        // The event may have come before anybody could hear it: what the phone has said tells it too.
        () => this.events.some(({ type }) => type === 'REGISTER_OK') || /200 OK \(.*\) \[\d+ binding/.test(this.#said),
        30_000,
      );
  }

  /** Sends a command of baresip's menu: dial, accept, hangup, hold, resume, sndcode … */
  async command(command: string, params = ''): Promise<{ ok: boolean; data?: string }> {
    this.#number += 1;
    const token = `t${this.#number}`;
    const body = JSON.stringify({ command, params, token });
    const answered = new Promise<{ ok: boolean; data?: string }>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`baresip did not answer ${command}`)), 10_000);
      this.#waiting.set(token, (response) => {
        clearTimeout(timer);
        resolve(response);
      });
    });
    this.#control.write(`${Buffer.byteLength(body)}:${body},`);
    return await answered;
  }

  async dial(number: string): Promise<void> {
    await this.command('dial', `sip:${number}@${this.options.server};transport=${this.options.transport ?? 'udp'}`);
  }

  /** Presses keys as telephone-events, each for so long and with such a pause behind it. */
  async press(digits: string, { onMs = 250, offMs = 150 } = {}): Promise<void> {
    for (const digit of digits) {
      await this.command('sndcode', digit);
      await pause(onMs);
      await this.command('sndcode', String.fromCharCode(4));
      await pause(offMs);
    }
  }

  /** Waits for an event that has come since `after` (a length of `events`). */
  async until(type: string, withinMs = 20_000, after = 0): Promise<BaresipEvent> {
    return await until(
      `${this.options.user}: ${type} (had ${this.events.map((event) => event.type).join(' ')})`,
      () => this.events.slice(after).find((event) => event.type === type),
      withinMs,
    );
  }

  /** Whether it is in a call now. */
  get isInCall(): boolean {
    const types = this.events.map((event) => event.type);
    return types.lastIndexOf('CALL_ESTABLISHED') > types.lastIndexOf('CALL_CLOSED');
  }

  /** What it has heard in its newest call. */
  async heard(): Promise<Heard> {
    const file = await newestFile(join(this.folder, 'heard'), /-dec\.wav$/);
    if (!file) throw new Error(`${this.options.user} has heard nothing`);
    return await readSound(file);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    this.#control?.destroy();
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    // It would wait long for an answer to its un-REGISTER when the server has ended before it.
    const killer = setTimeout(() => child.kill('SIGKILL'), 400);
    await gone;
    clearTimeout(killer);
  }

  /** Kills it without a word to anyone, as a phone that loses its power. */
  async kill(): Promise<void> {
    const gone = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.kill('SIGKILL');
    await gone;
  }

  #listen(): void {
    let buffer = Buffer.alloc(0);
    this.#control.on('error', () => {});
    this.#control.on('data', (data) => {
      buffer = Buffer.concat([buffer, data]);
      for (;;) {
        const colon = buffer.indexOf(':');
        if (colon < 0) return;
        const length = Number(buffer.subarray(0, colon).toString());
        if (buffer.length < colon + length + 2) return;
        const message = JSON.parse(buffer.subarray(colon + 1, colon + 1 + length).toString()) as BaresipEvent & {
          response?: boolean;
          token?: string;
          ok: boolean;
        };
        buffer = buffer.subarray(colon + length + 2);
        if (message.response) this.#waiting.get(message.token ?? '')?.(message);
        else this.events.push(message);
      }
    });
  }
}

function open(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}
