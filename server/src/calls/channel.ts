import type { Channel } from '@tocsin/protocol/directory.ts';
import type { ChannelView } from '@tocsin/protocol/views.ts';
import type { Clock } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { MediaBridge } from '#media/bridge.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { Timeline } from '#timeline/timeline.ts';
import type { Dialler } from './dialler.ts';
import { Floor, type FloorEnd, type FloorRequest, type Talker } from './floor.ts';
import type { GatewayResources, NewGatewayCommand } from './gateway-resources.ts';
import type { Leg } from './leg.ts';
import type { Recording, Recordings } from './recording.ts';

/** A gateway answers at once; longer than this and it is not there. */
const GATEWAY_ANSWERS_WITHIN_MS = 4_000;

export interface ChannelParts {
  dialler: Dialler;
  engine: MediaEngine;
  resources: GatewayResources;
  recordings: Recordings;
  timeline: Timeline;
  clock: Clock;
  log: Log;
  /** Sends a command to a gateway. */
  send(gateway: string, command: NewGatewayCommand): void;
}

/**
 * A radio channel: a leg with a floor. Its leg is a standing call to the gateway, made when someone first listens and
 * kept while anybody does. It is on its own bridge with the desks that listen, or patched into a conference. What is
 * on the bridge goes on the air only while somebody has the floor.
 */
export class RadioChannel extends Emitter<{ changed: [] }> {
  readonly facts: Channel;
  readonly floor: Floor;
  readonly #parts: ChannelParts;
  readonly #listeners = new Map<string, Leg>();
  #leg?: Leg;
  #dialling?: Promise<Leg | undefined>;
  #own?: { bridge: MediaBridge; recording: Promise<Recording | undefined> };
  #patched?: { bridge: MediaBridge; conference: string };
  #since: number;

