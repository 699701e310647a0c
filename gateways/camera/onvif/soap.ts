import { createHash } from 'node:crypto';
import { request } from 'node:http';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import { escapeXml, readXml, type XmlElement } from '../../kit/xml.ts';

export const SOAP_LIMITS = {
  /** From the first byte to the whole answer. */
  answerWithinMs: 4000,
  answerBytes: 256 * 1024,
} as const;

const ENVELOPE = 'http://www.w3.org/2003/05/soap-envelope';
const SECURITY = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd';
const UTILITY = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd';
const PASSWORD_DIGEST =
  'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest';
const BASE_64 = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary';

export interface SoapAccount {
  username: string;
  password: string;
}

export type SoapAnswer =
  | { kind: 'answered'; body: XmlElement }
  /** The camera says no: its own words. */
  | { kind: 'fault'; reason: string; isNotAuthorized: boolean }
  | { kind: 'unreachable'; why: string };

/** Password_Digest = Base64(SHA-1(nonce + created + password)) (WS-Security UsernameToken Profile 1.0 §3.1). */
export const passwordDigest = (nonce: Uint8Array, created: string, password: string): string =>
  createHash('sha1').update(nonce).update(created).update(password).digest('base64');

/**
 * Asks a service of an ONVIF device by SOAP 1.2 over HTTP. With an account the request carries a UsernameToken; `clockOffMs`
 * is how far the camera's clock is ahead of ours, for a camera refuses a token that is minutes old by its own clock.
 */
export async function ask(
  url: string,
  content: string,
  options: { clock: Clock; chance: Chance; account?: SoapAccount; clockOffMs?: number },
): Promise<SoapAnswer> {
  const { clock, chance, account, clockOffMs = 0 } = options;
  const header = account ? `<s:Header>${tokenOf(account, chance.bytes(16), clock.now() + clockOffMs)}</s:Header>` : '';
  const envelope = `<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="${ENVELOPE}">${header}<s:Body>${content}</s:Body></s:Envelope>`;
  const answer = await post(url, envelope, clock);
  if (answer.kind === 'unreachable') return answer;
  const read = readXml(answer.text, { characters: SOAP_LIMITS.answerBytes });
  if (read.kind === 'refused') return { kind: 'unreachable', why: `no SOAP: ${read.why}` };
  const body = read.root.name === 'Envelope' ? child(read.root, 'Body') : undefined;
  const [first] = body?.children ?? [];
  if (!body || !first) return { kind: 'unreachable', why: 'no SOAP body' };
  if (first.name !== 'Fault') return { kind: 'answered', body: first };
  const words = textsOf(first).join(' ').trim().slice(0, 200);
  return { kind: 'fault', reason: words, isNotAuthorized: answer.status === 401 || /NotAuthorized/i.test(words) };
}

/** The first descendant of this name. */
export function find(element: XmlElement | undefined, name: string): XmlElement | undefined {
  for (const each of element?.children ?? []) {
    if (each.name === name) return each;
    const deeper = find(each, name);
    if (deeper) return deeper;
  }
  return undefined;
}

const child = (element: XmlElement, name: string) => element.children.find((each) => each.name === name);

const textsOf = (element: XmlElement): string[] => [
  ...(element.text.trim() ? [element.text.trim()] : []),
  ...element.children.flatMap(textsOf),
];

function tokenOf({ username, password }: SoapAccount, nonce: Uint8Array, atMs: number): string {
  const created = new Date(atMs).toISOString();
  return [
    `<w:Security xmlns:w="${SECURITY}" xmlns:u="${UTILITY}" s:mustUnderstand="1"><w:UsernameToken>`,
    `<w:Username>${escapeXml(username)}</w:Username>`,
    `<w:Password Type="${PASSWORD_DIGEST}">${passwordDigest(nonce, created, password)}</w:Password>`,
    `<w:Nonce EncodingType="${BASE_64}">${Buffer.from(nonce).toString('base64')}</w:Nonce>`,
    `<u:Created>${created}</u:Created></w:UsernameToken></w:Security>`,
  ].join('');
}

function post(url: string, body: string, clock: Clock) {
  type Posted = { kind: 'text'; status: number; text: string } | { kind: 'unreachable'; why: string };
  return new Promise<Posted>((resolve) => {
    const fail = (why: string) => resolve({ kind: 'unreachable', why });
    const asked = request(
      url,
      { method: 'POST', headers: { 'content-type': 'application/soap+xml; charset=utf-8', connection: 'close' } },
      (response) => {
        const pieces: Buffer[] = [];
        let bytes = 0;
        response.on('data', (piece: Buffer) => {
          bytes += piece.length;
          if (bytes > SOAP_LIMITS.answerBytes) return void asked.destroy(new Error('the answer is too long'));
          pieces.push(piece);
        });
        response.on('end', () =>
          resolve({ kind: 'text', status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString('utf8') }),
        );
      },
    );
    const timer = clock.after(SOAP_LIMITS.answerWithinMs, () => asked.destroy(new Error('no answer in time')));
    asked.on('error', ({ message }) => fail(message));
    asked.on('close', () => {
      timer.cancel();
      fail('it hung up');
    });
    asked.end(body);
  });
}
