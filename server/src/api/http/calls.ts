import type { Http, HttpParts } from './parts.ts';

/** What the desks see of calls and conferences; what is done with them is a command. */
export function callRoutes(http: Http, { desk }: HttpParts): void {
  http.get(
    '/api/calls',
    { config: { right: 'view' }, schema: { tags: ['calls'], summary: 'Calls that go on, and those ended just now' } },
    async () => desk.calls.all().map(({ view }) => view),
  );

  http.get(
    '/api/supervisions',
    {
      config: { right: 'supervise' },
      schema: { tags: ['calls'], summary: 'Who listens in, whispers, or has barged in' },
    },
    async () => desk.supervisions.all(),
  );

  http.get(
    '/api/conferences',
    {
      config: { right: 'view' },
      schema: { tags: ['calls'], summary: 'Conferences with their participants, and those ended just now' },
    },
    async () => desk.conferences.all().map((conference) => conference.view()),
  );
}
