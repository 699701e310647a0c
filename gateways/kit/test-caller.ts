import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { decodeG711 } from '@tocsin/server/media';
import { openUserAgent, type InviteDialog } from '@tocsin/server/sip';
import { everyFrame } from './frame-clock.ts';
import { openVoiceLeg, SILENT_FRAME } from './voice-leg.ts';

/** For tests: the server's end of calls to a gateway. It sends speech or silence all the time, as the server does. */
export async function openTestCaller() {
  const agent = await openUserAgent({
    host: '127.0.0.1',
    port: 0,
    requireDigest: false,
    clock: systemClock,
    chance: systemChance,
    log: silentLog,
  });
  const calls: AsyncDisposable[] = [];
  return {
    agent,
    async call(target: string) {
      const leg = await openVoiceLeg({ host: '127.0.0.1', chance: systemChance });
      const outcome = await agent.invite({ target, from: { user: 'tocsin' }, offer: leg.offer() }).outcome;
      if (outcome.kind !== 'answered') {
        await leg[Symbol.asyncDispose]();
        return { kind: 'not-answered' as const, outcome };
      }
      if (!leg.takeAnswer(outcome.answer)) throw new Error('the answer has no audio');
      const dialog: InviteDialog = outcome.dialog;
      const heard: Uint8Array[] = [];
      leg.events.on('audio', (alaw) => void heard.push(Uint8Array.from(alaw)));
      const script: Uint8Array[] = [];
      const frames = everyFrame(systemClock, () => leg.send(script.shift() ?? SILENT_FRAME));
      let isEnded = false;
      dialog.on('ended', () => (isEnded = true));
      const call = {
        kind: 'answered' as const,
        dialog,
        leg,
        get isEnded() {
          return isEnded;
        },
        /** Frames of A-law to say, one after another; silence follows. */
        say: (speech: Uint8Array[]) => void script.push(...speech),
        heardSamples: () => decodeG711('pcma', Buffer.concat(heard)),
        heardPackets: () => heard.length,
        async [Symbol.asyncDispose]() {
          frames.cancel();
          await dialog.bye();
          await leg[Symbol.asyncDispose]();
        },
      };
      calls.push(call);
      return call;
    },
    async [Symbol.asyncDispose]() {
      for (const call of calls) await call[Symbol.asyncDispose]();
      await agent[Symbol.asyncDispose]();
    },
  };
}
