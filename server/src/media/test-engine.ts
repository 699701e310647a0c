import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemChance } from '#kernel/chance.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import type { AudioCodec } from './codecs/codec.ts';
import { openMediaEngine, type MediaEngineOptions } from './engine.ts';
import type { RtpOptions, RtpPort } from './rtp-port.ts';
import { openTestPhone, type TestPhone } from './test-phone.ts';

/** An engine with phones for a test, taken down by itself. */
export async function engineFor(t: TestContext, options: Partial<MediaEngineOptions> = {}) {
  const recordingsFolder = await mkdtemp(join(tmpdir(), 'tocsin-media-'));
  const engine = await openMediaEngine({
    host: '127.0.0.1',
    rtpPorts: [0, 0],
    clock: systemClock,
    chance: systemChance,
    log: silentLog,
    recordingsFolder,
    ...options,
  });
  const phones: TestPhone[] = [];
  t.after(async () => {
    await engine[Symbol.asyncDispose]();
    for (const phone of phones) await phone[Symbol.asyncDispose]();
    await rm(recordingsFolder, { recursive: true });
  });

  /** A phone that says a tone (or nothing), and the port that serves it. */
  async function phoneWith(
    hz: number | undefined,
    law: AudioCodec = 'pcma',
    more: Partial<RtpOptions> = {},
  ): Promise<{ phone: TestPhone; leg: RtpPort; agreed: RtpOptions }> {
    const phone = await openTestPhone({ law });
    phones.push(phone);
    const leg = await engine.openRtp({ label: `tone ${hz}` });
    const agreed: RtpOptions = {
      codec: law,
      payloadType: { pcma: 8, pcmu: 0, g722: 9, opus: 96 }[law],
      telephoneEventPayloadType: 101,
      remote: { host: phone.host, port: phone.port },
      direction: 'sendrecv',
      ...more,
    };
    await leg.configure(agreed);
    phone.say(hz === undefined ? undefined : { hz });
    phone.call({ host: leg.localHost, port: leg.localPort });
    return { phone, leg, agreed };
  }
  return { engine, phoneWith, phones, recordingsFolder };
}

/** Waits until something holds; fails after a time that only a broken engine needs. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, withinMs = 15_000): Promise<void> {
  const giveUpAt = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > giveUpAt) throw new Error(`it did not come to pass: ${what}`);
    await sleep(20);
  }
}
