import { hash } from 'node:crypto';

import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { type AuthValue, parseAuthValue } from '../message/credentials.ts';
import type { Request, Response } from '../message/message.ts';
import { type DigestAlgorithm, type DigestSecret, digestResponse, ha1Of } from './digest.ts';

/** What a request's credentials come to. */
type DigestVerdict =
  | { kind: 'accepted'; user: string }
  /** No credentials for us, or of a kind we do not speak: challenge. */
  | { kind: 'absent' }
  /** The nonce is old or its count was seen before; the password may well be right: challenge with stale=true. */
  | { kind: 'stale' }
  /** Wrong password or no such account. Only our own counters may tell the two apart: the peer gets one answer, after the same work. */
  | { kind: 'wrong'; user: string; isKnown: boolean };

/**
 * Phones that end the registration when any challenge names another algorithm than MD5, whatever stands beside it:
 * baresip before 3, whose library answers such a challenge with "Function not implemented".
 */
const MD5_ALONE = /^baresip v?[0-2]\./i;

/** Whether telling of SHA-256 would keep this peer out. The stacks in browsers (sip.js, JsSIP) read the last challenge, and know MD5. */
function knowsMd5Alone(request: Request): boolean {
  return (
    /^SIP\s*\/\s*2\.0\s*\/\s*WSS?\b/i.test(request.get('Via') ?? '') || MD5_ALONE.test(request.get('User-Agent') ?? '')
  );
}

/** How long a nonce may be used, and how many nonces' counts are remembered for finding replays. */
const NONCE_LIFE_MS = 300_000;
const NONCES_REMEMBERED = 50_000;

/**
 * The server's side of digest (RFC 3261 §22, RFC 7616, RFC 8760). A nonce is its time and a keyed hash over it, so
 * nothing is kept for a challenge that nobody answers; only nonces that were used are remembered, with their highest
 * count, until they expire.
 */
export class DigestServer {
  readonly realm: string;
  readonly #credentials: (user: string) => Promise<DigestSecret | undefined>;
  readonly #clock: Clock;
  readonly #key: string;
  readonly #nobody: DigestSecret;
  /** Highest count seen of each used nonce, by the nonce's number; two generations, the older dropped when its nonces have expired. */
  #counts = new Map<number, number>();
  #olderCounts = new Map<number, number>();
  #turnAtMs: number;
  #noncesMade = 0;

  constructor(options: {
    realm: string;
    credentials: (user: string) => Promise<DigestSecret | undefined>;
    clock: Clock;
    chance: Chance;
  }) {
    this.realm = options.realm;
    this.#credentials = options.credentials;
    this.#clock = options.clock;
    this.#key = options.chance.token(16);
    this.#nobody = { ha1Md5: options.chance.token(16), ha1Sha256: options.chance.token(32) };
    this.#turnAtMs = options.clock.now() + NONCE_LIFE_MS;
  }

  /**
   * Puts the challenges on a 401: MD5, then SHA-256. RFC 8760 §2.4 has the preferred one first, but phones and tools that
   * know only MD5 look at the first challenge and give up when it is another (SIPp 3.6 is one). A client that knows better
   * finds SHA-256 in the second; the cost is that one which takes the first it understands stays with MD5.
   * A phone that is known to give up at the sight of a second algorithm is told of MD5 alone.
   */
  challenge(response: Response, request: Request, options: { isStale?: boolean } = {}): Response {
    const nonce = this.#newNonce();
    for (const algorithm of knowsMd5Alone(request) ? ['MD5'] : ['MD5', 'SHA-256'])
      response.add(
        'WWW-Authenticate',
        `Digest realm="${this.realm}", nonce="${nonce}", algorithm=${algorithm}, qop="auth"${options.isStale ? ', stale=true' : ''}`,
      );
    return response;
  }

  /** The credentials a request carries for our realm, before anything of them is believed. */
  presented(request: Request): AuthValue | undefined {
    for (const line of [...request.all('Authorization'), ...request.all('Proxy-Authorization')]) {
      if (line.slice(0, 7).toLowerCase() !== 'digest ') continue;
      const value = parseAuthValue(line);
      if (value.params.get('realm') === this.realm) return value;
    }
    return undefined;
  }

