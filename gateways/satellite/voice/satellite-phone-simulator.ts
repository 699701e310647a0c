import type { Chance } from '@tocsin/server/kernel/chance.ts';
import { sleep, type Clock } from '@tocsin/server/kernel/clock.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { encodeG711 } from '@tocsin/server/media';
import { openUserAgent, type InviteDialog, type UserAgent } from '@tocsin/server/sip';
import { everyFrame } from '../../kit/frame-clock.ts';
import { SILENT_FRAME } from '../../kit/voice-leg.ts';
import { openBundledLeg, type BundledLeg } from './bundled-leg.ts';
import { FRAME } from './long-buffer.ts';

/** What the far end waits before it plays: packets over a satellite are never even. */
const FAR_BUFFER_MS = 600;
/** Sound that is kept of what was heard: two minutes. */
const FRAMES_KEPT = 50 * 120;

export interface SatellitePhoneOptions {
  host?: string;
  port?: number;
  /** One way through the satellite. */
  delayMs?: number;
  clock: Clock;
  chance: Chance;
  log: Log;
}

/** A telephone half a second away: everything that it says and does comes late. */
export class SatellitePhoneSimulator implements AsyncDisposable {
  /** INVITEs that came, repeats within one transaction not counted. */
  invites = 0;
  readonly #agent: UserAgent;
  readonly #options: Required<SatellitePhoneOptions>;
  #call: { dialog: InviteDialog; leg: BundledLeg; frames: { cancel(): void } } | undefined;
  #script: Int16Array[] = [];
  #heard: Int16Array[] = [];

  constructor(agent: UserAgent, options: Required<SatellitePhoneOptions>) {
    this.#agent = agent;
    this.#options = options;
    agent.on('invite', (invite) => {
      void (async () => {
        this.invites += 1;
        const { clock, chance, host, delayMs } = options;
        await sleep(clock, 2 * delayMs);
        invite.ring();
        const leg = await openBundledLeg({ host, bundleMs: 60, delayMs: FAR_BUFFER_MS, chance });
        if (leg.take(invite.offer ?? '') !== undefined || this.#call) return invite.refuse(486);
        await sleep(clock, 2 * delayMs);
        if (invite.cancelled.aborted) return leg[Symbol.asyncDispose]();
        this.#begin(await invite.answer(leg.answer()), leg);
      })().catch((error: unknown) => options.log.error('satellite phone failed', { error }));
    });
  }

  get address(): string {
    return `${this.#agent.address.host}:${this.#agent.address.port}`;
  }

  get isTalking(): boolean {
    return this.#call !== undefined;
  }

  /** Speech at 8 kHz, one after another; silence follows. */
  say(samples: Int16Array): void {
    for (let at = 0; at < samples.length; at += FRAME) {
      const frame = new Int16Array(FRAME);
      frame.set(samples.subarray(at, at + FRAME));
      this.#script.push(frame);
    }
  }

  /** Everything that was heard since the call began, gaps as silence. */
  get heard(): Int16Array {
    const whole = new Int16Array(this.#heard.length * FRAME);
    this.#heard.forEach((frame, index) => whole.set(frame, index * FRAME));
    return whole;
  }

  /** Calls a number at the far side of a gateway; true when it was answered. */
  async dial(number: string, gateway: string): Promise<boolean> {
    const { host, chance } = this.#options;
    const leg = await openBundledLeg({ host, bundleMs: 60, delayMs: FAR_BUFFER_MS, chance });
    const outcome = await this.#agent.invite({
      target: `sip:${number}@${gateway}`,
      from: { user: 'satphone' },
      offer: leg.offer(),
    }).outcome;
    if (outcome.kind !== 'answered' || leg.take(outcome.answer) !== undefined) {
      await leg[Symbol.asyncDispose]();
      return false;
    }
    this.#begin(outcome.dialog, leg);
    return true;
  }

  async hangUp(): Promise<void> {
    const call = this.#call;
    this.#call = undefined;
    call?.frames.cancel();
    await call?.dialog.bye().catch(() => {});
    await call?.leg[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose]() {
    await this.hangUp();
    await this.#agent[Symbol.asyncDispose]();
  }

  #begin(dialog: InviteDialog, leg: BundledLeg): void {
    const { clock, delayMs } = this.#options;
    this.#heard = [];
    const frames = everyFrame(clock, () => {
      const said = this.#script.shift();
      const alaw = said ? encodeG711('pcma', said) : SILENT_FRAME;
      clock.after(delayMs, () => leg.send(alaw));
      this.#heard.push(leg.buffer.read() ?? new Int16Array(FRAME));
      if (this.#heard.length > FRAMES_KEPT) this.#heard.shift();
    });
    this.#call = { dialog, leg, frames };
    dialog.on('ended', () => void this.hangUp());
  }
}

export async function openSatellitePhone(options: SatellitePhoneOptions): Promise<SatellitePhoneSimulator> {
  const { host = '127.0.0.1', port = 0, delayMs = 600, clock, chance, log } = options;
  const agent = await openUserAgent({ host, port, requireDigest: false, clock, chance, log });
  return new SatellitePhoneSimulator(agent, { host, port, delayMs, clock, chance, log });
}
