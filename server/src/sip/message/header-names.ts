/** Headers we know, as they are written on the wire (RFC 3261 §20 and the extensions this stack speaks). */
const KNOWN = [
  'Accept',
  'Accept-Contact',
  'Accept-Encoding',
  'Accept-Language',
  'Alert-Info',
  'Allow',
  'Allow-Events',
  'Authentication-Info',
  'Authorization',
  'Call-ID',
  'Call-Info',
  'Contact',
  'Content-Disposition',
  'Content-Encoding',
  'Content-Language',
  'Content-Length',
  'Content-Type',
  'CSeq',
  'Date',
  'Diversion',
  'Error-Info',
  'Event',
  'Expires',
  'From',
  'History-Info',
  'In-Reply-To',
  'Max-Forwards',
  'MIME-Version',
  'Min-Expires',
  'Min-SE',
  'Organization',
  'P-Asserted-Identity',
  'P-Preferred-Identity',
  'Path',
  'Priority',
  'Privacy',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'Proxy-Require',
  'RAck',
  'Reason',
  'Record-Route',
  'Refer-Sub',
  'Refer-To',
  'Referred-By',
  'Replaces',
  'Reply-To',
  'Request-Disposition',
  'Require',
  'Resource-Priority',
  'Retry-After',
  'Route',
  'RSeq',
  'Server',
  'Service-Route',
  'Session-Expires',
  'SIP-ETag',
  'SIP-If-Match',
  'Subject',
  'Subscription-State',
  'Supported',
  'Target-Dialog',
  'Timestamp',
  'To',
  'Unsupported',
  'User-Agent',
  'Via',
  'Warning',
  'WWW-Authenticate',
];

/** One-letter names (RFC 3261 §7.3.3 and the registry of the extensions). */
const COMPACT: Record<string, string> = {
  a: 'Accept-Contact',
  b: 'Referred-By',
  c: 'Content-Type',
  d: 'Request-Disposition',
  e: 'Content-Encoding',
  f: 'From',
  i: 'Call-ID',
  k: 'Supported',
  l: 'Content-Length',
  m: 'Contact',
  o: 'Event',
  r: 'Refer-To',
  s: 'Subject',
  t: 'To',
  u: 'Allow-Events',
  v: 'Via',
  x: 'Session-Expires',
};

const CANONICAL = new Map<string, string>();
for (const name of KNOWN) {
  CANONICAL.set(name, name);
  CANONICAL.set(name.toLowerCase(), name);
}
for (const [letter, name] of Object.entries(COMPACT)) {
  CANONICAL.set(letter, name);
  CANONICAL.set(letter.toUpperCase(), name);
}

/** Whether this is the full, usual spelling of a known header. */
export const isKnownName = (name: string): boolean => CANONICAL.get(name) === name;

/** The name a header goes by inside: the full, usual spelling of a known one, an unknown one in lower case. */
export function canonicalName(name: string): string {
  const exact = CANONICAL.get(name);
  if (exact !== undefined) return exact;
  const lower = name.toLowerCase();
  return CANONICAL.get(lower) ?? lower;
}
