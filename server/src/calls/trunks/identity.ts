import type { Trunk } from '@tocsin/protocol/routing.ts';
import { assertedIdentity } from '#sip/message/identity.ts';
import { rewrite } from '../routing/number-pattern.ts';

/** Who calls, as our side knows him. */
export interface OwnCaller {
  number: string;
  name?: string;
  /** He does not want to be named outside. */
  isAnonymous?: boolean;
}

/** What an INVITE to a trunk says of the caller. */
export interface ShownIdentity {
  from: { user: string; displayName?: string; host?: string };
  headers: Record<string, string>;
}

/** RFC 3323 §4.1.1.3: what stands in From when nobody is named. */
const ANONYMOUS = { user: 'anonymous', displayName: 'Anonymous', host: 'anonymous.invalid' };

/**
 * The calling line identity as this trunk is to see it: the caller's own number in the trunk's way of writing, the site's
 * main number, or none. A network that trusts us is told the number in P-Asserted-Identity even when it is not to be shown
 * (RFC 3325 §7).
 */
export function identityFor({ identity, numbers, send }: Trunk, caller: OwnCaller): ShownIdentity {
  const own = rewrite(caller.number, numbers.out.calling);
  const number = identity.show === 'main' ? identity.number! : own;
  const isHidden = identity.show === 'none' || caller.isAnonymous === true;
  const displayName = identity.show === 'caller' && caller.name !== undefined ? caller.name : undefined;
  const asserted =
    identity.by === 'asserted'
      ? assertedIdentity(
          `sip:${identity.show === 'none' ? (identity.number ?? own) : number}@${identity.domain ?? hostOf(send)}`,
          {
            ...(displayName === undefined || isHidden ? {} : { displayName }),
          },
        )
      : {};
  if (isHidden) return { from: ANONYMOUS, headers: { ...asserted, Privacy: 'id' } };
  return {
    from: {
      user: number,
      ...(displayName === undefined ? {} : { displayName }),
      ...(identity.domain === undefined ? {} : { host: identity.domain }),
    },
    headers: asserted,
  };
}

function hostOf(send: Trunk['send']): string {
  const host = send?.host ?? 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
