import type { Right, Role, User } from '@tocsin/protocol/directory.ts';

/** What a user may do, and where: at a desk, or by the keys of his phone. */
export interface Authority {
  user: User;
  role: Role;
  rights: ReadonlySet<Right>;
  /** His organisation and everything below it. */
  organisations: ReadonlySet<string>;
}

/** Someone who has logged in. */
export interface Session extends Authority {
  id: string;
  expiresAtMs: number;
}

/**
 * Whether a session may do something: its role has the right, and the thing belongs to the part of the tree it reaches.
 *
 * @param organisation of the thing; absent: it belongs to the site as a whole, and the right alone decides
 */
export function may(session: Pick<Session, 'rights' | 'organisations'>, right: Right, organisation?: string): boolean {
  return session.rights.has(right) && (organisation === undefined || session.organisations.has(organisation));
}

/**
 * Whether somebody stands above all of these: higher in rank, and in his own part of the tree. Callers from outside, of
 * whom nothing is known, stand below everybody who may supervise.
 */
export function standsAbove(
  who: { role: { rank: number }; organisations: ReadonlySet<string> },
  others: readonly { organisation?: string; rank: number }[],
): boolean {
  return others.every(
    ({ organisation, rank }) =>
      rank < who.role.rank && (organisation === undefined || who.organisations.has(organisation)),
  );
}
