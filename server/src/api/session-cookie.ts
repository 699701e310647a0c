import type { Directory } from '#directory/directory.ts';
import type { Session } from '#directory/rights.ts';

export const SESSION_COOKIE = 'tocsin-session';

/** The session that a bearer token or the cookie stands for. */
export async function sessionOf(
  directory: Pick<Directory, 'users'>,
  credentials: { token?: string | undefined; cookie?: string | undefined },
): Promise<{ session: Session; token: string } | undefined> {
  const token = credentials.token ?? cookieValue(credentials.cookie);
  if (!token) return undefined;
  const session = await directory.users.session(token);
  return session ? { session, token } : undefined;
}

function cookieValue(header: string | undefined): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const [name, value] = part.trim().split('=');
    if (name === SESSION_COOKIE && value) return decodeURIComponent(value);
  }
  return undefined;
}
