import { digestResponse, digestSecret, ha1Of } from '@tocsin/server/sip';

/** What a server asks for (RFC 2617 §3.2.1, RFC 7616): the first Digest challenge that can be met, else Basic. */
export type Challenge =
  | { scheme: 'digest'; realm: string; nonce: string; algorithm: 'MD5' | 'SHA-256'; hasQop: boolean; opaque?: string }
  | { scheme: 'basic' };

/** Reads the WWW-Authenticate headers of a 401; undefined when none can be met. */
export function readChallenge(headers: readonly string[]): Challenge | undefined {
  const digests = headers.flatMap((header): Challenge[] => {
    if (!/^digest\s/i.test(header)) return [];
    const { realm, nonce, algorithm = 'MD5', qop, opaque } = parametersOf(header);
    const name = algorithm.toUpperCase();
    if (realm === undefined || nonce === undefined || (name !== 'MD5' && name !== 'SHA-256')) return [];
    const hasQop = (qop ?? '').split(',').some((each) => each.trim() === 'auth');
    return [{ scheme: 'digest', realm, nonce, algorithm: name, hasQop, ...(opaque !== undefined && { opaque }) }];
  });
  return digests[0] ?? (headers.some((header) => /^basic\b/i.test(header)) ? { scheme: 'basic' } : undefined);
}

/** The Authorization header for one request. `cnonce` only counts where the server asked for `qop`. */
export function authorize(
  challenge: Challenge,
  account: { username: string; password: string },
  request: { method: string; uri: string; cnonce: string },
): string {
  const { username, password } = account;
  if (challenge.scheme === 'basic') return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const { realm, nonce, algorithm, hasQop, opaque } = challenge;
  const { method, uri, cnonce } = request;
  const qop = hasQop ? { value: 'auth' as const, nc: '00000001', cnonce } : undefined;
  const ha1 = ha1Of(digestSecret(username, realm, password), algorithm);
  const response = digestResponse(ha1, { algorithm, method, uri, nonce, ...(qop && { qop }) });
  const parameters = [
    ...[`username="${username}"`, `realm="${realm}"`, `nonce="${nonce}"`, `uri="${uri}"`, `response="${response}"`],
    ...(algorithm === 'MD5' ? [] : [`algorithm=${algorithm}`]),
    ...(opaque === undefined ? [] : [`opaque="${opaque}"`]),
    ...(qop ? [`qop=auth`, `nc=${qop.nc}`, `cnonce="${cnonce}"`] : []),
  ];
  return `Digest ${parameters.join(', ')}`;
}

/** For a server: whether this Authorization header proves that the caller knows the password. */
export function isAuthorized(
  header: string | undefined,
  account: { username: string; password: string },
  { method, nonce, realm }: { method: string; nonce: string; realm: string },
): boolean {
  if (!header || !/^digest\s/i.test(header)) return false;
  const said = parametersOf(header);
  if (said['username'] !== account.username || said['nonce'] !== nonce || said['uri'] === undefined) return false;
  const { ha1Md5 } = digestSecret(account.username, realm, account.password);
  return said['response'] === digestResponse(ha1Md5, { algorithm: 'MD5', method, uri: said['uri'], nonce });
}

function parametersOf(header: string): Record<string, string | undefined> {
  const found = header.matchAll(/([a-z-]+)\s*=\s*(?:"([^"]*)"|([^\s",]+))/gi);
  return Object.fromEntries([...found].map(([, name, quoted, bare]) => [name!.toLowerCase(), quoted ?? bare]));
}
