import { Command } from '@tocsin/protocol/console.ts';
import { runCommand } from '#dispatch/commands.ts';
import type { Http, HttpParts } from './parts.ts';

/** Everything that the console can ask for, for scripts too: the same commands, the same rights. */
export function commandRoutes(http: Http, { desk }: HttpParts): void {
  http.post(
    '/api/commands',
    { schema: { tags: ['commands'], summary: 'Do what a desk can do', body: Command } },
    async ({ body, session }) => ({ ok: true, value: (await runCommand(body, session, desk)) ?? null }),
  );
}
