import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock, Timer } from '@tocsin/server/kernel/clock.ts';
import { Emitter } from '@tocsin/server/kernel/emitter.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { openUserAgent, type InviteDialog, type UserAgent } from '@tocsin/server/sip';
import type { AirLink, AirLinkEvents, Keyed } from '../air-link.ts';
import { PTT, type Ed137Signals } from './extension.ts';
import { openR2sSession, type R2sSession } from './r2s.ts';
import { R2S, readRadioSession, writeRadioSession, type RadioSession } from './session-description.ts';

export const ED137_LIMITS = {
  /** After a session that ended or was refused, the radio is called again. */
  againAfterMs: 2000,
  /** Nothing heard for so long while the squelch was said to be open: it counts as closed. */
  carrierLostAfterMs: 400,
} as const;

/** PTT type by our priority: ED-137 knows normal, priority and emergency. */
const PTT_OF = [PTT.normal, PTT.normal, PTT.priority, PTT.emergency] as const;

export interface Ed137Options {
  host: string;
  /** Where the radio's RTP comes in; 0 = chosen freely. */
  listenPort?: number;
  /** The radio's SIP URI. */
  radio: string;
  /** The user part that we call as. */
  user: string;
  fid?: string;
  /** The session may take the transmitter from others that have one. */
  isEmergency?: boolean;
  clock: Clock;
  chance: Chance;
  log: Log;
}

/**
 * The air side by ED-137: a standing SIP session with a ground radio station. The key goes in the header of the speech
 * itself, the squelch and the quality of what is heard come the same way.
 */
export class Ed137Link implements AirLink {
  readonly events = new Emitter<AirLinkEvents>();
  readonly #options: Ed137Options;
  readonly #agent: UserAgent;
  readonly #r2s: R2sSession;
  #dialog: InviteDialog | undefined;
  #again: Timer | undefined;
  #carrier: Timer | undefined;
  #isOpen = false;
  #quality = -1;
  #pttId = 0;
  #isClosed = false;
  /** Who has the transmitter, by the radio's word: not always us. */
  transmitting: number | undefined;

  constructor(options: Ed137Options, agent: UserAgent, r2s: R2sSession) {
    this.#options = options;
    this.#agent = agent;
    this.#r2s = r2s;
    r2s.events.on('packet', (signals, samples) => this.#receive(signals, samples));
    r2s.events.on('lost', () => this.#lost('the radio has fallen silent'));
    void this.#call();
  }

  get port(): number {
    return this.#r2s.port;
  }

  get malformed(): number {
    return this.#r2s.malformed;
  }

  sendVoice(samples: Int16Array, { priority }: Keyed): void {
    this.#r2s.signals = { ptt: PTT_OF[priority], isSquelchOpen: false, pttId: this.#pttId };
    this.#r2s.sendVoice(samples);
  }

  /** PTT OFF, said thrice: the first of them may be lost. */
  sendEnd(): void {
    this.#r2s.signals = { ptt: PTT.off, isSquelchOpen: false, pttId: this.#pttId };
    for (let time = 0; time < 3; time++) this.#r2s.sendKeepAlive();
  }

  async [Symbol.asyncDispose]() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#again?.cancel();
    this.#carrier?.cancel();
    await this.#dialog?.bye().catch(() => {});
    await this.#r2s[Symbol.asyncDispose]();
    await this.#agent[Symbol.asyncDispose]();
  }

  async #call(): Promise<void> {
    const { radio, user, fid, isEmergency = false, chance } = this.#options;
    const offered: RadioSession = {
      host: this.#agent.address.host,
      port: this.#r2s.port,
      type: 'Radio-TxRx',
      mode: 'TxRx',
      ...(fid === undefined ? {} : { fid }),
      bss: 'RSSI',
      r2sPayloadType: R2S.payloadType,
      keepAlivePeriodMs: R2S.keepAlivePeriodMs,
      keepAliveMultiplier: R2S.keepAliveMultiplier,
    };
    const outcome = await this.#agent.invite({
      target: radio,
      from: { user },
      offer: writeRadioSession(offered, Math.floor(chance.fraction() * 2 ** 31)),
      // ED-137B volume 1, "SIP headers": what kind of session this is, by which version, how urgent.
      headers: { Subject: 'radio', 'WG67-Version': 'radio.01', Priority: isEmergency ? 'emergency' : 'normal' },
    }).outcome;
    if (this.#isClosed) {
      if (outcome.kind === 'answered') await outcome.dialog.bye().catch(() => {});
      return;
    }
    if (outcome.kind !== 'answered') return this.#lost('the radio takes no session');
    const session = readRadioSession(outcome.answer);
    if (typeof session === 'string') {
      this.#options.log.warn('radio answered what is no radio session', { radio, why: session });
      await outcome.dialog.bye().catch(() => {});
      return this.#lost(session);
    }
    const { dialog } = outcome;
    this.#dialog = dialog;
    dialog.on('ended', () => {
      if (this.#dialog !== dialog) return;
      this.#dialog = undefined;
      this.#lost('the radio ended the session');
    });
    this.#pttId = session.pttId ?? 0;
    this.#r2s.signals = { ptt: PTT.off, isSquelchOpen: false, pttId: this.#pttId };
    this.#r2s.begin(session);
    this.events.emit('reachable', true);
  }

  #lost(why: string): void {
    if (this.#isClosed) return;
    this.#r2s.stop();
    this.#setOpen(false);
    this.events.emit('reachable', false, why);
    const dialog = this.#dialog;
    this.#dialog = undefined;
    void dialog?.bye().catch(() => {});
    this.#again?.cancel();
    this.#again = this.#options.clock.after(ED137_LIMITS.againAfterMs, () => void this.#call());
  }

  #receive(signals: Ed137Signals, samples: Int16Array | undefined): void {
    this.transmitting = signals.ptt === PTT.off ? undefined : signals.pttId;
    this.#setOpen(signals.isSquelchOpen);
    if (signals.rssiDbm !== undefined) this.#setQuality(Math.round(((signals.rssiDbm + 100) * 100) / 30));
    if (samples && signals.isSquelchOpen) this.events.emit('voice', samples);
  }

  #setQuality(percent: number): void {
    const rounded = Math.max(0, Math.min(100, percent));
    if (rounded === this.#quality) return;
    this.#quality = rounded;
    this.events.emit('quality', rounded);
  }

  #setOpen(isOpen: boolean): void {
    this.#carrier?.cancel();
    this.#carrier = isOpen
      ? this.#options.clock.after(ED137_LIMITS.carrierLostAfterMs, () => this.#setOpen(false))
      : undefined;
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    this.events.emit('squelch', isOpen);
  }
}

/** Opens the link and calls the radio; resolves at once, reached or not. */
export async function openEd137Link(options: Ed137Options): Promise<Ed137Link> {
  await using opened = new AsyncDisposableStack();
  const { host, listenPort, clock, chance, log } = options;
  const agent = opened.use(await openUserAgent({ host, port: 0, requireDigest: false, clock, chance, log }));
  const r2s = opened.use(await openR2sSession({ host, port: listenPort ?? 0, clock, chance }));
  const link = new Ed137Link(options, agent, r2s);
  opened.move();
  return link;
}
