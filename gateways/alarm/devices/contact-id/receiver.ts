import type { Timer } from '@tocsin/server/kernel/clock.ts';
import { decodeG711, InbandDigits } from '@tocsin/server/media';
import { everyFrame } from '../../../kit/frame-clock.ts';
import { openSipDoor, type ServerCall, type SipDoor } from '../../../kit/sip-door.ts';
import { SILENT_FRAME } from '../../../kit/voice-leg.ts';
import { openAlarmGateway, type AlarmGateway, type AlarmGatewayOptions } from '../../alarm-gateway.ts';
import { meaningOfContactId, readContactId } from '../../codes/contact-id.ts';
import { MESSAGE_DIGITS, readDialled, type DialledMessage } from './message.ts';
import { handshake, kissOff, TIMES } from './tones.ts';

export const CONTACT_ID_LIMITS = {
  /** Calls of diallers at the same time; more hear busy, and dial again. */
  callsAtOnce: 60,
  /** A dialler that says nothing hears the handshake again after this time, and so often. */
  silentMs: 3000,
  handshakes: 4,
  /** Digits of one message come within this time of each other; else what came is forgotten. */
  betweenDigitsMs: 1500,
  /** A call ends after so many messages or so much time: a dialler that keeps a line for itself. */
  messages: 50,
  callMs: 120_000,
  /** After a message a dialler may send another; when none comes, the line is given up. */
  afterMessageMs: 6000,
} as const;

export interface ContactIdReceiverOptions extends AlarmGatewayOptions {
  host: string;
  /** Where the server's calls come in; 0 = chosen freely. */
  sipPort: number;
  servers: readonly string[];
  /** The numbers that diallers dial. */
  numbers: string[];
}

/** Receives alarms by Contact ID in telephone calls: a trunk of the server leads the receiver's number here. */
export async function startContactIdReceiver(options: ContactIdReceiverOptions): Promise<ContactIdReceiver> {
  await using opened = new AsyncDisposableStack();
  const alarms = opened.use(await openAlarmGateway({ ...options, protocol: 'cid', problem: () => undefined }));
  const receiver = new ContactIdReceiver(options, alarms);
  const { host, sipPort, servers, numbers, clock, chance, log } = options;
  receiver.door = opened.use(
    await openSipDoor({
      ...{ host, port: sipPort, servers, clock, chance, log },
      callsAtOnce: CONTACT_ID_LIMITS.callsAtOnce,
      direction: 'sendrecv',
      serves: (user) => numbers.includes(user),
      onCall: (call) => receiver.take(call),
    }),
  );
  receiver.parts = opened.move();
  return receiver;
}

export class ContactIdReceiver implements AsyncDisposable {
  door: SipDoor | undefined;
  parts: AsyncDisposableStack | undefined;
  readonly #options: ContactIdReceiverOptions;
  readonly #alarms: AlarmGateway;

  /** Use startContactIdReceiver. */
  constructor(options: ContactIdReceiverOptions, alarms: AlarmGateway) {
    this.#options = options;
    this.#alarms = alarms;
  }

  get sipPort(): number {
    return this.door?.port ?? 0;
  }

