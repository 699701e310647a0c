import { BadMessage } from './bad-message.ts';
import type { Request } from './message.ts';
import { type NameAddr, formatNameAddr, parseNameAddr } from './name-addr.ts';
import { parseUri, unescape, userOf } from './uri.ts';

/** Who calls as a network that we trust says, and by what ways the call has come. */
export interface CallHistory {
  /** P-Asserted-Identity (RFC 3325 §9.1): believe it only from a trunk. */
  asserted?: { user: string; displayName?: string };
  /** The caller wants to stay unnamed (RFC 3325 §9.3, RFC 3323 §4.2); alarms and emergency calls show him all the same. */
  isAnonymous: boolean;
  /** Who had the call before and sent it on, the last first: Diversion (RFC 5806), else History-Info (RFC 7044). */
  divertedBy: { user: string; reason?: string }[];
}

/** More than this many stations no honest call has. */
const DIVERSIONS_LIMIT = 20;

/** Reads what a call says of its caller and its way; a header that cannot be read counts as none, since the call matters more. */
export function readHistory(request: Request): CallHistory {
  const [asserted] = readAll(request, 'P-Asserted-Identity');
  const privacy = request.all('Privacy').flatMap((line) => line.toLowerCase().split(';'));
  const isAnonymous = privacy.some((word) => ['id', 'user', 'header'].includes(word.trim()));
  const diversions = readAll(request, 'Diversion').map(({ uri, params }) => entry(userOf(uri), params.get('reason')));
  const divertedBy = diversions.length > 0 ? diversions : readHistoryInfo(request);
  const history: CallHistory = { isAnonymous, divertedBy: divertedBy.slice(0, DIVERSIONS_LIMIT) };
  if (!asserted) return history;
  const { displayName, uri } = asserted;
  return { ...history, asserted: displayName ? { user: userOf(uri), displayName } : { user: userOf(uri) } };
}

/** The headers that tell a trunk who calls: for `headers` of an invite. `uri` is what the trunk's contract asks for. */
export function assertedIdentity(uri: string, options: { displayName?: string; isAnonymous?: boolean } = {}) {
  const identity = formatNameAddr({ displayName: options.displayName, uri: parseUri(uri), params: new Map() });
  const headers: Record<string, string> = { 'P-Asserted-Identity': identity };
  if (options.isAnonymous) headers['Privacy'] = 'id';
  return headers;
}

/** All entries but the last, which is where the call is now; the Reason of each entry says why the next one was tried. */
function readHistoryInfo(request: Request): CallHistory['divertedBy'] {
  const entries = readAll(request, 'History-Info');
  return entries
    .slice(0, -1)
    .map(({ uri }, i) => {
      const next = entries[i + 1]!.uri;
      const headers = next.scheme === 'sip' || next.scheme === 'sips' ? (next.headers ?? '') : '';
      const reason = /(?:^|&)reason=([^&]*)/i.exec(headers)?.[1];
      return entry(userOf(uri), reason === undefined ? undefined : unescape(reason));
    })
    .reverse();
}

const entry = (user: string, reason: string | undefined) => (reason === undefined ? { user } : { user, reason });

function readAll(request: Request, name: string): NameAddr[] {
  try {
    return request.list(name).map(parseNameAddr);
  } catch (error) {
    if (error instanceof BadMessage) return [];
    throw error;
  }
}
