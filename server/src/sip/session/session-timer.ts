import type { Clock, Timer } from '#kernel/clock.ts';
import { type Request, Response, parseTokenWithParams } from '../message/message.ts';

/** Session timers (RFC 4028): how long a dialog lives without a sign of life, and who gives it. */
export interface SessionTerms {
  intervalS: number;
  /** The UAC of the last refresh, or its UAS. */
  refresher: 'uac' | 'uas';
}

/** Seconds; a shorter wish of the peer's is answered 422 (RFC 4028 §5 has 90 as the least). */
const MIN_SESSION_EXPIRES_S = 90;
/** What we propose. */
export const SESSION_EXPIRES_S = 1800;

/** Refusals of a refresh in a row that leave time for another before the session lapses. */
const REFRESHES_REFUSED_LIMIT = 1;

/** The terms a request or a 2xx names; undefined when it names none. */
export function readTerms(message: Request | Response, defaultRefresher: 'uac' | 'uas'): SessionTerms | undefined {
  const value = message.get('Session-Expires');
  if (value === undefined) return undefined;
  const { token, params } = parseTokenWithParams(value);
  const intervalS = Number(token);
  if (!Number.isInteger(intervalS) || intervalS <= 0 || intervalS > 0x7fffffff) return undefined;
  const refresher = params.get('refresher')?.toLowerCase();
  return { intervalS, refresher: refresher === 'uac' || refresher === 'uas' ? refresher : defaultRefresher };
}

export const formatTerms = ({ intervalS, refresher }: SessionTerms): string => `${intervalS};refresher=${refresher}`;

/** The 422 for a request whose interval is below our least; undefined when it is long enough. */
export function refuseShortInterval(request: Request, toTag: string): Response | undefined {
  const terms = readTerms(request, 'uac');
  // Only a peer with timers of its own can make sense of a 422 (RFC 4028 §9).
  if (!terms || terms.intervalS >= MIN_SESSION_EXPIRES_S || !request.tags('Supported').includes('timer'))
    return undefined;
  return Response.to(request, 422, { toTag }).add('Min-SE', String(MIN_SESSION_EXPIRES_S));
}

/** The least interval that a 422 asks for; undefined when the response is no such, or asks for something absurd. */
export function minSeOf(response: Response): number | undefined {
  const text = response.status === 422 ? (response.get('Min-SE') ?? '').split(';', 1)[0]!.trim() : '';
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

/** Puts the answerer's side of the terms on a 2xx: what the peer asked for, with the peer refreshing if it did not say. */
export function acceptTerms(request: Request, response: Response): SessionTerms | undefined {
  const terms = readTerms(request, 'uac');
  if (!terms) return undefined;
  const isPeerAble = request.tags('Supported').includes('timer');
  // A peer without timers cannot refresh, so then we do (RFC 4028 §9, table 2).
  const agreed: SessionTerms = { ...terms, refresher: isPeerAble ? terms.refresher : 'uas' };
  response.add('Session-Expires', formatTerms(agreed));
  if (agreed.refresher === 'uac') response.add('Require', 'timer');
  return agreed;
}

/** Runs the terms: refreshes at half the interval, or ends the session shortly before it lapses (RFC 4028 §10). */
export class SessionTimer {
  readonly #clock: Clock;
  readonly #refresh: () => void;
  readonly #expire: () => void;
  #timer: Timer | undefined;
  #failures = 0;

  constructor(clock: Clock, refresh: () => void, expire: () => void) {
    this.#clock = clock;
    this.#refresh = refresh;
    this.#expire = expire;
  }

  /** Begins anew after each refresh; without terms the session lives on by itself. */
  restart(terms: SessionTerms | undefined, weAre: 'uac' | 'uas'): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#failures = 0;
    if (!terms) return;
    const intervalMs = terms.intervalS * 1000;
    this.#timer =
      terms.refresher === weAre
        ? this.#clock.after(intervalMs / 2, this.#refresh)
        : this.#clock.after(intervalMs - Math.min(32_000, intervalMs / 3), this.#expire);
  }

  /** A refresh has been refused without ending the dialog: once more before the session lapses, then it is over. */
  again({ intervalS }: SessionTerms): void {
    this.#timer?.cancel();
    this.#failures += 1;
    const delayMs = (intervalS * 1000) / 6;
    this.#timer = this.#clock.after(delayMs, this.#failures > REFRESHES_REFUSED_LIMIT ? this.#expire : this.#refresh);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
