import type { Chance } from '@tocsin/server/kernel/chance.ts';
import { sleep, type Clock } from '@tocsin/server/kernel/clock.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { sine } from '@tocsin/server/media';
import { openUserAgent, type IncomingInvite, type InviteDialog, type UserAgent } from '@tocsin/server/sip';
import { everyFrame } from '../../kit/frame-clock.ts';
import { HeardTransmission, type Speech } from '../heard-transmission.ts';
import { PTT, type Ed137Signals } from './extension.ts';
import { openR2sSession, type R2sSession } from './r2s.ts';
import { R2S, readRadioSession, writeRadioSession } from './session-description.ts';

/** Level of the field's signal when nobody says another, in dBm. */
const USUAL_RSSI_DBM = -78;
const TRANSMISSIONS_KEPT = 50;
const FRAME = 160;

interface Session {
  dialog: InviteDialog;
  r2s: R2sSession;
  pttId: number;
  ptt: number;
}

/**
 * A ground radio station that speaks ED-137: takes sessions, gives each a PTT-id, lets the highest key transmit, tells
 * all of them who it is, and hears a field that speaks on demand.
 */
export class GroundRadioSimulator implements AsyncDisposable {
  /** What went on the air, and who with which key. */
  readonly heard: HeardTransmission[] = [];
  readonly keys: { pttId: number; ptt: number }[] = [];
  /** Subject and version of each INVITE that was taken. */
  readonly invites: { subject: string | undefined; version: string | undefined; offer: string }[] = [];
  /** True: packets are no longer sent, as after a cut. */
  isMute = false;
  rssiDbm = USUAL_RSSI_DBM;
  readonly #agent: UserAgent;
  readonly #options: { host: string; rtpPort: number; clock: Clock; chance: Chance; log: Log };
  readonly #sessions: Session[] = [];
  #transmitting: Session | undefined;
  #isSquelchOpen = false;
  #isSpeaking: Promise<void> = Promise.resolve();
  #nextPttId = 1;

