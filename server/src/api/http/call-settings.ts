import { CallSettingsChange } from '@tocsin/protocol/call-settings.ts';
import { z } from 'zod';
import { runCommand } from '#dispatch/commands.ts';
import { huntGroupViews } from '#dispatch/hunt-group-views.ts';
import { requireOwn } from '#dispatch/set-call-settings.ts';
import type { Http, HttpParts } from './parts.ts';

const AccountParams = z.object({ user: z.string().max(40) });

/** What phones' owners want done with their calls, and how the hunt groups stand. */
export function callSettingsRoutes(http: Http, { desk }: HttpParts): void {
  http.get(
    '/api/accounts/:user/call-settings',
    {
      config: { right: 'view' },
      schema: {
        tags: ['accounts'],
        summary:
          'Forwarding, do not disturb, follow-me and short codes of a phone: one’s own, or anybody’s to administer',
        params: AccountParams,
      },
    },
    async ({ params, session }) => {
      requireOwn(params.user, session.user.id, desk);
      return desk.directory.callSettings.get(params.user);
    },
  );

  http.put(
    '/api/accounts/:user/call-settings',
    {
      schema: {
        tags: ['accounts'],
        summary: 'Change them: what is not named stays, null takes a forwarding away',
        params: AccountParams,
        body: CallSettingsChange,
      },
    },
    async ({ params, body, session }) =>
      await runCommand({ do: 'call-settings.change', account: params.user, change: body }, session, desk),
  );

  http.get(
    '/api/hunt-groups',
    { config: { right: 'view' }, schema: { tags: ['calls'], summary: 'Hunt groups, and how each member stands' } },
    async () => huntGroupViews(desk),
  );
}
