import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { until } from './test-broker.ts';

const run = promisify(execFile);

/** Most that one capture takes, so that a forgotten one ends by itself. */
const LIMITS = { seconds: 60, packets: 60_000 } as const;

/** What tshark makes of captured packets. */
export interface Dissected {
  sip: number;
  rtp: number;
  rtcp: number;
  /** Frames that tshark calls malformed, and its warnings and errors on SIP, SDP, RTP and RTCP: `frame: protocol: complaint`. */
  complaints: string[];
}

/** Why tests cannot capture on this machine; false when they can. */
export function cannotCapture(): string | false {
  try {
    for (const tool of ['tshark', 'dumpcap']) execFileSync(tool, ['-D'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'tshark and dumpcap cannot be run here';
  }
}

/** Packets on loopback, taken while something happens and judged by tshark afterwards. */
export class Capture {
  readonly #file: string;
  readonly #stop: () => Promise<void>;

  private constructor(file: string, stop: () => Promise<void>) {
    this.#file = file;
    this.#stop = stop;
  }

  /** `filter`, in libpcap's words, keeps what others say on this machine out of it. */
  static async start(
    t: TestContext,
    filter = 'udp',
    { seconds, packets }: { seconds: number; packets: number } = LIMITS,
  ): Promise<Capture> {
    const folder = await mkdtemp(join(tmpdir(), 'tocsin-capture-'));
    const file = join(folder, 'loopback.pcap');
    const limits = ['-a', `duration:${seconds}`, '-c', String(packets)];
    const child = spawn('dumpcap', ['-q', '-i', 'lo', '-f', filter, '-P', '-w', file, ...limits], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (data: Buffer) => (said += data.toString()));
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const stop = async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
      await ended;
    };
    t.after(async () => {
      await stop();
      if (!process.env['KEEP_SCENARIO_DATA']) await rm(folder, { recursive: true, force: true });
    });
    await until(() => said.includes('File:'), 'dumpcap captures', 20_000);
    return new Capture(file, stop);
  }

  /** Ends the capture and dissects what concerns this SIP port, and the RTP that its bodies agreed. */
  async dissect(sipPort: number): Promise<Dissected> {
    await this.#stop();
    const ours = `udp.port == ${sipPort}`;
    const media = await this.#read(`${ours} and sdp.media`, ['sdp.media.port']);
    const agreed = media.flatMap((line) => line.split(',')).filter((port) => /^[1-9]\d*$/.test(port));
    // RTCP goes by the port above where it is not told otherwise (RFC 3550 §11).
    const ports = [...new Set(agreed.flatMap((port) => [Number(port), Number(port) + 1]))];
    const spoken = ports.length === 0 ? 'rtp and !rtp' : `udp.port in {${ports.join(', ')}}`;
    const frames = await this.#read(`(${ours}) or (${spoken})`, ['frame.number', '_ws.col.Protocol', '_ws.expert']);
    const count = (protocol: string) => frames.filter((line) => line.split('\t')[1]!.startsWith(protocol)).length;
    const complaints = await this.#read(
      `((${ours}) or (${spoken})) and (_ws.malformed or _ws.expert.severity >= "Warning")`,
      ['frame.number', '_ws.col.Protocol', '_ws.expert.message'],
    );
    return {
      sip: count('SIP'),
      rtp: count('RTP') - count('RTPE') - count('RTCP'),
      rtcp: count('RTCP') + count('Sender') + count('Receiver'),
      complaints,
    };
  }

  /** Ends the capture and judges what goes over this TCP port as `protocol`: its messages' numbers, and the complaints. */
  async judge(port: number, protocol: string, field: string): Promise<{ commands: number[]; complaints: string[] }> {
    await this.#stop();
    const as = `tcp.port==${port},${protocol}`;
    const complaints = await this.#read(
      `${protocol} and (_ws.malformed or _ws.expert.severity >= "Warning")`,
      ['frame.number', '_ws.expert.message'],
      as,
    );
    return { commands: await this.#commands(as, protocol, field), complaints };
  }

  /** Waits for this message: what the kernel has not handed over yet would be lost with the capture's end. */
  async untilHas(port: number, protocol: string, field: string, command: number): Promise<void> {
    for (let tries = 0; tries < 100; tries += 1) {
      // A file whose last packet is half written is no complaint yet.
      const commands = await this.#commands(`tcp.port==${port},${protocol}`, protocol, field).catch((): number[] => []);
      if (commands.includes(command)) return;
    }
    throw new Error(`the capture never had command 0x${command.toString(16)}`);
  }

  /** Fields of the packets that a display filter lets through, a line a packet. */
  async fields(filter: string, fields: string[]): Promise<string[]> {
    await this.#stop();
    return await this.#read(filter, fields);
  }

  async #commands(as: string, protocol: string, field: string): Promise<number[]> {
    return (await this.#read(protocol, [field], as)).flatMap((line) => line.split(',').map(Number));
  }

  async #read(filter: string, fields: string[], as?: string): Promise<string[]> {
    const wanted = [
      ...(as ? ['-d', as] : []),
      '-Y',
      filter,
      '-T',
      'fields',
      ...fields.flatMap((field) => ['-e', field]),
    ];
    const { stdout } = await run('tshark', ['-n', '-r', this.#file, ...wanted], {
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout.split('\n').filter((line) => line !== '');
  }
}
