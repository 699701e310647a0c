import { z } from 'zod';
import { phoneViews } from '#dispatch/phone-views.ts';
import type { Http, HttpParts } from './parts.ts';

const PhoneState = z.object({
  account: z.string(),
  name: z.object({ zh: z.string(), en: z.string().optional() }).optional(),
  state: z.enum(['idle', 'calling', 'ringing', 'talking', 'held', 'unregistered']),
  since: z.number(),
  /** The number at the other end. */
  other: z.string().optional(),
  person: z.string().optional(),
  doNotDisturb: z.boolean(),
  /** Every call to it goes there. */
  forwardsTo: z.string().optional(),
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
    async () => phoneViews(desk).map(({ id, ...phone }) => ({ account: id, ...phone })),
  );
  http.get(
    '/api/booked-calls',
    {
      config: { right: 'call' },
      schema: { tags: ['calls'], summary: 'Calls that wait for their time', response: { 200: z.array(Booking) } },
    },
    async () => desk.bookings.all(),
  );
}
