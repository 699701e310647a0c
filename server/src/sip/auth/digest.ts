import { hash as oneShotHash } from 'node:crypto';

/** The two algorithms this stack speaks: MD5 for the phones there are, SHA-256 for those there will be (RFC 8760). */
export type DigestAlgorithm = 'MD5' | 'SHA-256';

/** H(user:realm:password) in lower-case hex, all a server needs to know of a password (RFC 7616 §3.4.2). */
export interface DigestSecret {
  ha1Md5: string;
  ha1Sha256: string;
}

const hash = (algorithm: DigestAlgorithm, text: string): string =>
  oneShotHash(algorithm === 'MD5' ? 'md5' : 'sha256', text, 'hex');

/** The secret of an account, computed from its password. */
export function digestSecret(user: string, realm: string, password: string): DigestSecret {
  const text = `${user}:${realm}:${password}`;
  return { ha1Md5: hash('MD5', text), ha1Sha256: hash('SHA-256', text) };
}

/** The algorithm's half of a secret. */
export const ha1Of = (secret: DigestSecret, algorithm: DigestAlgorithm): string =>
  algorithm === 'MD5' ? secret.ha1Md5 : secret.ha1Sha256;

/** Everything the response is computed from but the secret. `qop` absent means RFC 2069's way, which old phones use. */
interface DigestInput {
  algorithm: DigestAlgorithm;
  method: string;
  uri: string;
  nonce: string;
  qop?: { value: 'auth'; nc: string; cnonce: string };
}

/** What was hashed last for H(method:uri): phones by the thousand register at one URI. */
const ha2s = new Map<string, string>();
const HA2S_REMEMBERED = 1000;

function ha2Of(algorithm: DigestAlgorithm, method: string, uri: string): string {
  const key = `${algorithm} ${method}:${uri}`;
  const known = ha2s.get(key);
  if (known !== undefined) return known;
  if (ha2s.size >= HA2S_REMEMBERED) ha2s.clear();
  const ha2 = hash(algorithm, `${method}:${uri}`);
  ha2s.set(key, ha2);
  return ha2;
}

/** The `response` of RFC 7616 §3.4.1. */
export function digestResponse(ha1: string, { algorithm, method, uri, nonce, qop }: DigestInput): string {
  const ha2 = ha2Of(algorithm, method, uri);
  return hash(
    algorithm,
    qop ? `${ha1}:${nonce}:${qop.nc}:${qop.cnonce}:${qop.value}:${ha2}` : `${ha1}:${nonce}:${ha2}`,
  );
}
