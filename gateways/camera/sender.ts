import { spawn, type ChildProcess } from 'node:child_process';
import type { CameraAddress } from './rtsp/describe.ts';

/** Where a camera's picture goes, and how it is sealed on the way. */
export interface Destination {
  host: string;
  port: number;
  ssrc: number;
  payloadType: number;
  /** SRTP key and salt (RFC 3711), base 64. */
  srtpKey: string;
}

export const SENDER_LIMITS = {
  /** A connection to the camera that says nothing for so long is given up by ffmpeg, should its supervisor not be faster. */
  quietForMs: 15_000,
  /** How long, and through how much, the picture's size is looked for where the description does not say it: to the next key frame. */
  probeForMs: 6000,
  probeBytes: 5_000_000,
  /** Characters of its complaints that are kept. */
  complaintCharacters: 1000,
  /** From the request to end to its death. */
  endWithinMs: 2000,
} as const;

export interface SenderOptions {
  ffmpeg: string;
  address: CameraAddress;
  transport: 'tcp' | 'udp';
  /** The picture is encoded anew: what the camera sends is not H.264, or not for browsers. */
  isEncodedAnew: boolean;
  to: Destination;
  /** Called with how many pictures have gone out, at each half second in which more did. */
  onPictures: (count: number) => void;
}

/** One run of ffmpeg that pulls a camera and sends its picture on as SRTP. */
export class Sender {
  readonly #child: ChildProcess;
  #complaint = '';
  #pictures = 0;
  /** Resolves when the process has ended, with the last thing it complained of. */
  readonly ended: Promise<{ complaint: string }>;

  constructor(options: SenderOptions) {
    this.#child = spawn(options.ffmpeg, argumentsOf(options), { stdio: ['pipe', 'pipe', 'pipe'] });
    const { stdin, stdout, stderr } = this.#child;
    stdin?.on('error', () => {});
    stdin?.end(inputOf(options));
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-SENDER_LIMITS.complaintCharacters);
    });
    stdout?.setEncoding('utf8').on('data', (text: string) => {
      const counted = Number([...text.matchAll(/^frame=(\d+)$/gm)].at(-1)?.[1] ?? 0);
      if (counted <= this.#pictures) return;
      this.#pictures = counted;
      options.onPictures(counted);
    });
    this.ended = new Promise((resolve) => {
      this.#child.once('error', ({ message }) => resolve({ complaint: message }));
      this.#child.once('exit', () => resolve({ complaint: withoutSecrets(this.#complaint, options.address) }));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Stops it on the spot and lets it go on, for faults that are played. */
  freeze(isFrozen: boolean): void {
    this.#child.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Nothing that it sends needs an ending, so it need not be asked politely. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}

/**
 * The address goes in by standard input, as a list of one file (ffmpeg's concat demuxer): on the command line everybody on the
 * machine could read the password. The rate of pictures is not looked for: that alone takes seconds.
 */
function inputOf({ address, transport }: SenderOptions): string {
  const { username, password } = address;
  const url = new URL(address.url);
  if (username) url.username = encodeURIComponent(username);
  if (password) url.password = encodeURIComponent(password);
  const options = {
    rtsp_transport: transport,
    timeout: SENDER_LIMITS.quietForMs * 1000,
    analyzeduration: SENDER_LIMITS.probeForMs * 1000,
    probesize: SENDER_LIMITS.probeBytes,
    fpsprobesize: 0,
    fflags: 'nobuffer',
  };
  return [
    'ffconcat version 1.0',
    `file '${url.href.replaceAll("'", '%27')}'`,
    ...Object.entries(options).map(([name, value]) => `option ${name} ${value}`),
    '',
  ].join('\n');
}

function argumentsOf({ isEncodedAnew, to }: SenderOptions): string[] {
  const picture = isEncodedAnew
    ? [
        // What every browser decodes: no pictures out of order, a key frame each second, no larger than the wall shows.
        ...['-vf', "scale='min(1280,iw)':-2", '-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency'],
        ...['-profile:v', 'baseline', '-pix_fmt', 'yuv420p', '-maxrate', '1500k', '-bufsize', '750k'],
        ...['-force_key_frames', 'expr:gte(t,n_forced)'],
      ]
    : // Parameter sets go with every key frame: many cameras say them in the description only, where no viewer sees them.
      ['-c:v', 'copy', '-copyinkf', '-bsf:v', 'dump_extra=freq=keyframe'];
  const host = to.host.includes(':') ? `[${to.host}]` : to.host;
  return [
    ...['-hide_banner', '-loglevel', 'error', '-nostats', '-progress', 'pipe:1', '-stats_period', '0.5'],
    ...['-protocol_whitelist', 'pipe,fd,file,rtsp,rtsps,tcp,tls,udp,rtp,srtp'],
    ...['-analyzeduration', String(SENDER_LIMITS.probeForMs * 1000), '-probesize', String(SENDER_LIMITS.probeBytes)],
    ...['-fpsprobesize', '0'],
    ...['-f', 'concat', '-safe', '0', '-i', 'pipe:0', '-map', '0:v:0', ...picture],
    // Its sender reports come from another port than its pictures, and the intake knows one source.
    ...['-f', 'rtp', '-rtpflags', 'skip_rtcp', '-ssrc', String(to.ssrc), '-payload_type', String(to.payloadType)],
    ...['-srtp_out_suite', 'AES_CM_128_HMAC_SHA1_80', '-srtp_out_params', to.srtpKey],
    `srtp://${host}:${to.port}?pkt_size=1200`,
  ];
}

/** ffmpeg names the address that it cannot open, with everything in it. */
function withoutSecrets(complaint: string, { username, password }: CameraAddress): string {
  const last = complaint.trim().split('\n').at(-1) ?? '';
  const secrets = [username, password].filter((each): each is string => !!each);
  const all = [...secrets, ...secrets.map(encodeURIComponent)];
  return all.reduce((text, secret) => text.replaceAll(secret, '…'), last).slice(0, 150);
}
