import type { Channel } from '@tocsin/protocol/directory.ts';
import type { ChannelView } from '@tocsin/protocol/views.ts';
import { sleep, type Clock, type Timer } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { MediaBridge } from '#media/bridge.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { Timeline } from '#timeline/timeline.ts';
import type { PlaybackSource } from '#media/playback.ts';
import { ChannelLine } from './channel-line.ts';
import { ChannelRoom } from './channel-room.ts';
import type { Dialler } from './dialler.ts';
import { profileOf } from './floor/bearer-profile.ts';
import { Floor } from './floor/floor.ts';
import type { FloorEnd, FloorRequest, Talker } from './floor/talker.ts';
import type { GatewayResources, NewGatewayCommand } from './gateway-resources.ts';
import type { Leg } from './leg.ts';
import type { Recording, Recordings } from './recording.ts';

/** Tones that make everybody listen: one, two in turn, or one that is on and off. */
export const ALERT_TONES = {
  steady: { hz: [1000] },
  warble: { hz: [800, 1200], onMs: 125, inTurn: true },
  pulsed: { hz: [1000], onMs: 250, offMs: 250 },
} as const satisfies Record<string, { hz: readonly number[]; onMs?: number; offMs?: number; inTurn?: boolean }>;
export type AlertTone = keyof typeof ALERT_TONES;

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
 * kept while anybody does. It is on its own bridge with the desks that listen, or patched into a conference. The
 * gateway is sent what those say who may speak, and puts it on the air only while it is keyed: so what was said since
 * the press is there when the floor is given, and nothing else ever goes out.
 */
