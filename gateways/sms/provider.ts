import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock, Timer } from '@tocsin/server/kernel/clock.ts';
import { Emitter } from '@tocsin/server/kernel/emitter.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { openSmppSession, type SmppSession, type SubmitOutcome } from './smpp-session.ts';
import type { Pdu } from './smpp-library.ts';

export const PROVIDER_LIMITS = {
  reconnectFirstMs: 500,
  reconnectLongestMs: 30_000,
  throttleFirstMs: 500,
  throttleLongestMs: 30_000,
} as const;

/** How one short-message centre is reached. */
export interface ProviderConfig {
  id: string;
  host: string;
  port: number;
  tls?: boolean;
  systemId: string;
  password: string;
  systemType?: string;
  /** The number or name the texts come from. */
  sourceAddress: string;
  /** Texts under way at the same time. */
  window?: number;
  /** How a long text is sent: cut in parts with user data headers, or whole in `message_payload`. */
  longTexts?: 'parts' | 'payload';
}

/** A short-message centre as a lasting thing: connects again with growing delay, and slows down when asked to. */
export class Provider implements AsyncDisposable {
  readonly events = new Emitter<{ up: []; down: [why: string]; 'has-room': [] }>();
  readonly config: ProviderConfig;
  readonly window: number;
  readonly #options: { clock: Clock; chance: Chance; log: Log; onDeliver: (pdu: Pdu) => Promise<void> };
  #session: SmppSession | undefined;
  #delayMs: number = PROVIDER_LIMITS.reconnectFirstMs;
  #throttleMs: number = PROVIDER_LIMITS.throttleFirstMs;
  #throttle: Timer | undefined;
  #reconnect: Timer | undefined;
  #inFlight = 0;
  #isClosed = false;
  #why = 'not connected yet';
  #counts = { accepted: 0, throttled: 0, refused: 0, unknown: 0, connects: 0 };

  constructor(
    config: ProviderConfig,
    options: { clock: Clock; chance: Chance; log: Log; onDeliver: (pdu: Pdu) => Promise<void> },
  ) {
    this.config = config;
    this.window = config.window ?? 10;
    this.#options = options;
    void this.#connect();
  }

  get isUp() {
    return this.#session !== undefined;
  }

  /** Why it is down, in words. */
  get why() {
    return this.#why;
  }

  /** Whether a further text may be begun now. */
  get hasRoom() {
    return this.#session !== undefined && this.#throttle === undefined && this.#inFlight < this.window;
  }

  /** Takes a place in the window for one text. */
  begin() {
    this.#inFlight += 1;
  }

  end() {
    this.#inFlight -= 1;
    if (this.hasRoom) this.events.emit('has-room');
  }

  async submit(parameters: Record<string, unknown>): Promise<SubmitOutcome> {
    const outcome = (await this.#session?.submit(parameters)) ?? { kind: 'not-sent' as const };
    if (outcome.kind === 'accepted') this.#throttleMs = PROVIDER_LIMITS.throttleFirstMs;
    if (outcome.kind === 'throttled') this.#slowDown();
    if (outcome.kind !== 'not-sent') this.#counts[outcome.kind] += 1;
    return outcome;
  }

  /** Whether the centre answers now. */
  async test(): Promise<boolean> {
    return (await this.#session?.enquire()) ?? false;
  }

  snapshot() {
    return {
      id: this.config.id,
      isUp: this.isUp,
      why: this.isUp ? '' : this.#why,
      inFlight: this.#inFlight,
      isThrottled: this.#throttle !== undefined,
      ...this.#counts,
    };
  }

  async [Symbol.asyncDispose]() {
    this.#isClosed = true;
    this.#reconnect?.cancel();
    this.#throttle?.cancel();
    await this.#session?.[Symbol.asyncDispose]();
  }

  #slowDown() {
    if (this.#throttle) return;
    this.#throttle = this.#options.clock.after(this.#throttleMs, () => {
      this.#throttle = undefined;
      if (this.hasRoom) this.events.emit('has-room');
    });
    this.#throttleMs = Math.min(PROVIDER_LIMITS.throttleLongestMs, this.#throttleMs * 2);
  }

  async #connect(): Promise<void> {
    const { clock, chance, log, onDeliver } = this.#options;
    let why: string;
    try {
      const session = await openSmppSession({ ...this.config, onDeliver, clock, log });
      if (this.#isClosed) return await session[Symbol.asyncDispose]();
      this.#session = session;
      this.#counts.connects += 1;
      this.#delayMs = PROVIDER_LIMITS.reconnectFirstMs;
      log.info('provider up', { provider: this.config.id });
      this.events.emit('up');
      this.events.emit('has-room');
      why = await session.ended;
      this.#session = undefined;
    } catch (error) {
      why = (error as Error).message;
    }
    if (this.#isClosed) return;
    this.#why = why;
    log.warn('provider down', { provider: this.config.id, why });
    this.events.emit('down', why);
    // A little chance in the delay keeps many gateways from coming back in the same moment.
    this.#reconnect = clock.after(this.#delayMs * (0.8 + 0.4 * chance.fraction()), () => void this.#connect());
    this.#delayMs = Math.min(PROVIDER_LIMITS.reconnectLongestMs, this.#delayMs * 2);
  }
}
