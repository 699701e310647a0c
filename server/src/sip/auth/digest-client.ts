import type { Chance } from '#kernel/chance.ts';
import { type AuthValue, formatAuthValue, parseAuthValue } from '../message/credentials.ts';
import type { Request, Response } from '../message/message.ts';
import { type DigestAlgorithm, digestResponse, digestSecret, ha1Of } from './digest.ts';

export interface Credentials {
  user: string;
  password: string;
}

/**
 * Puts the answer to a 401 or 407 on `request`, the request to send again. Takes the strongest challenge it can speak.
 * Returns false when there is none, so that the refusal stands. The nonce is used once; the next request is challenged
 * anew or carries its own count.
 */
export function answerChallenge(
  request: Request,
  refusal: Response,
  credentials: Credentials,
  chance: Chance,
): boolean {
  const isProxy = refusal.status === 407;
  const challenges = refusal
    .all(isProxy ? 'Proxy-Authenticate' : 'WWW-Authenticate')
    .map(readChallenge)
    .filter((challenge) => challenge !== undefined)
    .sort((a, b) => (a.algorithm === b.algorithm ? 0 : a.algorithm === 'SHA-256' ? -1 : 1));
  const [challenge] = challenges;
  if (!challenge) return false;
  const { algorithm, realm, nonce } = challenge;
  const uri = request.requestUri;
  const qop = challenge.hasQop ? { value: 'auth' as const, nc: '00000001', cnonce: chance.token(8) } : undefined;
  const ha1 = ha1Of(digestSecret(credentials.user, realm, credentials.password), algorithm);
  const params: AuthValue['params'] = new Map([
    ['username', credentials.user],
    ['realm', realm],
    ['nonce', nonce],
    ['uri', uri],
    ['response', digestResponse(ha1, { algorithm, method: request.method, uri, nonce, qop })],
    ['algorithm', algorithm],
  ]);
  if (challenge.opaque !== undefined) params.set('opaque', challenge.opaque);
  if (qop) params.set('qop', qop.value).set('nc', qop.nc).set('cnonce', qop.cnonce);
  const name = isProxy ? 'Proxy-Authorization' : 'Authorization';
  request.set(name, formatAuthValue({ scheme: 'Digest', params }, 'credentials'));
  return true;
}

interface Challenge {
  algorithm: DigestAlgorithm;
  realm: string;
  nonce: string;
  opaque?: string;
  hasQop: boolean;
}

function readChallenge(text: string): Challenge | undefined {
  let value: AuthValue;
  try {
    value = parseAuthValue(text);
  } catch {
    return undefined;
  }
  const name = (value.params.get('algorithm') ?? 'MD5').toUpperCase();
  const qops = value.params
    .get('qop')
    ?.split(',')
    .map((qop) => qop.trim().toLowerCase());
  const realm = value.params.get('realm');
  const nonce = value.params.get('nonce');
  if (value.scheme.toLowerCase() !== 'digest' || realm === undefined || nonce === undefined) return undefined;
  if ((name !== 'MD5' && name !== 'SHA-256') || (qops && !qops.includes('auth'))) return undefined;
  return { algorithm: name, realm, nonce, opaque: value.params.get('opaque'), hasQop: qops !== undefined };
}
