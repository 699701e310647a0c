import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { encodeG711 } from '@tocsin/server/media';
import { openUserAgent, type IncomingInvite, type InviteDialog, type UserAgent } from '@tocsin/server/sip';
import { everyFrame } from '../../kit/frame-clock.ts';
import { openVoiceLeg, SILENT_FRAME, type VoiceLeg } from '../../kit/voice-leg.ts';
import { openBundledLeg, type BundledLeg } from './bundled-leg.ts';

export const SATELLITE_CALL_LIMITS = {
  /** Calls over the link at the same time, unless the configuration says fewer. */
  lines: 4,
} as const;

/**
 * SIP times for a link whose round trip takes more than a second: with the usual T1 of 500 ms every message would be sent
 * twice or thrice before its answer can be there (RFC 3261 §17.1.1.1 wants T1 to be the round trip).
 */
const LONG_DELAY = { t1: 2000, t2: 8000, t4: 10_000 } as const;

export interface SatelliteCallsOptions {
  host: string;
  /** Where the server's calls come in; 0 = chosen freely. */
  sipPort: number;
  /** Where calls of the satellite side come in; 0 = chosen freely. */
  farPort: number;
  /** `host:port` of the satellite side's SIP: the modem, or the operator's gateway. */
  far: string;
  /** `host:port` of the server's SIP, for calls that come from the satellite side; absent: they are refused. */
  server?: string;
  servers: readonly string[];
  lines: number;
  bundleMs: number;
  delayMs: number;
  clock: Clock;
  chance: Chance;
  log: Log;
  /** How speech passes over the link, both ways: faults of exercises. */
  pass<Speech extends Uint8Array | Int16Array>(speech: Speech, go: (speech: Speech) => void): void;
  /** A line was taken or is free again. */
  changed(): void;
}

interface Line {
  near: InviteDialog;
  far: InviteDialog;
  end(): Promise<void>;
}

/** Calls between the server and telephones behind a satellite link: a back-to-back user agent with a leg of each kind. */
export class SatelliteCalls implements AsyncDisposable {
  readonly #options: SatelliteCallsOptions;
  readonly #near: UserAgent;
  readonly #far: UserAgent;
  readonly #lines = new Set<Line>();
  #setUp = 0;

