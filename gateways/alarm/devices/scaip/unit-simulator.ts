import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { sine } from '@tocsin/server/media';
import { openUserAgent, type Registration, type UserAgent } from '@tocsin/server/sip';
import { framesOf } from '../../../kit/babble.ts';
import { answerBy, callBy, type PhoneTalk } from '../../../kit/sip-phone.ts';
import { readResponse, SCAIP_TYPE, writeRequest, type ScaipResponse } from './message.ts';

/** How often a message is sent, and how long its answer is waited for each time. */
const TRIES = 3;
const ANSWER_WITHIN_MS = 5000;

export interface ScaipUnitOptions {
  host: string;
  /** Where alarms go: `host:port`. */
  receiver: string;
  /** The unit's id, its SIP user. */
  controller: string;
  password?: string;
  /** Its telephone: an account of the exchange at `server`. It answers by itself, hands-free. */
  voice?: { server: string; user: string; password: string };
  /** The tone that its speech is, in Hz: so that who listens knows whom he hears. */
  speechHz?: number;
  clock: Clock;
  chance: Chance;
  log: Log;
}

/** A home unit that speaks SCAIP and has a voice. */
export async function startScaipUnit(options: ScaipUnitOptions): Promise<ScaipUnit> {
  const { host, clock, chance, log } = options;
  return new ScaipUnit(options, await openUserAgent({ host, port: 0, requireDigest: false, clock, chance, log }));
}

export class ScaipUnit implements AsyncDisposable {
  /** Calls that it is in. */
  readonly talks = new Set<PhoneTalk>();
  readonly #options: ScaipUnitOptions;
  readonly #agent: UserAgent;
  readonly #registration: Registration | undefined;
  readonly #waiting = new Map<string, (answer: ScaipResponse) => void>();

  /** Use startScaipUnit. */
  constructor(options: ScaipUnitOptions, agent: UserAgent) {
    this.#options = options;
    this.#agent = agent;
    const { voice, clock, chance } = options;
    this.#registration =
      voice &&
      agent.register({ registrar: `sip:${voice.server}`, user: voice.user, password: voice.password, expiresS: 300 });
    agent.on('message', (message) => {
      message.accept();
      const answer = readResponse(message.body);
      if (answer) this.#waiting.get(answer.reference)?.(answer);
    });
    agent.on('invite', (invite) => {
      void answerBy({ agent, clock, chance }, invite).then((talk) => talk && this.#talk(talk));
    });
  }

  get isRegistered(): boolean {
    return this.#registration?.state.kind === 'registered';
  }

  /** Somebody presses the key. */
  press(more: Record<string, string> = {}): Promise<ScaipResponse | undefined> {
    return this.send({ mty: 'ME', dty: '0004', stc: '0010', ...more });
  }

  heartbeat(): Promise<ScaipResponse | undefined> {
    return this.send({ mty: 'PI', dty: '0002' });
  }

  /** Sends a message until it is answered. @returns the answer; undefined when there was none */
  async send(fields: Record<string, string>): Promise<ScaipResponse | undefined> {
    const { controller, chance } = this.#options;
    const all = { ref: chance.token(8), cid: controller, ...fields };
    return await this.sendBody(writeRequest(all), all.ref);
  }

  /** Sends a body as it is; `reference` is what its answer is known by. */
  async sendBody(body: string, reference: string): Promise<ScaipResponse | undefined> {
    const { receiver, controller, password, clock } = this.#options;
    try {
      for (let attempt = 0; attempt < TRIES; attempt += 1) {
        const answered = new Promise<ScaipResponse | undefined>((resolve) => {
          this.#waiting.set(reference, resolve);
          clock.after(ANSWER_WITHIN_MS, () => resolve(undefined));
        });
        const outcome = await this.#agent.message({
          target: `sip:alarm@${receiver}`,
          from: { user: controller },
          contentType: SCAIP_TYPE,
          body,
          ...(password !== undefined && { credentials: { user: controller, password } }),
        });
        if (outcome.kind === 'answered' && outcome.status >= 400 && outcome.status < 500) return undefined;
        const answer = await answered;
        if (answer) return answer;
      }
      return undefined;
    } finally {
      this.#waiting.delete(reference);
    }
  }

  /** Calls the centre, as an answer with a number tells it to. */
  async call(target: string): Promise<PhoneTalk | { kind: 'not-answered'; why: string }> {
    const { voice, controller, clock, chance } = this.#options;
    const talk = await callBy(
      { agent: this.#agent, clock, chance },
      { target, user: voice?.user ?? controller, ...(voice && { password: voice.password }) },
    );
    if (!('kind' in talk)) this.#talk(talk);
    return talk;
  }

  async [Symbol.asyncDispose]() {
    await Promise.all([...this.talks].map((talk) => talk[Symbol.asyncDispose]()));
    await this.#registration?.[Symbol.asyncDispose]();
    await this.#agent[Symbol.asyncDispose]();
  }

  #talk(talk: PhoneTalk) {
    this.talks.add(talk);
    void talk.ended.then(() => this.talks.delete(talk));
    const { speechHz = 700 } = this.#options;
    // A minute of speech; nobody talks longer with a simulator.
    talk.say(framesOf(sine({ hz: speechHz, durationMs: 60_000, levelDb: -12 })));
  }
}
