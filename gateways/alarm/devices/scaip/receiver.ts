import { digestSecret, openUserAgent, type IncomingMessage, type UserAgent } from '@tocsin/server/sip';
import { openAlarmGateway, type AlarmGateway, type AlarmGatewayOptions } from '../../alarm-gateway.ts';
import { meaningOf, type ScaipCode } from './meaning.ts';
import { readRequest, SCAIP_TYPE, STATUS, writeResponse } from './message.ts';

const REALM = 'tocsin';

export interface ScaipReceiverOptions extends Omit<AlarmGatewayOptions, 'devices'> {
  host: string;
  /** Where units send their messages, by UDP and TCP; 0 = chosen freely. */
  port: number;
  /** What units find in To, and we put into From. */
  user?: string;
  /** `account`: the unit's `cid`, which is its SIP user. With a password it must prove who it is; then all must. */
  devices: { account: string; device: string; password?: string }[];
  /** Units that nobody has entered: an alarm of a device of its own name, or refused with `snu` 5. */
  strangers?: 'take' | 'refuse';
  codes?: ScaipCode[];
  /** The address that a unit with a voice is told to call after an alarm; absent: the dispatcher calls it. */
  callTo?: string;
}

/** Receives alarms by SCAIP: SIP MESSAGE with XML, answered by a MESSAGE of our own. */
export async function startScaipReceiver(options: ScaipReceiverOptions): Promise<ScaipReceiver> {
  await using opened = new AsyncDisposableStack();
  const passwords = new Map(
    options.devices.flatMap(({ account, password }) => (password ? [[account, password]] : [])) as [string, string][],
  );
  const { host, port, clock, chance, log } = options;
  const agent = opened.use(
    await openUserAgent({
      ...{ host, port, clock, chance, log, domain: REALM, requireDigest: passwords.size > 0 },
      ...(passwords.size > 0 && {
        credentials: async (user: string) => {
          const password = passwords.get(user);
          return password === undefined ? undefined : digestSecret(user, REALM, password);
        },
      }),
    }),
  );
  const devices = options.devices.map(({ account, device }) => ({ account, device }));
  const alarms = opened.use(
    await openAlarmGateway({ ...options, devices, protocol: 'scaip', problem: () => undefined }),
  );
  return new ScaipReceiver(options, { agent, alarms, parts: opened.move() });
}

export class ScaipReceiver implements AsyncDisposable {
  readonly port: number;
  readonly #options: ScaipReceiverOptions;
  readonly #agent: UserAgent;
  readonly #alarms: AlarmGateway;
  readonly #parts: AsyncDisposableStack;
  readonly #known: ReadonlySet<string>;
  #unanswered = 0;

  /** Use startScaipReceiver. */
  constructor(
    options: ScaipReceiverOptions,
    { agent, alarms, parts }: { agent: UserAgent; alarms: AlarmGateway; parts: AsyncDisposableStack },
  ) {
    this.#options = options;
    this.#agent = agent;
    this.#alarms = alarms;
    this.#parts = parts;
    this.#known = new Set(options.devices.map(({ account }) => account));
    this.port = agent.address.port;
    agent.on('message', (message) => {
      this.#take(message).catch((error: unknown) => {
        options.log.error('scaip message not taken', { error });
        message.refuse(500);
      });
    });
  }

  snapshot() {
    return { ...this.#alarms.snapshot(), port: this.port, unanswered: this.#unanswered };
  }

  async [Symbol.asyncDispose]() {
    await this.#parts.disposeAsync();
  }

  async #take(message: IncomingMessage): Promise<void> {
    if (!/^application\/scaip\+xml(?:;|$)/i.test(message.contentType.trim())) {
      this.#alarms.refuse('not a SCAIP body', { type: message.contentType.slice(0, 60) });
      return message.refuse(415);
    }
    const answer = await this.#answerTo(message);
    if (answer === 'not-stored') return message.refuse(503);
    message.accept();
    await this.#send(message, answer);
  }

  /** The `mrs` for a message; nothing is acknowledged that is not on the disk. */
  async #answerTo(message: IncomingMessage): Promise<string | 'not-stored'> {
    const reading = readRequest(message.body);
    const sender = message.from.user;
    const refuse = (status: number, why: string, reference = '') => {
      this.#alarms.refuse(why, { sender, status });
      return writeResponse({ reference, status, text: why });
    };
    if (reading.kind === 'refused') return refuse(reading.status, reading.why, reading.reference);
    const { request } = reading;
    const { reference, controller, messageType } = request;
    if (controller !== sender || (message.account !== undefined && message.account !== controller))
      return refuse(STATUS.wrongContent, 'cid is not who sent it', reference);
    if (this.#options.strangers === 'refuse' && !this.#known.has(controller))
      return refuse(STATUS.notTreated, 'this unit is not known here', reference);
    const reports = meaningOf(request, this.#options.codes ?? []);
    try {
      await this.#alarms.take(controller, reports, {
        id: `scaip-${reference.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(-50)}`,
      });
    } catch (error) {
      this.#alarms.refuse('could not be stored', { sender, error });
      return 'not-stored';
    }
    const hasVoice = /^(?:sip|sips|tel|gsm):/.test(request.caller ?? '');
    const cries = messageType === 'ME' && reports.some((report) => report.what === 'alarm' && !report.isOver);
    const { callTo } = this.#options;
    return writeResponse({
      reference,
      status: STATUS.ok,
      ...(cries && hasVoice && callTo !== undefined && { call: callTo }),
    });
  }

  /** The answer goes the way the unit registered, else to where its message came from. */
  async #send(message: IncomingMessage, body: string): Promise<void> {
    const { via } = message.request;
    const host = via.params.get('received') ?? via.host;
    const port = via.params.get('rport') || String(via.port ?? 5060);
    const shownHost = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
    const transport = via.transport === 'UDP' ? '' : `;transport=${via.transport.toLowerCase()}`;
    const { user } = message.from;
    const target =
      this.#agent.registrar.lookup(user)[0] ?? `sip:${encodeURIComponent(user)}@${shownHost}:${port}${transport}`;
    const outcome = await this.#agent.message({
      target,
      from: { user: this.#options.user ?? 'alarm' },
      contentType: SCAIP_TYPE,
      body,
    });
    if (outcome.kind === 'answered' && outcome.status < 300) return;
    // The unit sends its message again; the same reference is the same alarm.
    this.#unanswered += 1;
    this.#options.log.warn('scaip answer not delivered', { sender: user, outcome });
  }
}
