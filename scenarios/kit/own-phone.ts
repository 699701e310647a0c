import type { TestContext } from 'node:test';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { openTestPhone, toneLevelDb, type TestPhone } from '@tocsin/server/media';
import { openUserAgent, type IncomingInvite, type InviteDialog, type UserAgent } from '@tocsin/server/sip';
import { HEARD_ABOVE_DB } from './hearing.ts';
import { until } from './wait.ts';

type Direction = 'sendrecv' | 'sendonly' | 'recvonly';

/** What a phone hears is judged over the last half second. */
const LATELY_MS = 500;

/**
 * A telephone of this stack in the test's own process, with a tone and an ear: the partner of a phone that is tried, cheap
 * enough to have a dozen of them. It answers at once, also when it is held.
 */
export class OwnPhone {
  readonly user: string;
  readonly toneHz: number;
  readonly #agent: UserAgent;
  readonly #sound: TestPhone;
  readonly #server: string;
  readonly #password: string;
  #dialog: InviteDialog | undefined;
  #version = 0;
  /** What a Replaces calls the call that rings here. */
  ringing: string | undefined;
  /** Why the newest call that is over has ended. */
  ending: string | undefined;

  private constructor(options: OwnPhoneOptions, agent: UserAgent, sound: TestPhone) {
    this.user = options.user;
    this.toneHz = options.toneHz;
    this.#server = options.server;
    this.#password = options.password ?? 'tocsin-demo';
    this.#agent = agent;
    this.#sound = sound;
  }

  /** Opens it, and waits until it is registered, if it is to be. */
  static async start(t: TestContext, options: OwnPhoneOptions): Promise<OwnPhone> {
    const agent = await openUserAgent({
      host: '127.0.0.1',
      port: 0,
      requireDigest: false,
      clock: systemClock,
      chance: systemChance,
      log: silentLog,
    });
    const sound = await openTestPhone();
    t.after(async () => {
      await agent[Symbol.asyncDispose]();
      await sound[Symbol.asyncDispose]();
    });
    sound.say({ hz: options.toneHz });
    const phone = new OwnPhone(options, agent, sound);
    agent.on('invite', (invite) => {
      if (options.onlyRings) return phone.#ring(invite);
      if (phone.isTalking) return invite.refuse(486);
      void invite.answer(phone.#sdp('sendrecv')).then(
        (dialog) => phone.#talk(dialog, invite.offer ?? ''),
        // It was cancelled before it was answered.
        () => {},
      );
    });
    if (options.registers !== false) {
      const { user, server } = options;
      const registration = agent.register({
        ...{ registrar: `sip:${server}`, user, password: phone.#password, expiresS: 300 },
      });
      await until(`${user} is registered`, () => registration.state.kind === 'registered');
    }
    return phone;
  }

  /** Calls a number as its owner; resolves with the outcome. */
  async call(number: string, options: { replaces?: string; password?: string } = {}) {
    const { replaces, password = this.#password } = options;
    const outcome = await this.#agent.invite({
      target: `sip:${number}@${this.#server}`,
      from: { user: this.user },
      credentials: { user: this.user, password },
      offer: this.#sdp('sendrecv'),
      ...(replaces === undefined ? {} : { replaces }),
    }).outcome;
    if (outcome.kind === 'answered') this.#talk(outcome.dialog, outcome.answer);
    return outcome;
  }

  #ring(invite: IncomingInvite): void {
    invite.ring();
    const { toTag } = invite.kept()!;
    // The dialog as the server sees it, which has called: its own tag is the `to-tag` (RFC 3891 §3).
    this.ringing = `${invite.callId};to-tag=${invite.request.fromTag};from-tag=${toTag}`;
    invite.cancelled.addEventListener('abort', () => {
      this.ringing = undefined;
      this.ending = String(invite.cancelled.reason);
    });
  }

  get isTalking(): boolean {
    return this.#dialog !== undefined;
  }

  /** Whether it hears that tone now. */
  hears(hz: number): boolean {
    return toneLevelDb(this.#sound.lately(LATELY_MS), hz, this.#sound.rateHz) > HEARD_ABOVE_DB;
  }

  /** What it has heard until now counts no more. */
  forget(): void {
    this.#sound.forget();
  }

  /** The keys that it has heard as telephone-events. */
  get digits(): string {
    const starts = new Map(this.#sound.events.map(({ timestamp, event }) => [timestamp, event]));
    return [...starts.values()].map((event) => '0123456789*#ABCD'[event] ?? '?').join('');
  }

  async press(key: string): Promise<void> {
    await this.#sound.press('0123456789*#ABCD'.indexOf(key), { durationMs: 200 });
  }

  /** Holds the other, or takes him back. */
  async hold(isHeld: boolean): Promise<void> {
    const outcome = await this.#dialog!.reinvite(this.#sdp(isHeld ? 'sendonly' : 'sendrecv'));
    if (outcome.kind !== 'answered') throw new Error(`the re-INVITE was refused with ${outcome.status}`);
  }

  async hangUp(): Promise<void> {
    await this.#dialog?.bye();
  }

  #talk(dialog: InviteDialog, theirs: string): void {
    this.#dialog = dialog;
    this.#sound.forget();
    this.#follow(theirs);
    dialog.on('reoffer', (reoffer) => {
      const wished = /^a=(sendonly|recvonly|inactive)/m.exec(reoffer.offer ?? '')?.[1];
      reoffer.answer(this.#sdp(wished === 'sendonly' ? 'recvonly' : wished === 'recvonly' ? 'sendonly' : 'sendrecv'));
      if (reoffer.offer !== undefined) this.#follow(reoffer.offer);
    });
    dialog.on('late-answer', (answer) => this.#follow(answer));
    dialog.on('ended', ({ by, reason }) => {
      this.#dialog = undefined;
      this.ending = reason ?? by;
      this.#sound.hush();
    });
  }

  #follow(theirs: string): void {
    const port = /^m=audio (\d+)/m.exec(theirs)?.[1];
    const host = /^c=IN IP[46] (\S+)/m.exec(theirs)?.[1];
    if (port && host) this.#sound.call({ host, port: Number(port) });
  }

  #sdp(direction: Direction): string {
    this.#version += 1;
    return [
      ...['v=0', `o=- 1 ${this.#version} IN IP4 127.0.0.1`, 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'],
      ...[`m=audio ${this.#sound.port} RTP/AVP 8 101`, 'a=rtpmap:101 telephone-event/8000', `a=${direction}`, ''],
    ].join('\r\n');
  }
}

export interface OwnPhoneOptions {
  user: string;
  password?: string;
  /** host:port of the registrar. */
  server: string;
  toneHz: number;
  /** False: it calls by its account, and is called by nobody. */
  registers?: boolean;
  /** It never answers. */
  onlyRings?: boolean;
}
