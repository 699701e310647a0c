import { Invitation, Inviter, Registerer, RegistererState, SessionState, UserAgent, Web, type Session } from 'sip.js';
import { answersItself } from './answer-rule.ts';
import { whoHears } from './mic-rule.ts';
import type { Microphone } from './microphone.ts';

export type Registration = 'off' | 'registering' | 'ready' | 'lost' | 'no-microphone';

/** A call of the browser phone, as the screen shows it. Never changed, only replaced. */
export interface PhoneCall {
  readonly id: string;
  readonly direction: 'in' | 'out';
  /** The other side as the switch names it: a number, a conference's number, a channel's id. */
  readonly number: string;
  readonly name?: string;
  readonly state: 'incoming' | 'dialling' | 'ringing' | 'talking' | 'held';
  readonly since: number;
  readonly isSideLine: boolean;
}

export interface SoftphoneOptions {
  account: string;
  password: string;
  domain: string;
  /** ws: or wss: address of the switch's SIP door. */
  server: string;
  displayName: string;
  microphone: Microphone;
  /** The loudspeaker or headset for voices; empty is the system's own. */
  speaker(): string;
  /** True for a caller that is a radio channel or the loudspeaker line. */
  isSideLine(number: string): boolean;
  now(): number;
  onCalls(calls: readonly PhoneCall[]): void;
  onRegistration(registration: Registration): void;
  /** A call that was placed did not come about; `status` is SIP's. */
  onFailed(number: string, status: number): void;
}

const REGISTER_FOR_S = 300;
const RECONNECT_AFTER_MS = [500, 1000, 2000, 3000] as const;
const KEEP_ALIVE_EVERY_S = 15;
/** DTMF as RFC 4733 events, long enough for every exchange and door phone. */
const DIGIT = { duration: 160, interToneGap: 80 } as const;

interface Line {
  session: Session;
  call: PhoneCall;
  audio: HTMLAudioElement;
}

/**
 * The seat's telephone in the browser: SIP over WebSocket (RFC 7118) to our own switch, sound over WebRTC. It registers,
 * keeps registered, and holds the calls; what they mean is said by the switch over the console's link.
 */
export class Softphone {
  readonly #options: SoftphoneOptions;
  readonly #agent: UserAgent;
  readonly #registerer: Registerer;
  readonly #lines = new Map<string, Line>();
  #isMuted = false;
  #speaksOn: string | undefined;
  #attempts = 0;
  #isClosed = false;

