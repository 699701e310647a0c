import { createHmac } from 'node:crypto';
import type { Clock } from '@tocsin/server/kernel/clock.ts';

/** A foreign system that posts alarms, signed, and again until they are taken. */
export class SenderSimulator {
  readonly #options: { url: string; secret: string; clock: Clock };

  constructor(options: { url: string; secret: string; clock: Clock }) {
    this.#options = options;
  }

  /** `url`, the signature in `x-signature: sha256=…`, its time in `x-time`. @returns the status, 0 when nobody answers */
  async post(body: unknown, { secret = this.#options.secret, ageS = 0 } = {}): Promise<number> {
    const { url, clock } = this.#options;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const time = String(Math.floor(clock.now() / 1000) - ageS);
    const signature = createHmac('sha256', secret).update(`${time}.${text}`).digest('hex');
    const headers = { 'content-type': 'application/json', 'x-signature': `sha256=${signature}`, 'x-time': time };
    try {
      return (await fetch(url, { method: 'POST', headers, body: text })).status;
    } catch {
      return 0;
    }
  }
}
