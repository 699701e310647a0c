import { readFileSync } from 'node:fs';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock, Timer } from '@tocsin/server/kernel/clock.ts';
import { sleep } from '@tocsin/server/kernel/clock.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { readWav, resample, toMono } from '@tocsin/server/media';
import {
  openUserAgent,
  type IncomingInvite,
  type InviteDialog,
  type Registration,
  type UserAgent,
} from '@tocsin/server/sip';
import { babble, framesOf } from './kit/babble.ts';
import { everyFrame } from './kit/frame-clock.ts';
import { openVoiceLeg, SILENT_FRAME, type VoiceLeg } from './kit/voice-leg.ts';

export const PHONE_LIMITS = {
  /** Calls that all simulated phones together take at the same time; more get 486. */
  callsAtOnce: 200,
  /** A simulated person hangs up after this time at the latest. */
  callAtMostMs: 3600_000,
} as const;

/** How a simulated person treats a call. */
export type PhoneManner =
  /** Answers after a few seconds, presses 1, and says something now and then. */
  | 'answers'
  /** Lets it ring. */
  | 'absent'
  /** Refuses: busy. */
  | 'busy'
  /** Answers, but never presses a key and never speaks. */
  | 'silent';

export interface DemoPhonesOptions {
  host?: string;
  /** The server, `host:port`. */
  server: string;
  /** Accounts to register; those that a person registers a phone for are to be left out, or released later. */
  accounts: { user: string; password: string; manner?: PhoneManner }[];
  /** The far end of the carrier trunk: calls to this port are calls to the public network. Absent: none; 0: chosen freely. */
  trunkPort?: number;
  /** Numbers on the public network by their manner; all others answer. */
  trunkManners?: Record<string, PhoneManner>;
  /** Seconds from ringing to answering, the least and the most; default 2-6. */
  answerAfterS?: [number, number];
  /** Seconds between two sayings in a call, the least and the most; default 8-25. */
  speakEveryS?: [number, number];
  /** WAV files that are said in turn; absent: speech-like sound. */
  voices?: string[];
  clock: Clock;
  chance: Chance;
  log: Log;
}

/** One call, for tests and the demonstration's control. */
export interface PhoneCall {
  user: string;
  from: string;
  state: 'ringing' | 'answered';
  digitsHeard: string;
  packetsHeard: number;
}

/** People with phones, simulated: they register, ring, answer, press 1 and speak over real SIP and RTP. */
export async function startDemoPhones(options: DemoPhonesOptions): Promise<DemoPhones> {
  await using opened = new AsyncDisposableStack();
  const { host = '127.0.0.1', clock, chance, log } = options;
  const common = { host, requireDigest: false, clock, chance, log };
  const agent = opened.use(await openUserAgent({ ...common, port: 0 }));
  const trunk =
    options.trunkPort === undefined
      ? undefined
      : await openUserAgent({ ...common, port: options.trunkPort }).then(
          (agent) => opened.use(agent),
          (error: unknown) => {
            // Somebody's own carrier, or another demonstration, has the port: the rest of the edge works all the same.
            options.log.warn('no simulated carrier', { port: options.trunkPort, error });
            return undefined;
          },
        );
  return new DemoPhones(options, { agent, trunk, parts: opened.move() });
}

export class DemoPhones implements AsyncDisposable {
  readonly calls = new Set<PhoneCall>();
  readonly #options: DemoPhonesOptions;
  readonly #agent: UserAgent;
  readonly #trunk: UserAgent | undefined;
  readonly #parts: AsyncDisposableStack;
  readonly #registrations = new Map<string, Registration>();
  readonly #manners: Map<string, PhoneManner>;
  readonly #voices: Uint8Array[][];
  readonly #end = new AbortController();