  snapshot() {
    return { ...this.#alarms.snapshot(), sipPort: this.sipPort, calls: this.door?.calls ?? 0 };
  }

  async [Symbol.asyncDispose]() {
    await this.parts?.disposeAsync();
  }

  /** A dialler has called. */
  take(call: ServerCall): void {
    const exchange = new Exchange(call, this.#options, this.#alarms);
    void call.ended.then(() => exchange.end());
  }
}

/** One call: handshake, 16 digits, kiss-off, and perhaps more digits. */
class Exchange {
  readonly #call: ServerCall;
  readonly #options: ContactIdReceiverOptions;
  readonly #alarms: AlarmGateway;
  /** Names the call, so that a message that is sent again because its kiss-off was not heard is the same alarm. */
  readonly #name: string;
  readonly #script: Uint8Array[] = [];
  readonly #frames: Timer;
  readonly #limit: Timer;
  #waiting: Timer | undefined;
  /**
   * What was heard each way: an exchange on the line may turn digits into events and let the beginning of each sound pass, so
   * that only one of the two is whole.
   */
  #keys = { sound: '', event: '' };
  #handshakes = 0;
  #messages = 0;

  constructor(call: ServerCall, options: ContactIdReceiverOptions, alarms: AlarmGateway) {
    this.#call = call;
    this.#options = options;
    this.#alarms = alarms;
    const { clock, chance } = options;
    this.#name = chance.token(6);
    this.#frames = everyFrame(clock, () => call.leg.send(this.#script.shift() ?? SILENT_FRAME));
    this.#limit = clock.after(CONTACT_ID_LIMITS.callMs, () => call.hangUp('plan-ended'));
    const sound = new InbandDigits((key) => this.#hear(key, 'sound'));
    let rest = new Int16Array(0);
    call.leg.events.on('audio', (alaw) => {
      const samples = decodeG711('pcma', alaw);
      const all = new Int16Array(rest.length + samples.length);
      all.set(rest);
      all.set(samples, rest.length);
      let at = 0;
      for (; at + 160 <= all.length; at += 160) sound.listen(all.subarray(at, at + 160));
      rest = all.slice(at);
    });
    call.leg.events.on('digit', (key) => this.#hear(key, 'event'));
    this.#after(TIMES.beforeHandshake, () => this.#shakeHands());
  }

  end(): void {
    this.#frames.cancel();
    this.#limit.cancel();
    this.#waiting?.cancel();
  }

  #shakeHands(): void {
    if (this.#handshakes >= CONTACT_ID_LIMITS.handshakes) {
      this.#alarms.refuse('nothing was dialled after the handshake');
      return this.#call.hangUp('plan-ended');
    }
    this.#handshakes += 1;
    this.#script.push(...handshake());
    this.#after(CONTACT_ID_LIMITS.silentMs, () => this.#shakeHands());
  }

  #hear(key: string, way: 'sound' | 'event'): void {
    this.#keys[way] = (this.#keys[way] + key).slice(-MESSAGE_DIGITS);
    const keys = this.#keys[way];
    const reading = keys.length === MESSAGE_DIGITS ? readDialled(keys) : undefined;
    if (reading?.kind === 'message') {
      this.#keys = { sound: '', event: '' };
      this.#waiting?.cancel();
      return void this.#take(reading.message);
    }
    const { sound, event } = this.#keys;
    this.#after(CONTACT_ID_LIMITS.betweenDigitsMs, () =>
      this.#giveUp(reading?.why ?? `only ${Math.max(sound.length, event.length)} digits`),
    );
  }

  /** No kiss-off: the dialler sends its message again, up to four times. */
  #giveUp(why: string): void {
    this.#alarms.refuse(why);
    this.#keys = { sound: '', event: '' };
    this.#after(CONTACT_ID_LIMITS.silentMs, () => this.#shakeHands());
  }

  async #take({ account, event }: DialledMessage): Promise<void> {
    const read = readContactId(event);
    if (!read) return this.#giveUp('the event is none of Contact ID');
    try {
      const id = `cid-${this.#name}-${account}-${event}`;
      await this.#alarms.take(account, [meaningOfContactId(read)], { id });
    } catch (error) {
      this.#options.log.error('alarm not stored, no kiss-off', { error });
      return this.#giveUp('could not be stored');
    }
    this.#script.push(...kissOff());
    this.#messages += 1;
    if (this.#messages >= CONTACT_ID_LIMITS.messages) return this.#call.hangUp('plan-ended');
    this.#after(TIMES.kissOff + CONTACT_ID_LIMITS.afterMessageMs, () => this.#call.hangUp('plan-ended'));
  }

  #after(ms: number, run: () => void): void {
    this.#waiting?.cancel();
    this.#waiting = this.#options.clock.after(ms, run);
  }
}
