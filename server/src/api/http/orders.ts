import type { Http, HttpParts } from './parts.ts';

/** Orders that went down the ladder, and how far each of their people has been reached. */
export function orderRoutes(http: Http, { desk }: HttpParts): void {
  http.get(
    '/api/orders',
    {
      config: { right: 'replay' },
      schema: { tags: ['orders'], summary: 'Orders and who has answered, the newest first' },
    },
    async () => desk.orders.all(),
  );
}
