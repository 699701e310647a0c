import { z } from 'zod';
import { Id } from '@tocsin/protocol/common.ts';
import { actorOf } from '#dispatch/commands.ts';
import { recallChannel } from '#dispatch/recall-channel.ts';
import type { Http, HttpParts } from './parts.ts';

/** Instant recall: what a channel has just said, while it goes on. */
export function channelRoutes(http: Http, { desk }: HttpParts): void {
  http.get(
    '/api/channels/:channel/recall',
    {
      config: { right: 'talk' },
      schema: {
        tags: ['channels'],
        summary: 'The last 30 s of a channel as a WAV',
        params: z.object({ channel: Id }),
      },
    },
    async ({ params, session }, reply) => {
      const sound = await recallChannel(params.channel, actorOf(session), desk);
      return reply.type('audio/wav').header('cache-control', 'no-store').send(Buffer.from(sound));
    },
  );
}