export class RadioChannel extends Emitter<{
  changed: [];
  /** The receiver hears someone in the field, or no longer. */
  heard: [isOpen: boolean, talker: string];
  /** Somebody has the floor now, also one who had to wait for it. */
  granted: [talker: Talker];
  ended: [talker: Talker, because: FloorEnd];
  /** One who listens by himself speaks, or no longer. */
  speaking: [leg: Leg, isSpeaking: boolean];
}> {
  readonly facts: Channel;
  readonly floor: Floor;
  readonly #parts: ChannelParts;
  readonly #listeners = new Map<string, Leg>();
  /** The phones of those who have the floor or wait for it, by the talker's id. */
  readonly #speakers = new Map<string, Leg>();
  /** Those who have let go, until their last words have passed. */
  readonly #tails = new Map<string, Timer>();
  readonly #askedAt = new Map<string, number>();
  readonly #line: ChannelLine;
  #own?: Promise<ChannelRoom> | undefined;
  /** The same when it is open. */
  #room?: ChannelRoom | undefined;
  #patched?: { bridge: MediaBridge; conference: string };
  #since: number;
  #wasReady = false;
  /** The tone that sounds on the air now. */
  #tone: string | undefined;
  #quality?: number;

  constructor(facts: Channel, parts: ChannelParts) {
    super();
    this.facts = facts;
    this.#parts = parts;
    this.#since = parts.clock.now();
    this.#line = new ChannelLine(facts, parts, (because) => {
      this.#patched = undefined;
      this.floor.lost();
      this.#note('channel.left', { because });
      void this.#closeOwn('bridge-only');
      this.emit('changed');
    });
    this.floor = new Floor(parts.clock, profileOf(facts), {
      granted: (talker, isCarrierUp) => this.#granted(talker, isCarrierUp),
      ended: (talker, because) => this.#ended(talker, because),
      dropped: (talker) => this.#dropped(talker),
      warned: (talker, leftMs) => this.#note('channel.floor-warned', { talker: talker.name, leftMs }, talker.id),
      changed: () => this.emit('changed'),
    });
  }

  get id(): string {
    return this.facts.id;
  }

  get isReady(): boolean {
    return this.#parts.resources.address(this.facts.gateway, this.id) !== undefined;
  }

  /** What is being recorded while phones listen; a patched channel is recorded by its conference. */
  get recording(): Promise<Recording | undefined> | undefined {
    return this.#room?.recording;
  }

  get conference(): string | undefined {
    return this.#patched?.conference;
  }

  view(): ChannelView {
    const { talker, onAir, limitAt, queue, profile } = this.floor;
    return {
      id: this.id,
      state: !this.isReady ? 'down' : talker ? 'transmitting' : onAir !== undefined ? 'receiving' : 'idle',
      since: this.#since,
      ...(talker ? { talker: talker.name, holder: talker.id } : onAir !== undefined ? { talker: onAir } : {}),
      ...(talker?.priority === 3 ? { isEmergency: true } : {}),
      ...(limitAt === undefined ? {} : { limitAt, warnAt: limitAt - profile.warnBeforeMs }),
      queue: queue.map(({ id, name }) => ({ id, name })),
      ...(this.#patched ? { conference: this.#patched.conference } : {}),
      bearer: this.facts.bearer,
      ...(this.#quality === undefined ? {} : { linkQualityPercent: this.#quality }),
      oneWayDelayMs: profile.oneWayDelayMs,
    };
  }

  /**
   * Asks for the floor. `leg`: the phone that the talker speaks into, when it listens to this channel itself.
   * @throws DispatchError CHANNEL_UNAVAILABLE
   */
  request(talker: Talker, options: { leg?: Leg | undefined; mayQueue?: boolean } = {}): FloorRequest {
    if (!this.#line.isAnswered) throw new DispatchError('CHANNEL_UNAVAILABLE', this.facts.name.zh);
    this.#askedAt.set(talker.id, this.#parts.clock.monotonic());
    if (options.leg) this.#speakers.set(talker.id, options.leg);
    const result = this.floor.request(talker, options.mayQueue);
    if (result.kind === 'granted') return result;
    if (result.kind === 'denied') this.#forget(talker);
    this.#note(
      result.kind === 'queued' ? 'channel.floor-queued' : 'channel.floor-denied',
      { talker: talker.name, held: result.talker, ...(result.kind === 'queued' ? { position: result.position } : {}) },
      talker.id,
    );
    return result;
  }

  /** Lets go of the floor, or of the place in the queue. */
  release(id: string): void {
    this.floor.release(id);
    if (this.floor.talker?.id !== id && !this.#tails.has(id)) this.#speakers.delete(id);
  }

  /** The gateway's receiver hears someone, or no longer. */
  heard(isOpen: boolean, talker: string | undefined, at: number): void {
    this.#since = at;
    const name = talker ?? this.facts.name.zh;
    this.#note(isOpen ? 'channel.speech-began' : 'channel.speech-ended', { talker: talker ?? '' });
    this.floor.heard(isOpen, name);
    this.emit('heard', isOpen, name);
  }

  /** The gateway came or went, or tells its state again. */
  gatewayChanged(): void {
    const quality = this.#parts.resources.gateway(this.facts.gateway)?.linkQualityPercent;
    if (this.isReady === this.#wasReady && quality === this.#quality) return;
    this.#quality = quality;
    if (this.isReady !== this.#wasReady) this.#since = this.#parts.clock.now();
    this.#wasReady = this.isReady;
    if (!this.isReady) {
      this.floor.lost();
      void this.#line.leg?.hangUp('signalling-lost');
    } else if (this.#listeners.size > 0 && !this.#line.leg) void this.#listenAgain();
    this.emit('changed');
  }

  /** A phone listens to the channel and can be put on the air. False when the channel cannot be had, or is patched. */
  async listen(leg: Leg): Promise<boolean> {
    const radio = await this.#line.connect();
    if (!radio || this.#patched) return false;
    const own = await this.#openOwn(radio);
    await own.add(leg);
    this.#listeners.set(leg.id, leg);
    leg.once('ended', () => {
      this.#listeners.delete(leg.id);
      if (this.#listeners.size === 0 && !this.#patched) void this.#closeOwn();
    });
    this.emit('changed');
    return true;
  }

  /** Lets one who listens hear a short tone beside the radio; in a conference, and to others, it does nothing. */
  async beep(leg: Leg, source: PlaybackSource): Promise<void> {
    if (this.#listeners.has(leg.id)) await this.#room?.beep(leg, source);
  }

  listeners(): Leg[] {
    return [...this.#listeners.values()];
  }

  /**
   * Joins the channel to a conference's bridge. Phones that listen to it come along, and are heard there while they
   * have the floor. Undefined when its gateway is not there.
   */
  async attach(bridge: MediaBridge, conference: string): Promise<Leg | undefined> {
    const radio = await this.#line.connect();
    if (!radio) return undefined;
    if (this.#patched) throw new DispatchError('CHANNEL_UNAVAILABLE', `${this.facts.name.zh} is patched elsewhere`);
    this.#patched = { bridge, conference };
    await bridge.add(radio.node);
    for (const leg of this.listeners()) {
      const isSpeaker = [...this.#speakers.values()].includes(leg);
      await bridge.add(leg.node, { isMuted: !isSpeaker }).catch(() => {});
    }
    await this.#closeOwn('bridge-only');
    this.#note('channel.patched', { conference });
    this.emit('changed');
    return radio;
  }

  /** Takes the channel out of the conference; what listened before listens again. */
  async detach(): Promise<void> {
    if (!this.#patched) return;
    const { bridge, conference } = this.#patched;
    this.#patched = undefined;
    if (this.#line.leg) await bridge.remove(this.#line.leg.node).catch(() => {});
    this.#note('channel.unpatched', { conference });
    if (this.#listeners.size === 0) await this.#line.leg?.hangUp('channel-left');
    else await this.#listenAgain();
    this.emit('changed');
  }

  /**
   * Sounds a tone on the air for so long, as this talker; whoever listens here hears it too.
   * @throws DispatchError CHANNEL_UNAVAILABLE, FLOOR_TAKEN
   */
  async soundTone(talker: Talker, tone: AlertTone, forMs: number): Promise<void> {
    const radio = await this.#line.connect();
    if (!radio) throw new DispatchError('CHANNEL_UNAVAILABLE', this.facts.name.zh);
    const bridge = this.#patched?.bridge ?? (await this.#openOwn(radio)).bridge;
    const result = this.request(talker);
    if (result.kind === 'denied') throw new DispatchError('FLOOR_TAKEN', result.talker);
    const playback = await this.#parts.engine.openPlayback({
      source: { kind: 'tone', ...ALERT_TONES[tone], hz: [...ALERT_TONES[tone].hz] },
      loop: true,
    });
    this.#tone = playback.id;
    await bridge.add(playback, { hears: 'nobody' });
    this.#openTo();
    this.#note('channel.alert-tone', { tone, forMs, talker: talker.name }, talker.id);
    await sleep(this.#parts.clock, forMs);
    this.#tone = undefined;
    await playback.close();
    this.release(talker.id);
    if (this.#listeners.size === 0 && !this.#patched) await this.#closeOwn();
  }

  /** Puts the channel on a talkgroup of its network. */
  selectTalkgroup(talkgroup: number, actor: string): void {
    this.#parts.send(this.facts.gateway, { kind: 'select-talkgroup', channel: this.id, talkgroup });
    this.#note('channel.talkgroup-selected', { talkgroup }, actor);
  }

  async #openOwn(radio: Leg): Promise<ChannelRoom> {
    this.#own ??= ChannelRoom.open(radio, this.#heardHere(), {
      engine: this.#parts.engine,
      label: `channel ${this.id}`,
      record: (bridge) => this.#parts.recordings.startByRule(bridge, { channel: this.id, title: this.facts.name.zh }),
    }).then((room) => {
      room.on('speaking', (node, isSpeaking) => {
        const leg = this.listeners().find((each) => each.node.id === node);
        if (leg) this.emit('speaking', leg, isSpeaking);
      });
      this.#room = room;
      return room;
    });
    // A room that could not be opened is tried again by the next who listens.
    this.#own.catch(() => (this.#own = undefined));
    return await this.#own;
  }

  async #closeOwn(how: 'hang-up' | 'bridge-only' = 'hang-up'): Promise<void> {
    const own = this.#own;
    if (!own) return;
    this.#own = undefined;
    this.#room = undefined;
    if (how === 'hang-up') await this.#line.leg?.hangUp('channel-left');
    await (await own).close();
  }

  /** The gateway is back, or the patch is undone: the phones that listened are joined to the channel again. */
  async #listenAgain(): Promise<void> {
    const radio = await this.#line.connect();
    if (!radio || this.#patched) return;
    const own = await this.#openOwn(radio);
    for (const leg of this.listeners()) await own.add(leg).catch(() => {});
  }

  // --- the floor ---

  #granted(talker: Talker, isCarrierUp: boolean): void {
    this.#since = this.#parts.clock.now();
    this.#tails.get(talker.id)?.cancel();
    this.#tails.delete(talker.id);
    const { keyUpMs, tailMs } = this.floor.profile;
    // The transmitter first: it needs longest to come up, and its gateway keeps what is said meanwhile.
    this.#parts.send(this.facts.gateway, {
      kind: 'key',
      channel: this.id,
      isKeyed: true,
      talker: talker.name,
      priority: talker.priority,
      keyUpMs: isCarrierUp ? 0 : keyUpMs,
      tailMs,
    });
    this.#openTo();
    const askedAt = this.#askedAt.get(talker.id);
    const afterMs = askedAt === undefined ? {} : { afterMs: Math.round(this.#parts.clock.monotonic() - askedAt) };
    this.#note('channel.floor-granted', { talker: talker.name, priority: talker.priority, ...afterMs }, talker.id);
    this.emit('granted', talker);
  }

  #ended(talker: Talker, because: FloorEnd): void {
    this.#since = this.#parts.clock.now();
    // Pre-empted: the transmitter stays keyed for whoever comes, and what is still on its way is not for the air.
    if (because === 'pre-empted') this.#forget(talker);
    else {
      this.#parts.send(this.facts.gateway, { kind: 'key', channel: this.id, isKeyed: false });
      this.#tails.set(
        talker.id,
        this.#parts.clock.after(this.floor.profile.tailMs, () => this.#forget(talker)),
      );
    }
    this.#note('channel.floor-released', { talker: talker.name, because }, talker.id);
    this.emit('ended', talker, because);
  }

  #dropped(talker: Talker): void {
    this.#forget(talker);
    this.#note('channel.floor-dropped', { talker: talker.name }, talker.id);
    this.emit('ended', talker, 'channel-lost');
  }

  /** His words go to the channel no longer. */
  #forget(talker: Talker): void {
    this.#tails.get(talker.id)?.cancel();
    this.#tails.delete(talker.id);
    if (this.floor.talker?.id === talker.id) return;
    const leg = this.#speakers.get(talker.id);
    this.#speakers.delete(talker.id);
    this.#askedAt.delete(talker.id);
    if (leg && this.#patched) void this.#patched.bridge.setMuted(leg.node, true).catch(() => {});
    this.#openTo();
  }

  /** Lets the radio hear those who may speak to it: in a conference everybody, else whoever has the floor. */
  #openTo(): void {
    const leg = this.#line.leg;
    const talker = this.floor.talker;
    const speaker = talker && this.#speakers.get(talker.id);
    if (this.#patched && speaker && this.#listeners.has(speaker.id))
      void this.#patched.bridge.setMuted(speaker.node, false).catch(() => {});
    if (!this.#patched && this.#room && leg)
      void this.#room.bridge.setHears(leg.node, this.#heardHere()).catch(() => {});
  }

  #heardHere(): string[] {
    const ids = [this.floor.talker?.id, ...this.#tails.keys()];
    const speakers = ids.flatMap((id) => (id === undefined ? [] : (this.#speakers.get(id)?.node.id ?? [])));
    return this.#tone === undefined ? speakers : [...speakers, this.#tone];
  }

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
