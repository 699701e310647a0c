/** Why a call was sent on from a number. */
export type DiversionReason = 'unconditional' | 'user-busy' | 'no-answer' | 'unavailable' | 'follow-me';

/** One number that a call has been sent on from. */
export interface Diversion {
  from: string;
  reason: DiversionReason;
}

/** How often a call may be sent on; beyond that it goes in circles, or somebody plays with it. */
export const DIVERSIONS_LIMIT = 5;

/** The SIP status that stands for each reason in History-Info (RFC 7044 §9: the response that made the target change). */
const CAUSES: Record<DiversionReason, number> = {
  unconditional: 302,
  'user-busy': 486,
  'no-answer': 408,
  unavailable: 404,
  'follow-me': 302,
};

/** Words of RFC 5806 §5.3 for each reason. */
const DIVERSION_WORDS: Record<DiversionReason, string> = {
  unconditional: 'unconditional',
  'user-busy': 'user-busy',
  'no-answer': 'no-answer',
  unavailable: 'unavailable',
  'follow-me': 'follow-me',
};

/**
 * The headers that tell the next phone or network where the call came through: Diversion (RFC 5806), which gateways read,
 * the latest first; and History-Info (RFC 7044), the whole way in order.
 *
 * @param to the number that is called now
 */
export function diversionHeaders(diversions: readonly Diversion[], to: string): Record<string, string> {
  if (diversions.length === 0) return {};
  const address = (number: string, extra = '') => `sip:${encodeURIComponent(number)}@tocsin${extra}`;
  const diversion = diversions
    .toReversed()
    .map(({ from, reason }) => `<${address(from)}>;reason=${DIVERSION_WORDS[reason]};counter=1`);
  const targets = [...diversions.map(({ from }) => from), to];
  const history = targets.map((target, index) => {
    const reason = diversions[index - 1]?.reason;
    const cause = reason ? `;cause=${CAUSES[reason]}` : '';
    return `<${address(target, cause)}>;index=1${'.1'.repeat(index)}`;
  });
  return { Diversion: diversion.join(', '), 'History-Info': history.join(', ') };
}
