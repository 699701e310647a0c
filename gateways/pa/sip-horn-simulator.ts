import { writeFileSync } from 'node:fs';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { decodeG711, writeWav } from '@tocsin/server/media';
import { openUserAgent, type IncomingInvite, type Registration, type UserAgent } from '@tocsin/server/sip';
import { everyFrame } from '../kit/frame-clock.ts';
import { openVoiceLeg, SILENT_FRAME } from '../kit/voice-leg.ts';

/** Packets kept of one announcement: five minutes. */
const PACKETS_KEPT = 15_000;
/** Calls at the same time; a horn has one loudspeaker. */
const CALLS_AT_ONCE = 1;

export interface SipHornOptions {
  host?: string;
  /** The server, `sip:host:port`. */
  registrar: string;
  account: string;
  password: string;
  expiresS?: number;
  /** How long it rings when nothing in the call asks for an answer at once. */
  answerAfterMs?: number;
  clock: Clock;
  chance: Chance;
  log: Log;
}

/** A SIP paging horn: registers with digest, answers by itself, counts and keeps what it hears. */
export class SipHornSimulator implements AsyncDisposable {
  readonly account: string;
  packets = 0;
  calls = 0;
  /** Whether the last call asked for an answer at once (Call-Info or Alert-Info, as paging servers do). */
  wasAskedToAnswer = false;
  readonly #options: SipHornOptions;
  readonly #agent: UserAgent;
  readonly #registration: Registration;
  #active = 0;
  #heard: Uint8Array[] = [];

  /** Use openSipHorn. */
  constructor(options: SipHornOptions, agent: UserAgent) {
    this.account = options.account;
    this.#options = options;
    this.#agent = agent;
    const { registrar, account, password, expiresS = 300 } = options;
    this.#registration = agent.register({ registrar, user: account, password, expiresS });
    agent.on('invite', (invite) => {
      this.#take(invite).catch((error: unknown) => options.log.warn('horn could not answer', { account, error }));
    });
  }

  get isRegistered() {
    return this.#registration.state.kind === 'registered';
  }

  get samples(): Int16Array {
    return decodeG711('pcma', Buffer.concat(this.#heard));
  }

  writeWav(file: string): void {
    writeFileSync(file, writeWav({ rateHz: 8000, channels: [this.samples] }));
  }

  snapshot() {
    return { account: this.account, isRegistered: this.isRegistered, calls: this.calls, packets: this.packets };
  }

  async [Symbol.asyncDispose]() {
    await this.#registration[Symbol.asyncDispose]();
    await this.#agent[Symbol.asyncDispose]();
  }

  async #take(invite: IncomingInvite) {
    const { clock, chance, answerAfterMs = 500 } = this.#options;
    if (this.#active >= CALLS_AT_ONCE) return invite.refuse(486);
    if (invite.offer === undefined) return invite.refuse(488);
    this.wasAskedToAnswer = asksForAnswer(invite);
    if (!this.wasAskedToAnswer && answerAfterMs > 0) {
      invite.ring();
      await new Promise<void>((resolve) => clock.after(answerAfterMs, resolve));
      if (invite.cancelled.aborted) return;
    }
    const leg = await openVoiceLeg({ host: this.#agent.address.host, chance });
    const agreed = leg.answer(invite.offer);
    if (agreed.kind === 'refused') {
      invite.refuse(488, agreed.why);
      return leg[Symbol.asyncDispose]();
    }
    this.#active += 1;
    this.calls += 1;
    this.#heard = [];
    leg.events.on('audio', (alaw) => {
      this.packets += 1;
      if (this.#heard.length < PACKETS_KEPT) this.#heard.push(Uint8Array.from(alaw));
    });
    const dialog = await invite.answer(agreed.answer);
    const frames = everyFrame(clock, () => leg.send(SILENT_FRAME));
    dialog.on('reoffer', (reoffer) => {
      const again = leg.answer(reoffer.offer ?? '');
      if (again.kind === 'agreed') reoffer.answer(again.answer);
      else reoffer.refuse(488);
    });
    await new Promise<void>((resolve) => dialog.on('ended', () => resolve()));
    frames.cancel();
    this.#active -= 1;
    await leg[Symbol.asyncDispose]();
  }
}

export async function openSipHorn(options: SipHornOptions): Promise<SipHornSimulator> {
  const { host = '127.0.0.1', clock, chance, log } = options;
  return new SipHornSimulator(
    options,
    await openUserAgent({ host, port: 0, requireDigest: false, clock, chance, log }),
  );
}

/** `Call-Info: <…>;answer-after=0`, `Alert-Info: <…>;info=alert-autoanswer` and their relatives. */
function asksForAnswer(invite: IncomingInvite): boolean {
  const headers = [
    invite.request.get('Call-Info'),
    invite.request.get('Alert-Info'),
    invite.request.get('Answer-Mode'),
  ];
  return headers.some(
    (value) => value !== undefined && /answer-after\s*=\s*0|auto-?answer|ring-answer|^auto/i.test(value),
  );
}