  /** Use startDemoPhones. */
  constructor(
    options: DemoPhonesOptions,
    parts: { agent: UserAgent; trunk: UserAgent | undefined; parts: AsyncDisposableStack },
  ) {
    this.#options = options;
    this.#agent = parts.agent;
    this.#trunk = parts.trunk;
    this.#parts = parts.parts;
    this.#manners = new Map([
      ...Object.entries(options.trunkManners ?? {}),
      ...options.accounts.map(({ user, manner = 'answers' }) => [user, manner] as const),
    ]);
    this.#voices = options.voices?.length
      ? options.voices.map(readVoice)
      : [3, 7, 11].map((seed) => babble({ durationMs: 1800 + seed * 150, pitchHz: 95 + seed * 10, seed }));
    for (const { user } of options.accounts) this.take(user);
    for (const each of [this.#agent, this.#trunk])
      each?.on('invite', (invite) => {
        this.#receive(invite).catch((error: unknown) => {
          if (!this.#end.signal.aborted) options.log.warn('simulated phone failed', { error });
        });
      });
  }

  /** Where calls to the public network are to be sent. */
  get trunkAddress() {
    return this.#trunk?.address;
  }

  /** Registers an account (again). @returns false when it is none of ours */
  take(user: string): boolean {
    const account = this.#options.accounts.find((each) => each.user === user);
    if (!account) return false;
    if (!this.#registrations.has(user)) {
      const { password } = account;
      this.#registrations.set(
        user,
        this.#agent.register({ registrar: `sip:${this.#options.server}`, user, password, expiresS: 300 }),
      );
    }
    return true;
  }

  /** Leaves an account to a real phone: unregisters it. */
  async release(user: string): Promise<void> {
    const registration = this.#registrations.get(user);
    this.#registrations.delete(user);
    await registration?.[Symbol.asyncDispose]();
  }

  setManner(user: string, manner: PhoneManner): void {
    this.#manners.set(user, manner);
  }

  /** Accounts that the server has taken. */
  get registered(): string[] {
    return [...this.#registrations].filter(([, { state }]) => state.kind === 'registered').map(([user]) => user);
  }

  /** A simulated person calls someone; resolves with what became of it. The call ends after `ms`. */
  async call(options: { from: string; to: string; ms?: number; overTrunk?: boolean }): Promise<string> {
    const { from, to, ms = 20_000, overTrunk = false } = options;
    const agent = overTrunk ? this.#trunk : this.#agent;
    if (!agent) return 'there is no trunk';
    const { chance, server } = this.#options;
    const leg = await openVoiceLeg({ host: agent.address.host, chance });
    const password = this.#options.accounts.find(({ user }) => user === from)?.password;
    const outcome = await agent.invite({
      target: `sip:${to}@${server}`,
      from: { user: from },
      offer: leg.offer(),
      ...(!overTrunk && password !== undefined && { credentials: { user: from, password } }),
    }).outcome;
    if (outcome.kind !== 'answered' || !leg.takeAnswer(outcome.answer)) {
      await leg[Symbol.asyncDispose]();
      return outcome.kind === 'refused' ? `refused: ${outcome.status}` : outcome.kind;
    }
    const call: PhoneCall = { user: from, from: to, state: 'answered', digitsHeard: '', packetsHeard: 0 };
    void this.#talk(call, leg, outcome.dialog, 'answers', ms);
    return 'answered';
  }

  snapshot() {
    return { registered: this.registered, calls: [...this.calls] };
  }

  async [Symbol.asyncDispose]() {
    this.#end.abort(new Error('the demonstration ends'));
    await Promise.all([...this.#registrations.keys()].map((user) => this.release(user)));
    await this.#parts.disposeAsync();
  }

  async #receive(invite: IncomingInvite): Promise<void> {
    const { clock, chance } = this.#options;
    const user = invite.dialled;
    const manner = this.#manners.get(user) ?? 'answers';
    if (manner === 'busy' || this.calls.size >= PHONE_LIMITS.callsAtOnce) return invite.refuse(486);
    if (invite.offer === undefined) return invite.refuse(488);
    const call: PhoneCall = { user, from: invite.from.user, state: 'ringing', digitsHeard: '', packetsHeard: 0 };
    this.calls.add(call);
    try {
      invite.ring();
      const signal = AbortSignal.any([invite.cancelled, this.#end.signal]);
      const waitMs =
        manner === 'absent' ? PHONE_LIMITS.callAtMostMs : between(this.#options.answerAfterS ?? [2, 6], chance) * 1000;
      const isGone = await sleep(clock, waitMs, signal).then(
        () => false,
        () => true,
      );
      if (isGone) return;
      const leg = await openVoiceLeg({ host: this.#agent.address.host, chance });
      const agreed = leg.answer(invite.offer);
      if (agreed.kind === 'refused') {
        invite.refuse(488, agreed.why);
        return await leg[Symbol.asyncDispose]();
      }
      const dialog = await invite.answer(agreed.answer);
      call.state = 'answered';
      await this.#talk(call, leg, dialog, manner, PHONE_LIMITS.callAtMostMs);
    } finally {
      this.calls.delete(call);
    }
  }

  /** A call from its answer to its end. */
  async #talk(
    call: PhoneCall,
    leg: VoiceLeg,
    dialog: InviteDialog,
    manner: PhoneManner,
    atMostMs: number,
  ): Promise<void> {
    const { clock, chance, speakEveryS = [8, 25] } = this.#options;
    this.calls.add(call);
    const over = new AbortController();
    const script: Uint8Array[] = [];
    const frames: Timer = everyFrame(clock, () => leg.send(script.shift() ?? SILENT_FRAME));
    const signal = AbortSignal.any([over.signal, this.#end.signal]);
    leg.events.on('audio', () => (call.packetsHeard += 1));
    leg.events.on('digit', (digit) => (call.digitsHeard = (call.digitsHeard + digit).slice(-20)));
    dialog.on('ended', () => over.abort(new Error('the call has ended')));
    dialog.on('reoffer', (reoffer) => {
      const again = leg.answer(reoffer.offer ?? '');
      if (again.kind === 'agreed') reoffer.answer(again.answer);
      else reoffer.refuse(488);
    });
    const limit = clock.after(atMostMs, () => void dialog.bye());
    try {
      if (manner !== 'silent') {
        await sleep(clock, 1500, signal);
        // "Press 1 to confirm."
        leg.sendDigit('1');
        for (;;) {
          await sleep(clock, between(speakEveryS, chance) * 1000, signal);
          script.push(...this.#voices[Math.floor(chance.fraction() * this.#voices.length)]!);
        }
      }
      await sleep(clock, atMostMs, signal);
    } catch {
      // The call, or the demonstration, is over.
    } finally {
      limit.cancel();
      frames.cancel();
      this.calls.delete(call);
      await dialog.bye().catch(() => {});
      await leg[Symbol.asyncDispose]();
    }
  }
}

function readVoice(file: string): Uint8Array[] {
  const reading = readWav(readFileSync(file));
  if (reading.kind === 'refused') throw new Error(`${file}: ${reading.why}`);
  return framesOf(resample(toMono(reading.sound), reading.sound.rateHz, 8000));
}

function between([least, most]: [number, number], chance: Chance): number {
  return least + (most - least) * chance.fraction();
}
