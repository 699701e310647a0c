/** RTSP 1.0 on a connection (RFC 2326): requests, responses and interleaved packets, as the bytes come. */

export const RTSP_LIMITS = {
  /** Start line and headers; more is not RTSP. */
  headBytes: 16 * 1024,
  /** A body: a session description is a few hundred bytes. */
  bodyBytes: 64 * 1024,
} as const;

/** Header names in lower case; of a header that is there twice, the values in their order. */
export type RtspHeaders = Map<string, string[]>;

export type RtspPiece =
  | { kind: 'request'; method: string; uri: string; headers: RtspHeaders; body: string }
  | { kind: 'response'; status: number; reason: string; headers: RtspHeaders; body: string }
  /** RTP or RTCP within the connection (RFC 2326 §10.12). */
  | { kind: 'packet'; channel: number; payload: Buffer };

/** What a connection's bytes are cut into. `take` returns undefined for what is not RTSP: the connection is to be closed. */
export class RtspReader {
  #rest: Buffer = Buffer.alloc(0);

  take(bytes: Uint8Array): RtspPiece[] | undefined {
    this.#rest = this.#rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#rest, bytes]);
    const pieces: RtspPiece[] = [];
    for (;;) {
      const next = this.#next();
      if (next === 'nonsense') return undefined;
      if (next === 'incomplete') return pieces;
      pieces.push(next);
    }
  }

  #next(): RtspPiece | 'incomplete' | 'nonsense' {
    const rest = this.#rest;
    if (rest.length < 4) return 'incomplete';
    if (rest[0] === 0x24) {
      const length = rest.readUInt16BE(2);
      if (rest.length < 4 + length) return 'incomplete';
      this.#rest = rest.subarray(4 + length);
      return { kind: 'packet', channel: rest[1]!, payload: rest.subarray(4, 4 + length) };
    }
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0)
      return rest.length > RTSP_LIMITS.headBytes || !/^[A-Z]/.test(startOf(rest)) ? 'nonsense' : 'incomplete';
    if (end > RTSP_LIMITS.headBytes) return 'nonsense';
    const [start = '', ...lines] = rest.toString('utf8', 0, end).split('\r\n');
    const headers = readHeaders(lines);
    const length = Number(headers?.get('content-length')?.[0] ?? 0);
    if (!headers || !Number.isInteger(length) || length < 0 || length > RTSP_LIMITS.bodyBytes) return 'nonsense';
    if (rest.length < end + 4 + length) return 'incomplete';
    const body = rest.toString('utf8', end + 4, end + 4 + length);
    this.#rest = rest.subarray(end + 4 + length);
    const response = /^RTSP\/1\.\d (\d{3}) ?(.*)$/.exec(start);
    if (response) return { kind: 'response', status: Number(response[1]), reason: response[2]!, headers, body };
    const request = /^([A-Z_]+) (\S+) RTSP\/1\.\d$/.exec(start);
    return request ? { kind: 'request', method: request[1]!, uri: request[2]!, headers, body } : 'nonsense';
  }
}

const startOf = (bytes: Buffer) => bytes.toString('latin1', 0, 1);

function readHeaders(lines: readonly string[]): RtspHeaders | undefined {
  const headers: RtspHeaders = new Map();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) return undefined;
    const name = line.slice(0, colon).trim().toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  return headers;
}

/** A request or a response as it goes out; the length of the body is put in. */
export function writeRtsp(start: string, headers: Record<string, string | number>, body = ''): Buffer {
  const all = body === '' ? headers : { ...headers, 'Content-Length': Buffer.byteLength(body) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return Buffer.from([start, ...lines, '', body].join('\r\n'));
}