  constructor(facts: Channel, parts: ChannelParts) {
    super();
    this.facts = facts;
    this.#parts = parts;
    this.#since = parts.clock.now();
    this.floor = new Floor(parts.clock, (talker, end) => this.#floorChanged(talker, end));
  }

  get id(): string {
    return this.facts.id;
  }

  get isReady(): boolean {
    return this.#parts.resources.address(this.facts.gateway, this.id) !== undefined;
  }

  get conference(): string | undefined {
    return this.#patched?.conference;
  }

  view(): ChannelView {
    const talker = this.floor.talker;
    const onAir = this.floor.onAir;
    return {
      id: this.id,
      state: !this.isReady ? 'down' : talker ? 'transmitting' : onAir !== undefined ? 'receiving' : 'idle',
      since: this.#since,
      ...(talker ? { talker: talker.name, holder: talker.id } : onAir !== undefined ? { talker: onAir } : {}),
      ...(this.#patched ? { conference: this.#patched.conference } : {}),
      bearer: this.facts.bearer,
    };
  }

  /** Asks for the floor. @throws DispatchError CHANNEL_UNAVAILABLE */
  request(talker: Talker): FloorRequest {
    if (!this.#leg || this.#leg.state !== 'answered')
      throw new DispatchError('CHANNEL_UNAVAILABLE', this.facts.name.zh);
    const result = this.floor.request(talker);
    if (result.kind === 'denied')
      this.#note('channel.floor-denied', { talker: talker.name, held: result.talker }, talker.id);
    return result;
  }

  /** The gateway's receiver hears someone, or no longer. */
  heard(isOpen: boolean, talker: string | undefined, at: number): void {
    this.#since = at;
    this.floor.heard(isOpen, talker ?? this.facts.name.zh);
    this.#note(isOpen ? 'channel.speech-began' : 'channel.speech-ended', { talker: talker ?? '' });
    this.emit('changed');
  }

  /** The gateway came or went. */
  gatewayChanged(): void {
    this.#since = this.#parts.clock.now();
    if (!this.isReady) {
      this.floor.lost();
      void this.#leg?.hangUp('signalling-lost');
    }
    this.emit('changed');
  }

  /** A desk's phone listens to the channel and can be put on the air. False when the channel cannot be had. */
  async listen(leg: Leg): Promise<boolean> {
    const radio = await this.#connect();
    if (!radio) return false;
    if (this.#patched) return false;
    const own = await this.#openOwn(radio);
    // Desks hear the radio, not one another; the radio hears them only while one has the floor.
    await own.bridge.add(leg.node, { hears: [radio.node.id], heardBy: [radio.node.id] });
    this.#listeners.set(leg.id, leg);
    leg.once('ended', () => {
      this.#listeners.delete(leg.id);
      if (this.#listeners.size === 0) void this.#closeOwn();
    });
    this.emit('changed');
    return true;
  }

  listeners(): Leg[] {
    return [...this.#listeners.values()];
  }

  /** Takes a desk's phone off the channel's own bridge without ending its call, so that it can join elsewhere. */
  async release(leg: Leg): Promise<void> {
    this.#listeners.delete(leg.id);
    await this.#own?.bridge.remove(leg.node);
  }

  /** Joins the channel to a conference's bridge. Undefined when its gateway is not there. */
  async attach(bridge: MediaBridge, conference: string): Promise<Leg | undefined> {
    const radio = await this.#connect();
    if (!radio) return undefined;
    if (this.#patched) throw new DispatchError('CHANNEL_UNAVAILABLE', `${this.facts.name.zh} is patched elsewhere`);
    await this.#closeOwn(false);
    this.#patched = { bridge, conference };
    await bridge.add(radio.node, { hears: this.floor.talker ? 'everyone' : 'nobody' });
    this.#note('channel.patched', { conference });
    this.emit('changed');
    return radio;
  }

  async detach(): Promise<void> {
    if (!this.#patched) return;
    const { bridge, conference } = this.#patched;
    this.#patched = undefined;
    if (this.#leg) await bridge.remove(this.#leg.node).catch(() => {});
    this.#note('channel.unpatched', { conference });
    if (this.#listeners.size === 0) await this.#leg?.hangUp('channel-left');
    this.emit('changed');
  }

  #bridge(): MediaBridge | undefined {
    return this.#patched?.bridge ?? this.#own?.bridge;
  }

  #connect(): Promise<Leg | undefined> {
    if (this.#leg?.state === 'answered') return Promise.resolve(this.#leg);
    this.#dialling ??= this.#dial().finally(() => (this.#dialling = undefined));
    return this.#dialling;
  }

  async #dial(): Promise<Leg | undefined> {
    const address = this.#parts.resources.address(this.facts.gateway, this.id);
    if (!address) return undefined;
    const outcome = await this.#parts.dialler.dial(
      { address },
      {
        ringForMs: GATEWAY_ANSWERS_WITHIN_MS,
        from: { number: this.id, name: 'Tocsin' },
        party: { number: this.id, name: this.facts.name },
      },
    );
    if (outcome.kind !== 'answered') {
      this.#parts.log.warn('radio channel not reached', { channel: this.id, outcome: outcome.kind });
      return undefined;
    }
    this.#leg = outcome.leg;
    this.#leg.once('ended', (because) => {
      this.#leg = undefined;
      this.#patched = undefined;
      this.floor.lost();
      this.#note('channel.left', { because });
      this.emit('changed');
    });
    return this.#leg;
  }

  async #openOwn(radio: Leg) {
    if (this.#own) return this.#own;
    const bridge = await this.#parts.engine.openBridge({ label: `channel ${this.id}` });
    await bridge.add(radio.node, { hears: this.floor.talker ? 'everyone' : 'nobody' });
    const recording = this.#parts.recordings.start(bridge, { channel: this.id, title: this.facts.name.zh });
    this.#own = { bridge, recording };
    return this.#own;
  }

  async #closeOwn(hangUp = true): Promise<void> {
    const own = this.#own;
    if (!own) return;
    this.#own = undefined;
    if (hangUp) await this.#leg?.hangUp('channel-left');
    else if (this.#leg) await own.bridge.remove(this.#leg.node);
    for (const leg of this.#listeners.values()) await leg.hangUp('channel-left');
    await (await own.recording)?.stop();
    await own.bridge.close();
  }

  #floorChanged(talker: Talker | undefined, end?: { talker: Talker; because: FloorEnd }): void {
    this.#since = this.#parts.clock.now();
    const leg = this.#leg;
    if (leg) {
      // The transmitter first: it needs longest to come up, and its gateway keeps what is said meanwhile.
      this.#parts.send(this.facts.gateway, {
        kind: 'key',
        channel: this.id,
        isKeyed: talker !== undefined,
        ...(talker ? { talker: talker.name } : {}),
      });
      void this.#bridge()?.setHears(leg.node, talker ? 'everyone' : 'nobody');
    }
    if (end) this.#note('channel.floor-released', { talker: end.talker.name, because: end.because }, end.talker.id);
    if (talker && talker !== this.#lastGranted)
      this.#note('channel.floor-granted', { talker: talker.name, priority: talker.priority }, talker.id);
    this.#lastGranted = talker;
    this.emit('changed');
  }

  #lastGranted?: Talker;

  #note(kind: string, data: Record<string, unknown>, actor?: string): void {
    this.#parts.timeline
      .append({
        kind,
        ...(actor ? { actor } : {}),
        data: { channel: this.id, ...(this.#patched ? { conference: this.#patched.conference } : {}), ...data },
      })
      .catch((error: unknown) => this.#parts.log.error('timeline entry lost', { kind, error }));
  }
}
