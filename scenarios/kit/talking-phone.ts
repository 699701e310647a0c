import type { TestContext } from 'node:test';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { decodeG711 } from '@tocsin/server/media';
import { openUserAgent, type InviteDialog } from '@tocsin/server/sip';
import { framesOf } from '../../gateways/kit/babble.ts';
import { everyFrame } from '../../gateways/kit/frame-clock.ts';
import { openVoiceLeg, SILENT_FRAME, type VoiceLeg } from '../../gateways/kit/voice-leg.ts';

/** A telephone in the test's own process, at the far end of a trunk: it answers, says what it is told, and keeps what it hears. */
export class TalkingPhone {
  readonly port: number;
  #heard: Uint8Array[] = [];
  #script: Uint8Array[] = [];
  #call: { dialog: InviteDialog; leg: VoiceLeg } | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  static async start(t: TestContext): Promise<TalkingPhone> {
    const agent = await openUserAgent({
      host: '127.0.0.1',
      port: 0,
      requireDigest: false,
      clock: systemClock,
      chance: systemChance,
      log: silentLog,
    });
    const phone = new TalkingPhone(agent.address.port);
    const frames = everyFrame(systemClock, () => phone.#call?.leg.send(phone.#script.shift() ?? SILENT_FRAME));
    agent.on('invite', (invite) => {
      void (async () => {
        const leg = await openVoiceLeg({ host: '127.0.0.1', chance: systemChance });
        const agreed = leg.answer(invite.offer ?? '');
        if (agreed.kind === 'refused') return invite.refuse(488);
        const dialog = await invite.answer(agreed.answer);
        leg.events.on('audio', (alaw) => void phone.#heard.push(Uint8Array.from(alaw)));
        phone.#call = { dialog, leg };
        dialog.on('ended', () => {
          phone.#call = undefined;
          void leg[Symbol.asyncDispose]();
        });
      })();
    });
    t.after(async () => {
      frames.cancel();
      await phone.#call?.dialog.bye().catch(() => {});
      await phone.#call?.leg[Symbol.asyncDispose]();
      await agent[Symbol.asyncDispose]();
    });
    return phone;
  }

  get isTalking(): boolean {
    return this.#call !== undefined;
  }

  /** Samples at 8 kHz, one speech after another; silence follows. */
  say(samples: Int16Array): void {
    this.#script.push(...framesOf(samples));
  }

  press(key: string): boolean {
    return this.#call?.leg.sendDigit(key) ?? false;
  }

  get heard(): Int16Array {
    return decodeG711('pcma', Buffer.concat(this.#heard));
  }
}