  /** Judges a request. Throws BadMessage 400 when its credentials are malformed. */
  async verify(request: Request, value = this.presented(request)): Promise<DigestVerdict> {
    if (!value) return { kind: 'absent' };
    const { params } = value;
    const user = params.get('username');
    const nonce = params.get('nonce');
    const given = params.get('response');
    const uri = params.get('uri');
    const algorithm = readAlgorithm(params.get('algorithm'));
    if (user === undefined || nonce === undefined || given === undefined || uri === undefined || !algorithm)
      return { kind: 'absent' };
    const age = this.#ageOf(nonce);
    if (age === undefined) return { kind: 'absent' };
    const nc = params.get('nc');
    const cnonce = params.get('cnonce');
    // Without qop the response covers no count and could be replayed, so it is good only on a nonce never used.
    const hasQop = params.get('qop')?.toLowerCase() === 'auth';
    if (params.has('qop') && (!hasQop || nc === undefined || cnonce === undefined || !/^[0-9a-f]{8}$/i.test(nc)))
      return { kind: 'absent' };
    if (!isSameTarget(uri, request.requestUri)) return { kind: 'wrong', user, isKnown: true };

    const found = await this.#credentials(user);
    // Without an account the same is computed with a secret that nobody has, so that the time tells nothing.
    const secret = found ?? this.#nobody;
    const expected = digestResponse(ha1Of(secret, algorithm), {
      algorithm,
      method: request.method,
      uri,
      nonce,
      qop: hasQop ? { value: 'auth', nc: nc!, cnonce: cnonce! } : undefined,
    });
    if (!isEqual(expected, given.toLowerCase()) || !found) return { kind: 'wrong', user, isKnown: found !== undefined };
    if (age > NONCE_LIFE_MS || !this.#useCount(numberOf(nonce), hasQop ? Number.parseInt(nc!, 16) : 1))
      return { kind: 'stale' };
    return { kind: 'accepted', user };
  }

  #newNonce(): string {
    const time = this.#clock.now().toString(36);
    this.#noncesMade += 1;
    const salt = this.#noncesMade.toString(36);
    return `${time}.${salt}.${this.#sign(time, salt)}`;
  }

  #sign(time: string, salt: string): string {
    return hash('sha256', `${this.#key}.${time}.${salt}`, 'base64url').slice(0, 22);
  }

  /** The age of a nonce of ours in ms; undefined for one we never made. */
  #ageOf(nonce: string): number | undefined {
    const [time = '', salt = '', signature = ''] = nonce.split('.');
    if (!isEqual(this.#sign(time, salt), signature)) return undefined;
    return this.#clock.now() - Number.parseInt(time, 36);
  }

  /** Notes a use of the nonce; false when this count, or a higher one, was seen before (RFC 7616 §3.4.5). */
  #useCount(nonce: number, count: number): boolean {
    const now = this.#clock.now();
    // Full before its time, the turn comes early: the oldest counts go, and their nonces are then as good as stale.
    if (now >= this.#turnAtMs || this.#counts.size >= NONCES_REMEMBERED) {
      this.#olderCounts = this.#counts;
      this.#counts = new Map();
      this.#turnAtMs = now + NONCE_LIFE_MS;
    }
    const seen = this.#counts.get(nonce) ?? this.#olderCounts.get(nonce) ?? 0;
    if (count <= seen) return false;
    this.#counts.set(nonce, count);
    return true;
  }
}

/** Which of our nonces this is, in the order of their making; of one whose signature was found good. */
const numberOf = (nonce: string): number => Number.parseInt(nonce.split('.')[1]!, 36);

function readAlgorithm(name = 'MD5'): DigestAlgorithm | undefined {
  const upper = name.toUpperCase();
  return upper === 'MD5' || upper === 'SHA-256' ? upper : undefined;
}

/**
 * The digest covers the `uri` it names, so that must be the request's own (RFC 7616 §3.4.6). Proxies and phones change
 * port and parameters on the way, so user and host are compared, not the text; and simple clients name the server alone
 * (SIPp does), which is taken too: the nonce's count already keeps the digest from being used for a second request.
 */
function isSameTarget(digestUri: string, requestUri: string): boolean {
  if (digestUri === requestUri) return true;
  const covered = bareUri(digestUri);
  return !covered.includes('@') || covered === bareUri(requestUri);
}

const bareUri = (uri: string): string =>
  uri
    .replace(/^sips?:/i, '')
    .replace(/[;?].*$/, '')
    .replace(/:\d+$/, '')
    .toLowerCase();

/**
 * Compares what a peer has sent with what is right, looking at every character, so that the time tells nothing of where
 * they differ.
 */
function isEqual(right: string, given: string): boolean {
  if (right.length !== given.length) return false;
  let difference = 0;
  for (let i = 0; i < right.length; i += 1) difference |= right.charCodeAt(i) ^ given.charCodeAt(i);
  return difference === 0;
}
