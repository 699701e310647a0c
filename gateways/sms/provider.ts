import type { Chance } from '@tocsin/server/kernel/chance.ts';
import { sleep, type Clock, type Timer } from '@tocsin/server/kernel/clock.ts';
import { Emitter } from '@tocsin/server/kernel/emitter.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { openCmppSession } from './cmpp-session.ts';
import type { CmppVersion } from './cmpp.ts';
import type { Faults } from '../kit/faults.ts';
import { Pace } from './pace.ts';
import type { Delivery, OutgoingPart, QueryOutcome, SmsSession, SubmitOutcome } from './session.ts';
import { openSmppSession } from './smpp-session.ts';

export const PROVIDER_LIMITS = {
  reconnectFirstMs: 500,
  reconnectLongestMs: 30_000,
  throttleFirstMs: 500,
  throttleLongestMs: 30_000,
} as const;

/** How one short-message centre is reached. */
export interface ProviderConfig {
  id: string;
  /** What it speaks; absent: SMPP 3.4. */
  protocol?: 'smpp' | 'cmpp';
  host: string;
  port: number;
  /** SMPP: inside TLS. */
  tls?: boolean;
  /** SMPP's system_id, CMPP's SP_Id (6 characters at most). */
  systemId: string;
  /** SMPP's password, CMPP's shared secret. */
  password: string;
  systemType?: string;
  /** CMPP; absent: 2.0. */
  version?: CmppVersion;
  /** CMPP's Service_Id, 10 characters at most. */
  serviceId?: string;
  /** The number or name the texts come from. */
  sourceAddress: string;
  /** Texts under way at the same time. */
  window?: number;
  /** SMPP: how a long text is sent, cut in parts with user data headers, or whole in `message_payload`. */
  longTexts?: 'parts' | 'payload';
  /** Short messages handed over in a second, a long text's parts counted each; absent: as fast as it takes them. */
  perSecond?: number;
  /** Short messages handed over on one day, as the contract says; absent: no end. */
  perDay?: number;
}

interface ProviderOptions {
  clock: Clock;
  chance: Chance;
  log: Log;
  /** Short messages that this provider took today already, before this process. */
  sentToday: number;
  faults: Faults;
  onDelivery: (delivery: Delivery) => Promise<void>;
}

/** A short-message centre as a lasting thing: connects again with growing delay, and slows down when asked to. */
export class Provider implements AsyncDisposable {
  readonly events = new Emitter<{ up: []; down: [why: string]; 'has-room': []; spent: [] }>();
  readonly config: ProviderConfig;
  readonly window: number;
  readonly #options: ProviderOptions;
  readonly #pace: Pace;
  #session: SmsSession | undefined;
  #waitForPace: Timer | undefined;
  #delayMs: number = PROVIDER_LIMITS.reconnectFirstMs;
  #throttleMs: number = PROVIDER_LIMITS.throttleFirstMs;
  #throttle: Timer | undefined;
  #reconnect: Timer | undefined;
  #inFlight = 0;
  #isClosed = false;
  #why = 'not connected yet';
  #counts = { accepted: 0, throttled: 0, refused: 0, unknown: 0, connects: 0 };

  constructor(config: ProviderConfig, options: ProviderOptions) {
    this.config = config;
    // CMPP recommends a window of 16.
    this.window = config.window ?? 10;
    this.#options = options;
    this.#pace = new Pace(config, options.clock, options.sentToday);
    options.faults.watch((resource, fault) => {
      if (resource !== config.id) return;
      if (fault === 'cut') void this.#session?.[Symbol.asyncDispose]();
      else if (this.hasRoom) this.events.emit('has-room');
    });
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
    if (this.#options.faults.on(this.config.id) === 'freeze') return false;
    if (this.#session === undefined || this.#throttle !== undefined || this.#inFlight >= this.window) return false;
    const waitMs = this.#pace.waitMs();
    if (waitMs > 0) this.#comeBackIn(waitMs);
    return waitMs === 0;
  }

  /** The day's quota is used up. */
  get isSpent() {
    return this.#pace.isSpent;
  }

  /** Takes a place in the window for one text of so many short messages. */
  begin(messages: number) {
    this.#inFlight += 1;
    this.#pace.take(messages);
    if (this.#pace.isSpent) this.events.emit('spent');
  }

  /** The text has been dealt with; `unused` of its short messages were not taken. */
  end(unused: number) {
    this.#inFlight -= 1;
    this.#pace.giveBack(unused);
    if (this.hasRoom) this.events.emit('has-room');
  }

  async submit(part: OutgoingPart): Promise<SubmitOutcome> {
    const delayMs = this.#options.faults.delayMs(this.config.id);
    if (delayMs > 0) await sleep(this.#options.clock, delayMs);
    const outcome = (await this.#session?.submit(part)) ?? { kind: 'not-sent' as const };
    if (outcome.kind === 'accepted') this.#throttleMs = PROVIDER_LIMITS.throttleFirstMs;
    if (outcome.kind === 'throttled') this.#slowDown();
    if (outcome.kind !== 'not-sent') this.#counts[outcome.kind] += 1;
    return outcome;
  }

  /** Whether the centre answers now. */
  async test(): Promise<boolean> {
    return (await this.#session?.enquire()) ?? false;
  }

  /** What became of a message, as the centre knows it. */
  async query(messageId: string): Promise<QueryOutcome> {
    const asked = this.#session?.query(messageId, this.config.sourceAddress);
    return (await asked) ?? { kind: 'not-known', because: 'not connected' };
  }

  snapshot() {
    return {
      id: this.config.id,
      isUp: this.isUp,
      why: this.isUp ? '' : this.#why,
      inFlight: this.#inFlight,
      isThrottled: this.#throttle !== undefined,
      sentToday: this.#pace.sentToday,
      ...this.#counts,
    };
  }

  async [Symbol.asyncDispose]() {
    this.#isClosed = true;
    this.#reconnect?.cancel();
    this.#throttle?.cancel();
    this.#waitForPace?.cancel();
    await this.#session?.[Symbol.asyncDispose]();
  }

  #comeBackIn(waitMs: number) {
    this.#waitForPace ??= this.#options.clock.after(waitMs, () => {
      this.#waitForPace = undefined;
      if (this.hasRoom) this.events.emit('has-room');
    });
  }

  #slowDown() {
    if (this.#throttle) return;
    this.#throttle = this.#options.clock.after(this.#throttleMs, () => {
      this.#throttle = undefined;
      if (this.hasRoom) this.events.emit('has-room');
    });
    this.#throttleMs = Math.min(PROVIDER_LIMITS.throttleLongestMs, this.#throttleMs * 2);
  }

  #open(): Promise<SmsSession> {
    const { clock, log, faults } = this.#options;
    if (faults.on(this.config.id) === 'cut') return Promise.reject(new Error('cut for an exercise'));
    // A lost delivery is acknowledged and never told: that is how receipts get lost.
    const onDelivery = (delivery: Delivery) =>
      faults.loses(this.config.id) ? Promise.resolve() : this.#options.onDelivery(delivery);
    const { protocol = 'smpp', version = '2.0', serviceId = '' } = this.config;
    switch (protocol) {
      case 'smpp':
        return openSmppSession({ ...this.config, onDelivery, clock, log });
      case 'cmpp':
        return openCmppSession({ ...this.config, version, serviceId, onDelivery, clock, log });
    }
  }

  async #connect(): Promise<void> {
    const { clock, chance, log } = this.#options;
    let why: string;
    try {
      const session = await this.#open();
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
