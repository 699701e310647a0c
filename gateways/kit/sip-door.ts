import type { IncomingInvite, InviteDialog, UserAgent } from '@tocsin/server/sip';
import { openUserAgent } from '@tocsin/server/sip';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { openVoiceLeg, type VoiceLeg } from './voice-leg.ts';
import type { Direction } from './sdp.ts';

/** A call that the server made to a resource of this gateway. */
export interface ServerCall {
  /** The user part that was dialled: a zone, a channel. */
  user: string;
  leg: VoiceLeg;
  /** Resolves when the call has ended, whoever ended it. */
  ended: Promise<void>;
  hangUp(cause: string): void;
}

export interface SipDoorOptions {
  host: string;
  /** 0 = chosen freely. */
  port: number;
  /** Addresses from which calls are taken. There is no password between server and gateway: the network is the fence. */
  servers: readonly string[];
  /** Calls at the same time; more are refused with 486. */
  callsAtOnce: number;
  direction: Direction;
  /** Whether this user part is a resource here; else the caller gets 404. */
  serves(user: string): boolean;
  /** Called with each call, already answered. */
  onCall(call: ServerCall): void;
  clock: Clock;
  chance: Chance;
  log: Log;
}

/** The SIP side of a gateway: takes the server's calls, answers at once, and opens the RTP end of each. */
export interface SipDoor extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly calls: number;
}

export async function openSipDoor(options: SipDoorOptions): Promise<SipDoor> {
  const { host, port, servers, clock, chance, log } = options;
  const isServer = (address: string) => servers.includes(address.replace(/^::ffff:/, ''));
  const agent: UserAgent = await openUserAgent({
    host,
    port,
    requireDigest: false,
    clock,
    chance,
    log,
  });
  const dialogs = new Set<InviteDialog>();

  agent.on('invite', (invite) => {
    answer(invite).catch((error: unknown) => {
      log.error('call not taken', { callId: invite.callId, error });
      invite.refuse(500);
    });
  });

  async function answer(invite: IncomingInvite) {
    const user = invite.dialled;
    if (!isServer(invite.source.host)) return invite.refuse(403, 'Not a server of this gateway');
    if (!user || !options.serves(user)) return invite.refuse(404);
    if (dialogs.size >= options.callsAtOnce) return invite.refuse(486);
    if (invite.offer === undefined) return invite.refuse(488, 'An offer is needed');

    const leg = await openVoiceLeg({ host, chance, direction: options.direction });
    const agreed = leg.answer(invite.offer);
    if (agreed.kind === 'refused' || invite.cancelled.aborted) {
      if (agreed.kind === 'refused') invite.refuse(488, agreed.why);
      return leg[Symbol.asyncDispose]();
    }
    const dialog = await invite.answer(agreed.answer);
    dialogs.add(dialog);
    const ended = Promise.withResolvers<void>();
    dialog.on('ended', () => ended.resolve());
    dialog.on('reoffer', (reoffer) => {
      const again = leg.answer(reoffer.offer ?? '');
      if (again.kind === 'agreed') reoffer.answer(again.answer);
      else reoffer.refuse(488);
    });
    void ended.promise.then(() => {
      dialogs.delete(dialog);
      return leg[Symbol.asyncDispose]();
    });
    options.onCall({
      user,
      leg,
      ended: ended.promise,
      hangUp: (cause) => void dialog.bye({ cause }).catch((error: unknown) => log.debug('bye failed', { error })),
    });
  }

  return {
    host: agent.address.host,
    port: agent.address.port,
    get calls() {
      return dialogs.size;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...dialogs].map((dialog) => dialog.bye({ cause: 'server-stopping' }).catch(() => {})));
      await agent[Symbol.asyncDispose]();
    },
  };
}
