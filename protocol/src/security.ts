/** What strangers do to the telephone side, and thieves with a stolen password; each is counted by source. */
export const MISDEEDS = [
  'scans',
  'unknownAccounts',
  'wrongPasswords',
  'unprovenInvites',
  'barredCalls',
  'garbage',
  'unheard',
] as const;
export type MisdeedName = (typeof MISDEEDS)[number];

/** One source on the security page. Counts are since the start of the server. */
export interface TrespasserView extends Record<MisdeedName, number> {
  /** The host; `others` for all beyond the number remembered. */
  source: string;
  firstAtMs: number;
  lastAtMs: number;
  /** It is not heard until then. */
  throttled?: { why: 'garbage' | 'wrong-password' | 'flood'; sinceMs: number; untilMs: number; account?: string };
}

export interface SecurityView {
  totals: Record<MisdeedName, number>;
  /** How many sources have done anything, as far as remembered. */
  sources: number;
  /** Who is not heard now, then the worst; at most fifty. */
  top: TrespasserView[];
}