  constructor(options: SoftphoneOptions) {
    this.#options = options;
    const uri = UserAgent.makeURI(`sip:${options.account}@${options.domain}`);
    if (!uri) throw new Error(`not an address of record: ${options.account}@${options.domain}`);
    this.#agent = new UserAgent({
      uri,
      authorizationUsername: options.account,
      authorizationPassword: options.password,
      displayName: options.displayName,
      transportOptions: { server: options.server, keepAliveInterval: KEEP_ALIVE_EVERY_S },
      sessionDescriptionHandlerFactory: Web.defaultSessionDescriptionHandlerFactory(async () => {
        const track = await options.microphone.track();
        // Silent until the rule says who hears: a call that is set up while another talks must not overhear a word.
        track.enabled = false;
        return new MediaStream([track]);
      }),
      // No STUN: the switch is on this network, and without internet every call would wait for it.
      sessionDescriptionHandlerFactoryOptions: {
        // The switch is ICE-lite and learns our address from our checks: what is gathered by then is more than it needs.
        iceGatheringTimeout: 150,
        peerConnectionConfiguration: { iceServers: [], bundlePolicy: 'max-bundle' },
      },
      userAgentString: 'Tocsin console',
      logBuiltinEnabled: false,
      logConfiguration: false,
      gracefulShutdown: true,
      delegate: {
        onConnect: () => void this.#register(),
        onDisconnect: (error) => {
          if (error) void this.#reconnect();
        },
        onInvite: (invitation) => this.#ringIn(invitation),
      },
    });
    this.#registerer = new Registerer(this.#agent, { expires: REGISTER_FOR_S, refreshFrequency: 75 });
    this.#registerer.stateChange.addListener((state) => {
      if (state === RegistererState.Registered) options.onRegistration('ready');
      else if (state === RegistererState.Unregistered && !this.#isClosed) options.onRegistration('lost');
    });
  }

  async start(): Promise<void> {
    this.#options.onRegistration('registering');
    try {
      await this.#agent.start();
    } catch {
      void this.#reconnect();
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#agent.stop().catch(() => undefined);
    for (const line of this.#lines.values()) line.audio.srcObject = null;
    this.#lines.clear();
    this.#options.onRegistration('off');
  }

  /** Places a call; what becomes of it is told by `onCalls` and `onFailed`. Other talks are held first. */
  async dial(number: string): Promise<void> {
    const target = UserAgent.makeURI(`sip:${encodeURIComponent(number)}@${this.#options.domain}`);
    if (!target) return;
    await this.#holdOthers();
    const inviter = new Inviter(this.#agent, target, { earlyMedia: true });
    this.#add(inviter, 'out', number, undefined, 'dialling', false);
    await inviter.invite({
      requestDelegate: {
        onProgress: () => this.#replace(inviter.id, { state: 'ringing' }),
        onReject: (response) => this.#options.onFailed(number, response.message.statusCode ?? 0),
      },
    });
  }

  async answer(id: string): Promise<void> {
    const line = this.#lines.get(id);
    if (!(line?.session instanceof Invitation) || line.session.state !== SessionState.Initial) return;
    if (!line.call.isSideLine) await this.#holdOthers(id);
    await line.session.accept();
  }

  async hangUp(id: string): Promise<void> {
    const session = this.#lines.get(id)?.session;
    switch (session?.state) {
      case SessionState.Initial:
      case SessionState.Establishing:
        if (session instanceof Inviter) await session.cancel();
        else if (session instanceof Invitation) await session.reject({ statusCode: 486 });
        break;
      case SessionState.Established:
        await session.bye();
        break;
      default:
        break;
    }
  }

  async hold(id: string): Promise<void> {
    await this.#reinvite(id, { hold: true });
    this.#replace(id, { state: 'held' });
  }

  /** Takes a held call up again; others are held. */
  async retrieve(id: string): Promise<void> {
    await this.#holdOthers(id);
    await this.#reinvite(id, { hold: false });
    this.#replace(id, { state: 'talking' });
  }

  /** Blind transfer: the other side is sent to `number`. */
  async transfer(id: string, number: string): Promise<void> {
    const session = this.#lines.get(id)?.session;
    const target = UserAgent.makeURI(`sip:${encodeURIComponent(number)}@${this.#options.domain}`);
    if (session && target) await session.refer(target);
  }

  /** Attended transfer: the two other sides are joined, this phone leaves (RFC 3891 Replaces). */
  async join(id: string, otherId: string): Promise<void> {
    const session = this.#lines.get(id)?.session;
    const other = this.#lines.get(otherId)?.session;
    if (session && other) await session.refer(other);
  }

  sendDigit(id: string, digit: string): void {
    const handler = this.#handlerOf(id);
    handler?.sendDtmf(digit, DIGIT);
  }

  setMuted(isMuted: boolean): void {
    this.#isMuted = isMuted;
    this.#applyMicRule();
  }

  /** The line of this number has the microphone alone, until called without a number. */
  speakOn(number: string | undefined): void {
    this.#speaksOn = number;
    this.#applyMicRule();
  }

  /** Sound goes to the device that `speaker()` now names. */
  applySpeaker(): void {
    for (const { audio } of this.#lines.values()) this.#toSpeaker(audio);
  }

  #ringIn(invitation: Invitation): void {
    const number = invitation.remoteIdentity.uri.user ?? '';
    const name = invitation.remoteIdentity.displayName || undefined;
    const isSideLine = this.#options.isSideLine(number);
    this.#add(invitation, 'in', number, name, 'incoming', isSideLine);
    if (answersItself((header) => invitation.request.getHeader(header))) {
      void this.answer(invitation.id).catch(() => this.#options.onRegistration('no-microphone'));
    }
  }

  #add(
    session: Session,
    direction: PhoneCall['direction'],
    number: string,
    name: string | undefined,
    state: PhoneCall['state'],
    isSideLine: boolean,
  ): void {
    const call: PhoneCall = {
      id: session.id,
      direction,
      number,
      ...(name ? { name } : {}),
      state,
      since: this.#options.now(),
      isSideLine,
    };
    const audio = new Audio();
    audio.autoplay = true;
    this.#lines.set(session.id, { session, call, audio });
    session.delegate = {
      onSessionDescriptionHandler: (handler) => this.#follow(session.id, handler as Web.SessionDescriptionHandler),
    };
    session.stateChange.addListener((next) => {
      if (next === SessionState.Established) {
        this.#hear(session.id);
        this.#replace(session.id, { state: 'talking', since: this.#options.now() });
      } else if (next === SessionState.Terminated) {
        audio.srcObject = null;
        this.#lines.delete(session.id);
        this.#tell();
      }
    });
    this.#tell();
  }

  /** The sound of one call: when its way is lost for good, a new one is asked for; the dialog lives on meanwhile. */
  #follow(id: string, handler: Web.SessionDescriptionHandler): void {
    handler.peerConnectionDelegate = {
      onconnectionstatechange: () => {
        if (handler.peerConnection?.connectionState === 'failed') {
          void this.#reinvite(id, { offerOptions: { iceRestart: true } }).catch(() => undefined);
        }
      },
      ontrack: () => this.#hear(id),
    };
  }

  #hear(id: string): void {
    const line = this.#lines.get(id);
    const handler = this.#handlerOf(id);
    if (!line || !handler) return;
    if (line.audio.srcObject !== handler.remoteMediaStream) line.audio.srcObject = handler.remoteMediaStream;
    this.#toSpeaker(line.audio);
    void line.audio.play().catch(() => undefined);
    this.#applyMicRule();
  }

  #toSpeaker(audio: HTMLAudioElement): void {
    const speaker = this.#options.speaker();
    if ('setSinkId' in audio) void audio.setSinkId(speaker).catch(() => undefined);
  }

  async #holdOthers(exceptId?: string): Promise<void> {
    for (const { call } of [...this.#lines.values()]) {
      if (call.id !== exceptId && call.state === 'talking' && !call.isSideLine) await this.hold(call.id);
    }
  }

  async #reinvite(id: string, options: Web.SessionDescriptionHandlerOptions): Promise<void> {
    const session = this.#lines.get(id)?.session;
    if (session?.state !== SessionState.Established) return;
    await session.invite({ sessionDescriptionHandlerOptions: options });
  }

  #handlerOf(id: string): Web.SessionDescriptionHandler | undefined {
    return this.#lines.get(id)?.session.sessionDescriptionHandler as Web.SessionDescriptionHandler | undefined;
  }

  #replace(id: string, change: Partial<PhoneCall>): void {
    const line = this.#lines.get(id);
    if (!line) return;
    line.call = { ...line.call, ...change };
    this.#tell();
  }

  #tell(): void {
    this.#applyMicRule();
    this.#options.onCalls([...this.#lines.values()].map(({ call }) => call));
  }

  #applyMicRule(): void {
    const calls = [...this.#lines.values()].map(({ call }) => ({
      id: call.id,
      isSideLine: call.isSideLine,
      isHeld: call.state === 'held',
      number: call.number,
    }));
    const speaksOn = calls.find(({ number, isSideLine }) => isSideLine && number === this.#speaksOn)?.id;
    const hear = whoHears(calls, { speaksOn, isMuted: this.#isMuted });
    for (const { id } of calls) {
      for (const track of this.#handlerOf(id)?.localMediaStream.getAudioTracks() ?? []) track.enabled = hear.has(id);
    }
  }

  async #register(): Promise<void> {
    this.#attempts = 0;
    this.#options.onRegistration('registering');
    await this.#registerer
      .register({ requestDelegate: { onReject: () => this.#options.onRegistration('lost') } })
      .catch(() => this.#options.onRegistration('lost'));
  }

  async #reconnect(): Promise<void> {
    if (this.#isClosed) return;
    this.#options.onRegistration('lost');
    const wait = RECONNECT_AFTER_MS[Math.min(this.#attempts, RECONNECT_AFTER_MS.length - 1)] ?? 3000;
    this.#attempts += 1;
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (this.#isClosed || this.#agent.isConnected()) return;
    try {
      await this.#agent.reconnect();
    } catch {
      void this.#reconnect();
    }
  }
}
