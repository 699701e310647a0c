import type { GatewayResource } from '@tocsin/protocol/gateway.ts';
import type { Timer } from '@tocsin/server/kernel/clock.ts';
import { decodeG711, encodeG711 } from '@tocsin/server/media';
import { everyFrame } from '../kit/frame-clock.ts';
import type { AirLink, Keyed } from './air-link.ts';
import { openEd137Link } from './ed137/ed137-link.ts';
import { openRtpLink } from './rtp/rtp-link.ts';
import { LinkMeter } from './link-meter.ts';
import { openGateway, type Gateway, type GatewayOptions } from '../kit/gateway.ts';
import { openSipDoor, type ServerCall, type SipDoor } from '../kit/sip-door.ts';
import { SILENT_FRAME } from '../kit/voice-leg.ts';
import { Receiver } from './receiver.ts';
import { Transmitter, type Keying } from './transmitter.ts';
import { openUsrpLink } from './usrp/usrp-link.ts';

export const RADIO_LIMITS = {
  /** A transmission longer than this is ended: a stuck key must not block the channel. */
  keyedAtMostMs: 120_000,
  /** Calls of the server to the channel; the newest transmits, all hear. */
  callsAtOnce: 4,
} as const;

/** What the radio behind the channel speaks, and where it is. Ports of 0 are chosen freely. */
export type AirOptions =
  | { protocol: 'usrp'; listenPort?: number; remoteHost: string; remotePort: number; talkgroup?: number | undefined }
  | { protocol: 'ed137'; listenPort?: number; radio: string; fid?: string | undefined }
  | { protocol: 'rtp'; listenPort?: number; remoteHost: string; remotePort: number };

export interface RadioGatewayOptions extends Omit<GatewayOptions, 'kind'> {
  /** The address of SIP and RTP, on both sides. */
  host: string;
  sipPort?: number;
  servers: readonly string[];
  channel: string;
  air: AirOptions;
  keyedAtMostMs?: number;
}

/** Opens one radio channel: SIP and RTP towards the server, USRP towards the air. */
export async function startRadioGateway(options: RadioGatewayOptions): Promise<RadioGateway> {
  await using opened = new AsyncDisposableStack();
  const gateway = opened.use(await openGateway({ ...options, kind: 'radio' }));
  const { host, clock } = options;
  const link = opened.use(await openAirLink(options));
  const radio = new RadioGateway(options, gateway, link);
  const door = opened.use(
    await openSipDoor({
      host,
      port: options.sipPort ?? 0,
      servers: options.servers,
      callsAtOnce: RADIO_LIMITS.callsAtOnce,
      direction: 'sendrecv',
      serves: (user) => user === options.channel,
      onCall: (call) => radio.join(call),
      clock,
      chance: options.chance,
      log: options.log,
    }),
  );
  radio.begin(door, opened.move());
  return radio;
}

function openAirLink({ air, host, channel, clock, chance, log }: RadioGatewayOptions): Promise<AirLink> {
  switch (air.protocol) {
    case 'usrp':
      return openUsrpLink({ listenPort: 0, ...air, host, clock });
    case 'ed137': {
      const { radio, fid, listenPort } = air;
      return openEd137Link({
        host,
        radio,
        user: channel,
        listenPort: listenPort ?? 0,
        ...(fid && { fid }),
        clock,
        chance,
        log,
      });
    }
    case 'rtp':
      return openRtpLink({ listenPort: 0, ...air, host, clock, chance });
  }
}

export class RadioGateway implements AsyncDisposable {
  readonly gateway: Gateway;
  readonly #options: RadioGatewayOptions;
  readonly #link: AirLink;
  readonly #transmitter: Transmitter;
  readonly #calls: ServerCall[] = [];
  #door: SipDoor | undefined;
  #parts: AsyncDisposableStack | undefined;
  #frames: Timer | undefined;
  #isOpen = false;
  #talker: string | undefined;
  /** How well the radio hears the field by its own word, and how much of that comes to us; percent. */
  #quality: { isHeard?: number; arrives?: number } = {};
  #isClosing = false;
  readonly #receiver = new Receiver();
  readonly #meter = new LinkMeter();
  #isReachable = true;
  #why = 'the radio cannot be reached';
  #keyed: Keyed = { priority: 1 };

