import type { Chance } from '@tocsin/server/kernel/chance.ts';
import { sleep, type Clock } from '@tocsin/server/kernel/clock.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { decodeG711 } from '@tocsin/server/media';
import { openUserAgent, type UserAgent } from '@tocsin/server/sip';
import { callBy, type PhoneTalk } from '../../../kit/sip-phone.ts';
import { writeDialled, type DialledMessage } from './message.ts';
import { dialled, HANDSHAKE_HZ, isTone, KISS_OFF_HZ, TIMES } from './tones.ts';

/** A message is sent at most so often (DC-05 §4.5). */
const TRIES = 4;
const HANDSHAKE_WITHIN_MS = 20_000;

export type DialOutcome =
  | { kind: 'delivered'; tries: number }
  | { kind: 'no-kiss-off' }
  | { kind: 'no-handshake' }
  | { kind: 'not-answered'; why: string };

/** The dialler of an alarm panel: it calls, waits for the handshake, dials 16 digits as sound, and waits for the kiss-off. */
export class DiallerSimulator implements AsyncDisposable {
  readonly #agent: UserAgent;
  readonly #kit: { clock: Clock; chance: Chance };

  /** Use startDialler. */
  constructor(agent: UserAgent, kit: { clock: Clock; chance: Chance }) {
    this.#agent = agent;
    this.#kit = kit;
  }

  /** The port that its calls come from, by which a trunk knows it. */
  get port(): number {
    return this.#agent.address.port;
  }

  /** `mangle` changes the keys of one attempt: a bad line. */
  async send(
    message: DialledMessage,
    line: { target: string; user?: string; password?: string },
    mangle: (keys: string, attempt: number) => string = (keys) => keys,
  ): Promise<DialOutcome> {
    const talk = await callBy({ agent: this.#agent, ...this.#kit }, { user: 'panel', ...line });
    if ('kind' in talk) return { kind: 'not-answered', why: talk.why };
    await using call = talk;
    const ear = new Ear(call);
    if (!(await this.#within(HANDSHAKE_WITHIN_MS, call, () => ear.heardHandshake))) return { kind: 'no-handshake' };
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      await sleep(this.#kit.clock, TIMES.beforeDigits);
      ear.forget();
      const keys = mangle(writeDialled(message), attempt);
      const frames = dialled(keys);
      call.say(frames);
      await sleep(this.#kit.clock, frames.length * 20);
      if (await this.#within(TIMES.kissOffWithin, call, () => ear.heardKissOff))
        return { kind: 'delivered', tries: attempt };
    }
    return { kind: 'no-kiss-off' };
  }

  async [Symbol.asyncDispose]() {
    await this.#agent[Symbol.asyncDispose]();
  }

  async #within(ms: number, call: PhoneTalk, check: () => boolean): Promise<boolean> {
    const { clock } = this.#kit;
    let isOver = false;
    void call.ended.then(() => (isOver = true));
    const endAt = clock.monotonic() + ms;
    while (!isOver && !check() && clock.monotonic() < endAt) await sleep(clock, 10);
    return check();
  }
}

export async function startDialler(options: {
  host: string;
  clock: Clock;
  chance: Chance;
  log: Log;
}): Promise<DiallerSimulator> {
  return new DiallerSimulator(await openUserAgent({ ...options, port: 0, requireDigest: false }), options);
}

/** Listens for the receiver's tones. */
class Ear {
  heardHandshake = false;
  heardKissOff = false;
  #first = 0;
  #second = 0;
  #kissOffMs = 0;

  constructor({ leg }: PhoneTalk) {
    leg.events.on('audio', (alaw) => {
      const samples = decodeG711('pcma', alaw);
      const ms = samples.length / 8;
      const isFirst = isTone(samples, HANDSHAKE_HZ[0]);
      if (isFirst) this.#first += ms;
      if (isTone(samples, HANDSHAKE_HZ[1])) this.#second += ms;
      // The second tone counts after the first: half of each is enough on a bad line.
      if (this.#first >= TIMES.handshakeTone / 2 && this.#second >= TIMES.handshakeTone / 2) this.heardHandshake = true;
      this.#kissOffMs = isTone(samples, KISS_OFF_HZ) ? this.#kissOffMs + ms : 0;
      if (this.#kissOffMs >= TIMES.kissOffHeard) this.heardKissOff = true;
    });
  }

  forget(): void {
    this.#kissOffMs = 0;
    this.heardKissOff = false;
  }
}