  constructor(agent: UserAgent, options: { host: string; rtpPort: number; clock: Clock; chance: Chance; log: Log }) {
    this.#agent = agent;
    this.#options = options;
    agent.on('invite', (invite) => {
      this.#take(invite).catch((error: unknown) => {
        options.log.error('radio session not taken', { error });
        invite.refuse(500);
      });
    });
  }

  get uri(): string {
    return `sip:radio@${this.#agent.address.host}:${this.#agent.address.port}`;
  }

  get sessions(): number {
    return this.#sessions.length;
  }

  get isLinked(): boolean {
    return this.#sessions.length > 0;
  }

  /** The field speaks; resolves when it has released its key. Speeches follow one another. */
  transmit(speech: Speech): Promise<void> {
    const turn = this.#isSpeaking.then(() => this.#speak(speech));
    this.#isSpeaking = turn.catch(() => {});
    return turn;
  }

  snapshot() {
    return { uri: this.uri, sessions: this.sessions, heard: this.heard.length };
  }

  async [Symbol.asyncDispose]() {
    for (const { dialog, r2s } of this.#sessions.splice(0)) {
      await dialog.bye().catch(() => {});
      await r2s[Symbol.asyncDispose]();
    }
    await this.#agent[Symbol.asyncDispose]();
  }

  async #take(invite: IncomingInvite): Promise<void> {
    const session = readRadioSession(invite.offer ?? '');
    if (typeof session === 'string') return invite.refuse(488, session);
    const { clock, chance, host, rtpPort } = this.#options;
    // The port is the first session's; others have any.
    const port = this.#sessions.length === 0 ? rtpPort : 0;
    const r2s = await openR2sSession({ host, port, clock, chance });
    const pttId = this.#nextPttId++ & 0x3f;
    const answer = writeRadioSession({ ...session, host, port: r2s.port, pttId, ...periodOf() }, pttId);
    const dialog = await invite.answer(answer);
    const { request } = invite;
    this.invites.push({ subject: request.get('Subject'), version: request.get('wg67-version'), offer: invite.offer! });
    const one: Session = { dialog, r2s, pttId, ptt: PTT.off };
    this.#sessions.push(one);
    r2s.events.on('packet', (signals, samples) => this.#hear(one, signals, samples));
    dialog.on('ended', () => void this.#drop(one));
    r2s.begin(session);
    this.#signal();
  }

  async #drop(session: Session): Promise<void> {
    const index = this.#sessions.indexOf(session);
    if (index >= 0) this.#sessions.splice(index, 1);
    if (this.#transmitting === session) this.#carrierOff();
    await session.r2s[Symbol.asyncDispose]();
  }

  /** The key that is highest has the transmitter; of equal ones the first. */
  #hear(session: Session, signals: Ed137Signals, samples: Int16Array | undefined): void {
    if (signals.ptt !== session.ptt) this.keys.push({ pttId: signals.pttId, ptt: signals.ptt });
    session.ptt = signals.ptt;
    if (this.#transmitting && this.#transmitting.ptt === PTT.off) this.#carrierOff();
    if (session.ptt !== PTT.off && session.ptt > (this.#transmitting?.ptt ?? PTT.off)) {
      this.#transmitting = session;
      if (!this.heard.at(-1) || this.heard.at(-1)!.endedAtMs !== undefined)
        this.heard.push(new HeardTransmission(this.#options.clock.monotonic()));
      if (this.heard.length > TRANSMISSIONS_KEPT) this.heard.shift();
      this.#signal();
    }
    if (samples && this.#transmitting === session) this.heard.at(-1)!.add(samples);
  }

  #carrierOff(): void {
    this.#transmitting = undefined;
    const last = this.heard.at(-1);
    if (last && last.endedAtMs === undefined) last.endedAtMs = this.#options.clock.monotonic();
    this.#signal();
  }

  /** What all sessions are told from now on, and at once. */
  #signal(): void {
    for (const { r2s } of this.#sessions) {
      r2s.signals = {
        ptt: (this.#transmitting?.ptt ?? PTT.off) as Ed137Signals['ptt'],
        pttId: this.#transmitting?.pttId ?? 0,
        isSquelchOpen: this.#isSquelchOpen,
        ...(this.#isSquelchOpen ? { rssiDbm: this.rssiDbm } : {}),
      };
      if (this.isMute) r2s.stop();
      else r2s.sendKeepAlive();
    }
  }

  /** Falls silent without a word, as a cut line does. */
  cut(): void {
    this.isMute = true;
    this.#signal();
  }

  async #speak({ ms, hz = 1000, samples }: Speech): Promise<void> {
    const sound = samples ?? sine({ hz, durationMs: ms });
    const frames = Math.min(Math.ceil(ms / 20), Math.ceil(sound.length / FRAME));
    this.#isSquelchOpen = true;
    this.#signal();
    const done = Promise.withResolvers<void>();
    let index = 0;
    const timer = everyFrame(this.#options.clock, () => {
      if (index === frames) return done.resolve();
      const frame = new Int16Array(FRAME);
      frame.set(sound.subarray(index * FRAME, ++index * FRAME));
      for (const { r2s } of this.#sessions) r2s.sendVoice(frame);
    });
    await done.promise;
    timer.cancel();
    this.#isSquelchOpen = false;
    this.#signal();
    await sleep(this.#options.clock, 20);
  }
}

function periodOf() {
  return { keepAlivePeriodMs: R2S.keepAlivePeriodMs, keepAliveMultiplier: R2S.keepAliveMultiplier };
}

/** Opens the simulated station. `port` 0 = chosen freely. */
export async function openGroundRadioSimulator(options: {
  host?: string;
  port?: number;
  /** Of the RTP of one session; 0 = chosen freely. */
  rtpPort?: number;
  clock: Clock;
  chance: Chance;
  log: Log;
}): Promise<GroundRadioSimulator> {
  const { host = '127.0.0.1', port = 0, rtpPort = 0, clock, chance, log } = options;
  const agent = await openUserAgent({ host, port, requireDigest: false, clock, chance, log });
  return new GroundRadioSimulator(agent, { host, rtpPort, clock, chance, log });
}
