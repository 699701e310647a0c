import { z } from 'zod';
import { DispatchError } from '#kernel/errors.ts';
import { noteSoon } from '#timeline/note-soon.ts';
import { SESSION_COOKIE } from '../session-cookie.ts';
import type { Http, HttpParts } from './parts.ts';

const LoginBody = z.object({ username: z.string().min(1).max(100), password: z.string().min(1).max(200) });

/** Logging in and out. */
export function sessionRoutes(http: Http, { desk, tls }: HttpParts): void {
  http.post(
    '/api/session',
    { config: { isOpen: true }, schema: { tags: ['session'], summary: 'Log in', body: LoginBody } },
    async (request, reply) => {
      const outcome = await desk.directory.users.login({ ...request.body, remoteAddress: request.ip });
      if (outcome.kind === 'throttled') {
        reply.header('retry-after', String(outcome.retryAfterS));
        throw new DispatchError('LOGIN_THROTTLED', `${outcome.retryAfterS} s`);
      }
      if (outcome.kind === 'refused') {
        await noteSoon(
          {
            kind: 'session.refused',
            data: { username: request.body.username, from: request.ip },
          },
          desk,
        );
        throw new DispatchError('LOGIN_FAILED');
      }
      const { session, token } = outcome;
      if (!desk.seatsTaken.isFreeFor(session)) {
        await desk.directory.users.logout(token);
        await noteSoon({ kind: 'session.refused', actor: session.user.id, data: { because: 'SEATS_EXHAUSTED' } }, desk);
        throw new DispatchError('SEATS_EXHAUSTED');
      }
      await noteSoon({ kind: 'session.began', actor: session.user.id, data: { from: request.ip } }, desk);
      reply.setCookie(SESSION_COOKIE, token, {
        path: '/',
        httpOnly: true,
        sameSite: 'strict',
        secure: tls !== undefined,
        expires: new Date(session.expiresAtMs),
      });
      return { token, user: session.user.id, expiresAt: session.expiresAtMs, rights: [...session.rights] };
    },
  );

  http.get('/api/session', { schema: { tags: ['session'], summary: 'Who am I' } }, async ({ session }) => ({
    user: session.user.id,
    name: session.user.name,
    role: session.role.id,
    rights: [...session.rights],
    expiresAt: session.expiresAtMs,
  }));

  http.delete('/api/session', { schema: { tags: ['session'], summary: 'Log out' } }, async (request, reply) => {
    await desk.directory.users.logout(request.token);
    await noteSoon({ kind: 'session.ended', actor: request.session.user.id }, desk);
    reply.clearCookie(SESSION_COOKIE, { path: '/' });
    return { ok: true };
  });
}
