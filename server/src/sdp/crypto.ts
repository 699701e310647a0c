import type { MediaDescription } from 'sdp-transform';

/** Keys of SRTP in a description: SDES (RFC 4568). */

/** The suites that every phone with SDES has, in our order of preference. */
export const SRTP_SUITES = ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32'] as const;
export type SrtpSuite = (typeof SRTP_SUITES)[number];

/** Master key and salt: 16 and 14 bytes. */
const MASTER_BYTES = 30;

/** One a=crypto line that we can work with. */
export interface CryptoLine {
  tag: number;
  suite: SrtpSuite;
  /** Of what the writer of this description sends: master key and salt. */
  key: Uint8Array;
}

/** What both sides hold to. */
export interface AgreedSrtp {
  suite: SrtpSuite;
  sendKey: Uint8Array;
  receiveKey: Uint8Array;
}

/** Whether a leg's sound is secured: never, where the other side can, or always. */
export type SrtpMode = 'off' | 'offered' | 'required';

/** Our side: what is wanted, and a key for each suite, the same for the life of the dialog. */
export interface OurSrtp {
  mode: SrtpMode;
  keys: Record<SrtpSuite, Uint8Array>;
}

/** The lines of an m-section that we can work with; those with MKI or with session parameters that change the packets are left out. */
export function readCrypto(line: MediaDescription): CryptoLine[] {
  return (line.crypto ?? []).flatMap(({ id, suite, config, sessionConfig }) => {
    const known = SRTP_SUITES.find((each) => each === suite);
    // inline:<key and salt>[|lifetime][|MKI:length]; a lifetime shorter than a call is nobody's, and is not kept count of.
    const [, base64, rest = ''] = /^inline:([A-Za-z0-9+/=]+)((?:\|[^|;]*)*)$/.exec(config) ?? [];
    const key = Buffer.from(base64 ?? '', 'base64');
    if (!known || key.length !== MASTER_BYTES || rest.includes(':')) return [];
    if (sessionConfig && !/^(WSH=\d+\s*)*$/i.test(sessionConfig)) return [];
    return [{ tag: Number(id), suite: known, key: Uint8Array.from(key) }];
  });
}

export const writeCrypto = ({ tag, suite, key }: CryptoLine): string =>
  `a=crypto:${tag} ${suite} inline:${Buffer.from(key).toString('base64')}`;

/** What we offer: every suite, each with its key. */
export const offeredCrypto = ({ keys }: OurSrtp): CryptoLine[] =>
  SRTP_SUITES.map((suite, i) => ({ tag: i + 1, suite, key: keys[suite] }));

/** Answers the first line of the offer (RFC 4568 §5.1.2): same tag, same suite, our key. */
export function answerCrypto(
  offered: readonly CryptoLine[],
  { keys }: OurSrtp,
): { line: CryptoLine; agreed: AgreedSrtp } | undefined {
  const [first] = offered;
  if (!first) return undefined;
  const { tag, suite, key } = first;
  return { line: { tag, suite, key: keys[suite] }, agreed: { suite, sendKey: keys[suite], receiveKey: key } };
}

/** Reads which of the lines that we offered the answer has chosen; undefined when none. */
export function chosenCrypto(answered: readonly CryptoLine[], offered: readonly CryptoLine[]): AgreedSrtp | undefined {
  for (const { tag, suite, key } of answered) {
    const ours = offered.find((line) => line.tag === tag && line.suite === suite);
    if (ours) return { suite, sendKey: ours.key, receiveKey: key };
  }
  return undefined;
}
