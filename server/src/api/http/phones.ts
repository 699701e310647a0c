import { z } from 'zod';
import type { Http, HttpParts } from './parts.ts';

const PhoneState = z.object({
  account: z.string(),
  name: z.object({ zh: z.string(), en: z.string().optional() }).optional(),
  state: z.enum(['idle', 'calling', 'ringing', 'talking', 'held', 'unregistered']),
  since: z.number(),
  /** The number at the other end. */
  other: z.string().optional(),
});
const Booking = z.object({ id: z.string(), from: z.string(), to: z.string(), at: z.number(), bookedBy: z.string() });

/** What the phones of the house do now, and the calls that are booked. */
export function phoneRoutes(http: Http, { desk }: HttpParts): void {
  http.get(
    '/api/phones',
    {
      config: { right: 'view' },
      schema: {
        tags: ['calls'],
        summary: 'Every phone: idle, ringing, talking …',
        response: { 200: z.array(PhoneState) },
      },
    },
    async () =>
      desk.directory.site.accounts.map(({ user, name }) => {
        const lamp = desk.lamps.of(user);
        const state = lamp.state === 'idle' && !desk.phones.isRegistered(user) ? ('unregistered' as const) : lamp.state;
        return { account: user, ...(name ? { name } : {}), ...lamp, state };
      }),
  );
  http.get(
    '/api/booked-calls',
    {
      config: { right: 'call' },
      schema: { tags: ['calls'], summary: 'Calls that wait for their time', response: { 200: z.array(Booking) } },
    },
    async () => await desk.bookings.waiting(),
  );
}
