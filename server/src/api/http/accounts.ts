import { z } from 'zod';
import { DispatchError } from '#kernel/errors.ts';
import type { Http, HttpParts } from './parts.ts';

const UserParams = z.object({ id: z.string().max(64) });
const AccountParams = z.object({ user: z.string().max(40) });
/** Eight characters at least; what is longer than 200 is no password but an attack. */
const PasswordBody = z.object({ password: z.string().min(8).max(200) });

/** Passwords of users and of phones. The change is on the timeline; the password is nowhere. */
export function accountRoutes(http: Http, { desk }: HttpParts): void {
  http.put(
    '/api/users/:id/password',
    {
      schema: {
        tags: ['accounts'],
        summary: 'Set a password: one’s own, or anybody’s for an administrator',
        params: UserParams,
        body: PasswordBody,
      },
    },
    async ({ params, body, session }) => {
      if (params.id !== session.user.id && !session.rights.has('administer'))
        throw new DispatchError('RIGHT_MISSING', 'administer');
      if (!desk.directory.user(params.id)) throw new DispatchError('NOT_FOUND', params.id);
      await desk.directory.users.setPassword(params.id, body.password);
      await desk.timeline.append({ kind: 'user.password-set', actor: session.user.id, data: { user: params.id } });
      return { ok: true };
    },
  );

  http.put(
    '/api/accounts/:user/password',
    {
      config: { right: 'administer' },
      schema: {
        tags: ['accounts'],
        summary: 'Set the password of a phone’s SIP account',
        params: AccountParams,
        body: PasswordBody,
      },
    },
    async ({ params, body, session }) => {
      if (!desk.directory.account(params.user)) throw new DispatchError('NOT_FOUND', params.user);
      await desk.directory.setAccountPassword(params.user, body.password);
      await desk.timeline.append({
        kind: 'account.password-set',
        actor: session.user.id,
        data: { account: params.user },
      });
      return { ok: true };
    },
  );
}
