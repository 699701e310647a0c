import { connect } from 'node:net';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Complaint } from '../trouble.ts';
import { authorize, readChallenge } from './digest.ts';
import { RtspReader, writeRtsp, type RtspPiece } from './message.ts';

/** From the first byte to the answer, milliseconds; a camera that takes longer is as good as away. */
export const DESCRIBE_WITHIN_MS = 4000;

export interface CameraAddress {
  /** `rtsp://host[:port]/path`, without user and password. */
  url: string;
  username?: string;
  password?: string;
}

export type Description = { kind: 'described'; codec: string; sdp: string } | { kind: 'trouble'; complaint: Complaint };

type Response = Extract<RtspPiece, { kind: 'response' }>;

/**
 * Asks a camera what it sends (DESCRIBE, RFC 2326 §10.2), with digest or basic authentication: the sign that it is there, that the
 * password is right and that it has a picture. `codec` is the name of the first picture's encoding, as `H264`.
 */
export async function describe(
  { url, username = '', password = '' }: CameraAddress,
  { clock, chance }: { clock: Clock; chance: Chance },
): Promise<Description> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 554) });
  const reader = new RtspReader();
  const answers: Response[] = [];
  let wake = () => {};
  let over: Complaint | undefined;
  const end = (complaint: Complaint) => {
    over ??= complaint;
    wake();
  };
  const timer = clock.after(DESCRIBE_WITHIN_MS, () =>
    end({ trouble: 'camera-unreachable', detail: 'no answer in time' }),
  );
  socket.on('error', ({ code, message }: NodeJS.ErrnoException) =>
    // Who hangs up before he has read what we said resets the connection: that is hanging up too.
    end(
      code === 'ECONNRESET' || code === 'EPIPE'
        ? { trouble: 'camera-not-rtsp', detail: 'it hung up' }
        : { trouble: 'camera-unreachable', detail: message },
    ),
  );
  socket.on('close', () => end({ trouble: 'camera-not-rtsp', detail: 'it hung up' }));
  socket.on('data', (bytes) => {
    const pieces = reader.take(bytes);
    if (!pieces) return end({ trouble: 'camera-not-rtsp', detail: 'what it says is not RTSP' });
    answers.push(...pieces.filter((piece) => piece.kind === 'response'));
    wake();
  });

  const ask = async (sequence: number, authorization?: string): Promise<Response | undefined> => {
    socket.write(
      writeRtsp(`DESCRIBE ${url} RTSP/1.0`, {
        CSeq: sequence,
        Accept: 'application/sdp',
        'User-Agent': 'Tocsin',
        ...(authorization && { Authorization: authorization }),
      }),
    );
    while (!over && answers.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return answers.shift();
  };

  try {
    let answer = await ask(1);
    if (answer?.status === 401) {
      const challenge = readChallenge(answer.headers.get('www-authenticate') ?? []);
      if (!challenge || username === '') return { kind: 'trouble', complaint: { trouble: 'camera-password-wrong' } };
      const request = { method: 'DESCRIBE', uri: url, cnonce: chance.token(8) };
      answer = await ask(2, authorize(challenge, { username, password }, request));
    }
    if (!answer) return { kind: 'trouble', complaint: over ?? { trouble: 'camera-unreachable' } };
    return judge(answer);
  } finally {
    timer.cancel();
    socket.destroy();
  }
}

function judge({ status, reason, body }: Response): Description {
  const trouble = (complaint: Complaint): Description => ({ kind: 'trouble', complaint });
  if (status === 401 || status === 403) return trouble({ trouble: 'camera-password-wrong' });
  if (status === 404 || status === 454)
    return trouble({ trouble: 'camera-stream-unknown', detail: `${status} ${reason}` });
  if (status !== 200) return trouble({ trouble: 'camera-stream-unknown', detail: `${status} ${reason}`.slice(0, 100) });
  const codec = pictureOf(body);
  return codec ? { kind: 'described', codec, sdp: body } : trouble({ trouble: 'camera-without-picture' });
}

/** The encoding's name of the first m=video (RFC 8866 §6.6). */
function pictureOf(sdp: string): string | undefined {
  const from = sdp.search(/^m=video /m);
  if (from < 0) return undefined;
  const section = sdp.slice(from).split(/\r?\n(?=m=)/)[0]!;
  const [, payloadType] = /^m=video \S+ \S+ (\d+)/.exec(section) ?? [];
  const [, name] = new RegExp(`^a=rtpmap:${payloadType} ([\\w.-]+)/`, 'm').exec(section) ?? [];
  if (name) return name.toUpperCase();
  // Static payload types need no rtpmap (RFC 3551 §6).
  return { '26': 'JPEG', '32': 'MPV' }[payloadType ?? ''];
}
