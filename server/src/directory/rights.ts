import type { Right, Role, User } from '@tocsin/protocol/directory.ts';

/** Someone who has logged in. */
export interface Session {
  id: string;
  user: User;
  role: Role;
  rights: ReadonlySet<Right>;
  /** His organisation and everything below it. */
  organisations: ReadonlySet<string>;
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