  /** Use startRadioGateway. */
  constructor(options: RadioGatewayOptions, gateway: Gateway, link: AirLink) {
    this.gateway = gateway;
    this.#options = options;
    this.#link = link;
    this.#transmitter = new Transmitter({ keyedAtMostMs: options.keyedAtMostMs ?? RADIO_LIMITS.keyedAtMostMs });
  }

  /** Where the server's calls and the radio's datagrams come in. */
  get addresses() {
    return { sip: `sip:${this.#options.channel}@${this.#door!.host}:${this.#door!.port}`, airPort: this.#link.port };
  }

  begin(door: SipDoor, parts: AsyncDisposableStack): void {
    this.#door = door;
    this.#parts = parts;
    this.gateway.announce([this.#resource()]);
    this.gateway.onCommand('key', async (command) => this.#key(command), { afterCrash: 'again' });
    this.gateway.onCommand('self-test', async ({ resource }) => this.#test(resource), { afterCrash: 'again' });
    this.#link.events.on('voice', (samples) =>
      this.gateway.faults.pass(this.#options.channel, samples, (heard) => this.#fromAir(heard)),
    );
    this.#link.events.on('arrived', (lost) => {
      const { faults } = this.gateway;
      const { channel } = this.#options;
      const percent = this.#meter.note(lost, faults.on(channel) !== 'cut' && !faults.loses(channel));
      if (percent !== undefined) this.#setQuality({ arrives: percent });
    });
    this.#link.events.on('squelch', (isOpen) => this.#setSquelch(isOpen));
    this.#link.events.on('talker', (talker) => this.#setTalker(talker));
    this.#link.events.on('reachable', (isReachable, why) => this.#setReachable(isReachable, why));
    this.#link.events.on('quality', (percent) => this.#setQuality({ isHeard: percent }));
    this.gateway.onCommand('select-talkgroup', async (command) => this.#selectTalkgroup(command), {
      afterCrash: 'again',
    });
    this.#frames = everyFrame(this.#options.clock, () => this.#frame());
  }

  /** A call of the server: it hears the air from now on, and its speech goes on air while keyed. */
  join(call: ServerCall): void {
    this.#calls.push(call);
    // The newest call transmits: after a crash of the server, the old one is a ghost.
    call.leg.events.on('audio', (alaw) => {
      if (call === this.#calls.at(-1))
        this.gateway.faults.pass(this.#options.channel, alaw, (said) => this.#transmitter.hear(said));
    });
    void call.ended.then(() => this.#calls.splice(this.#calls.indexOf(call), 1));
  }

  snapshot() {
    return {
      ...this.gateway.snapshot(),
      calls: this.#calls.length,
      isKeyed: this.#transmitter.isKeyed,
      isSquelchOpen: this.#isOpen,
      talker: this.#talker,
      framesDropped: this.#transmitter.dropped + this.#receiver.dropped,
      linkQualityPercent: this.#linkQuality,
      malformed: this.#link.malformed,
    };
  }

  async [Symbol.asyncDispose]() {
    this.#frames?.cancel();
    if (this.#transmitter.isKeyed) {
      this.#link.sendEnd();
      this.#tell({ kind: 'keyed', channel: this.#options.channel, isKeyed: false });
    }
    await this.#parts?.disposeAsync();
  }

  // --- to the air ---

  #key({
    channel,
    isKeyed,
    keyUpMs,
    tailMs,
    priority,
  }: { channel: string; isKeyed: boolean } & Keying & Partial<Keyed>) {
    if (channel !== this.#options.channel) return refused(`there is no channel "${channel}" here`);
    if (isKeyed && !this.#isReachable) return refused(this.#why);
    if (isKeyed && !this.#transmitter.isKeyed) this.#tell({ kind: 'keyed', channel, isKeyed: true });
    if (isKeyed) this.#keyed = { priority: priority ?? 1 };
    if (isKeyed) this.#transmitter.key({ keyUpMs, tailMs });
    else this.#transmitter.unkey();
    return { outcome: 'done' as const };
  }

  #frame() {
    const step = this.#transmitter.step();
    if (step.kind === 'on-air')
      this.#link.sendVoice(decodeG711('pcma', (step.frame ?? SILENT_FRAME).subarray(0, 160)), this.#keyed);
    if (step.kind === 'ended') {
      this.#link.sendEnd();
      this.#tell({ kind: 'keyed', channel: this.#options.channel, isKeyed: false });
      if (step.why !== 'unkeyed')
        this.#options.log.warn('transmission ended', { channel: this.#options.channel, why: step.why });
    }
    const heard = this.#receiver.step() ?? SILENT_FRAME;
    for (const { leg } of this.#calls) leg.send(heard);
    if (this.#isClosing && this.#receiver.isEmpty) this.#closeSquelch();
  }

  // --- from the air ---

  #fromAir(samples: Int16Array) {
    this.#receiver.hear(encodeG711('pcma', samples));
  }

  #setSquelch(isOpen: boolean) {
    if (!isOpen) {
      // It is told when what came before it has been passed on: nobody gives the floor away before the last syllable.
      this.#isClosing = this.#isOpen;
      return;
    }
    this.#isClosing = false;
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#tellSquelch();
  }

  #closeSquelch() {
    this.#isClosing = false;
    this.#isOpen = false;
    this.#tellSquelch();
    this.#talker = undefined;
  }

  #setTalker(talker: string) {
    if (talker === this.#talker) return;
    this.#talker = talker;
    // Before the first voice packet it is only kept; in the middle of speech it is news.
    if (this.#isOpen) this.#tellSquelch();
  }

  #tellSquelch() {
    const talker = this.#talker === undefined ? {} : { talker: this.#talker };
    this.#tell({ kind: 'squelch', channel: this.#options.channel, isOpen: this.#isOpen, ...talker });
  }

  #selectTalkgroup({ channel, talkgroup }: { channel: string; talkgroup: number }) {
    if (channel !== this.#options.channel) return refused(`there is no channel "${channel}" here`);
    if (!this.#link.selectTalkgroup) return refused('this radio has no talkgroups');
    if (this.#transmitter.isKeyed) return refused('someone is speaking on the channel');
    this.#link.selectTalkgroup(talkgroup);
    return { outcome: 'done' as const };
  }

  #setQuality(news: { isHeard?: number; arrives?: number }) {
    this.#quality = { ...this.#quality, ...news };
    this.gateway.announce([this.#resource()], this.#linkQuality);
  }

  /** As good as its worst part. */
  get #linkQuality(): number | undefined {
    const known = Object.values(this.#quality);
    return known.length === 0 ? undefined : Math.min(...known);
  }

  #setReachable(isReachable: boolean, why = 'the radio cannot be reached') {
    if (isReachable === this.#isReachable) return;
    this.#isReachable = isReachable;
    this.#why = why;
    this.gateway.setResource(this.#resource());
  }

  #resource(): GatewayResource {
    const state = this.#isReachable ? ({ state: 'ready' } as const) : ({ state: 'down', detail: this.#why } as const);
    return { id: this.#options.channel, kind: 'channel', sip: this.addresses.sip, ...state };
  }

  #test(resource: string) {
    if (resource !== this.#options.channel) return refused(`there is no channel "${resource}" here`);
    if (!this.#isReachable) return refused(this.#why);
    return { outcome: 'done' as const };
  }

  #tell(event: Parameters<Gateway['publish']>[0]) {
    this.gateway.publish(event).catch((error: unknown) => this.#options.log.error('event not stored', { error }));
  }
}

function refused(because: string) {
  return { outcome: 'refused' as const, because };
}