  constructor(options: SatelliteCallsOptions, near: UserAgent, far: UserAgent) {
    this.#options = options;
    this.#near = near;
    this.#far = far;
    const { log, servers } = options;
    near.on('invite', (invite) => {
      if (!servers.includes(invite.source.host.replace(/^::ffff:/, ''))) return invite.refuse(403);
      this.#outward(invite).catch((error: unknown) => {
        log.error('call to the satellite side failed', { error });
        invite.refuse(500);
      });
    });
    far.on('invite', (invite) => {
      this.#inward(invite).catch((error: unknown) => {
        log.error('call from the satellite side failed', { error });
        invite.refuse(500);
      });
    });
  }

  get addresses() {
    return { near: this.#near.address, far: this.#far.address };
  }

  get inUse(): number {
    return this.#lines.size;
  }

  get free(): number {
    return this.#options.lines - this.#lines.size - this.#setUp;
  }

  /** Whether the satellite side's SIP answers. */
  ping(timeoutMs: number) {
    return this.#far.ping(`sip:${this.#options.far}`, timeoutMs);
  }

  async [Symbol.asyncDispose]() {
    await Promise.all([...this.#lines].map((line) => line.end()));
    await this.#near[Symbol.asyncDispose]();
    await this.#far[Symbol.asyncDispose]();
  }

  /** The server calls a telephone behind the link. */
  async #outward(invite: IncomingInvite): Promise<void> {
    const { host, far, bundleMs, delayMs, chance } = this.#options;
    if (this.free <= 0) return invite.refuse(503, 'Every satellite line is in use', 34);
    if (invite.offer === undefined) return invite.refuse(488);
    const offer = invite.offer;
    await this.#withLine(async (opened) => {
      const nearLeg = opened.use(await openVoiceLeg({ host, chance }));
      const agreed = nearLeg.answer(offer);
      if (agreed.kind === 'refused') return invite.refuse(488, agreed.why);
      const farLeg = opened.use(await openBundledLeg({ host, bundleMs, delayMs, chance }));
      const call = this.#far.invite({
        target: `sip:${invite.dialled}@${far}`,
        from: { user: invite.from.user },
        offer: farLeg.offer(),
        signal: invite.cancelled,
      });
      call.on('provisional', ({ status }) => status >= 180 && invite.ring());
      const outcome = await call.outcome;
      if (outcome.kind !== 'answered') return invite.refuse(statusOf(outcome));
      const complaint = farLeg.take(outcome.answer);
      if (complaint !== undefined || invite.cancelled.aborted) {
        await outcome.dialog.bye();
        return invite.refuse(488, complaint);
      }
      this.#join(await invite.answer(agreed.answer), outcome.dialog, nearLeg, farLeg, opened.move());
    });
  }

  /** A telephone behind the link calls us. */
  async #inward(invite: IncomingInvite): Promise<void> {
    const { host, server, bundleMs, delayMs, chance } = this.#options;
    if (server === undefined) return invite.refuse(404);
    if (this.free <= 0) return invite.refuse(486);
    if (invite.offer === undefined) return invite.refuse(488);
    const offer = invite.offer;
    await this.#withLine(async (opened) => {
      const farLeg = opened.use(await openBundledLeg({ host, bundleMs, delayMs, chance }));
      const complaint = farLeg.take(offer);
      if (complaint !== undefined) return invite.refuse(488, complaint);
      const nearLeg = opened.use(await openVoiceLeg({ host, chance }));
      const call = this.#near.invite({
        target: `sip:${invite.dialled}@${server}`,
        from: { user: invite.from.user },
        offer: nearLeg.offer(),
        signal: invite.cancelled,
      });
      call.on('provisional', ({ status }) => status >= 180 && invite.ring());
      const outcome = await call.outcome;
      if (outcome.kind !== 'answered') return invite.refuse(statusOf(outcome));
      if (!nearLeg.takeAnswer(outcome.answer) || invite.cancelled.aborted) {
        await outcome.dialog.bye();
        return invite.refuse(488);
      }
      this.#join(outcome.dialog, await invite.answer(farLeg.answer()), nearLeg, farLeg, opened.move());
    });
  }

  /** Holds a line while a call is set up; what it has opened is closed unless it was handed on. */
  async #withLine(setUp: (opened: AsyncDisposableStack) => Promise<void>): Promise<void> {
    this.#setUp += 1;
    await using opened = new AsyncDisposableStack();
    try {
      await setUp(opened);
    } finally {
      this.#setUp -= 1;
    }
  }

  #join(
    near: InviteDialog,
    far: InviteDialog,
    nearLeg: VoiceLeg,
    farLeg: BundledLeg,
    legs: AsyncDisposableStack,
  ): void {
    const { clock, pass } = this.#options;
    nearLeg.events.on('audio', (alaw) => pass(alaw, (said) => farLeg.send(said)));
    const frames = everyFrame(clock, () => {
      const frame = farLeg.buffer.read();
      if (frame) pass(frame, (heard) => nearLeg.send(encodeG711('pcma', heard)));
      else nearLeg.send(SILENT_FRAME);
    });
    let ending: Promise<void> | undefined;
    const line: Line = { near, far, end: () => (ending ??= end()) };
    const end = async () => {
      this.#lines.delete(line);
      frames.cancel();
      await Promise.all([near.bye().catch(() => {}), far.bye().catch(() => {})]);
      await legs.disposeAsync();
      this.#options.changed();
    };
    this.#lines.add(line);
    for (const dialog of [near, far]) {
      dialog.on('ended', () => void line.end());
      // Hold and other new offers stay on their own side of the link.
      dialog.on('reoffer', (reoffer) => {
        if (dialog === far || reoffer.offer === undefined) return reoffer.refuse(488);
        const again = nearLeg.answer(reoffer.offer);
        if (again.kind === 'agreed') reoffer.answer(again.answer);
        else reoffer.refuse(488);
      });
    }
    this.#options.changed();
  }
}

/** What the one who called is told of a call that was not answered beyond. */
function statusOf(outcome: { kind: string; status?: number }): number {
  return outcome.status !== undefined && outcome.status >= 400 && outcome.status < 700 ? outcome.status : 480;
}

/** Opens both sides. @throws when a port is taken. */
export async function openSatelliteCalls(options: SatelliteCallsOptions): Promise<SatelliteCalls> {
  await using opened = new AsyncDisposableStack();
  const { host, clock, chance, log } = options;
  const parts = { host, requireDigest: false, clock, chance, log };
  const near = opened.use(await openUserAgent({ ...parts, port: options.sipPort }));
  const far = opened.use(await openUserAgent({ ...parts, port: options.farPort, timing: LONG_DELAY }));
  const calls = new SatelliteCalls(options, near, far);
  opened.move();
  return calls;
}
