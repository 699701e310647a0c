import type { AnnouncementPriority, Name } from '@tocsin/protocol/common.ts';
import type { Zone } from '@tocsin/protocol/directory.ts';
import type { AnnouncementPart, ZoneChange, ZoneOutcome } from '@tocsin/protocol/reaching.ts';
import type { ZoneView } from '@tocsin/protocol/views.ts';
import type { Chance } from '#kernel/chance.ts';
import { sleep, type Clock } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import type { Log } from '#kernel/log.ts';
import type { Directory } from '#directory/directory.ts';
import type { MediaBridge } from '#media/bridge.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { PlaybackSource } from '#media/playback.ts';
import type { Timeline } from '#timeline/timeline.ts';
import type { Dialler, DialTarget } from './dialler.ts';
import type { GatewayResources } from './gateway-resources.ts';
import { Audience } from './audience.ts';
import type { HangUpReason, Leg } from './leg.ts';
import type { Recordings } from './recording.ts';
import { ZoneAir, type Turn } from './zone-air.ts';

export interface AnnouncementRequest {
  zones: string[];
  parts: AnnouncementPart[];
  /** 1-20, or for ever: until it is stopped. */
  times: number | 'until-stopped';
  gapMs: number;
  run?: string;
  incident?: string;
  isDrill: boolean;
  /** Absent: `emergency`, as a plan's announcements are. */
  priority?: AnnouncementPriority;
  title: Name;
  actor?: string;
  signal: AbortSignal;
  onZone?(change: ZoneChange): void;
}

/** A horn answers at once; longer than this and it is silent. */
const HORN_ANSWERS_WITHIN_MS = 5_000;
/** A siren is louder than the words after it, and leaves the loudspeaker's amplifier a little room. */
const SIREN_LEVEL_DB = -10;
/** Horns that answer later than this after the first join in the middle rather than keep the others waiting. */
const WAIT_FOR_OTHERS_MS = 400;

/** What is known of one zone. */
interface ZoneState {
  air: ZoneAir;
  state: ZoneView['state'];
  since: number;
  titles: Map<string, string>;
  hornsPlaying?: number;
  silentHorns?: string[];
  /** A SIP horn has one loudspeaker: its one leg goes from the interrupted announcement to the next and back. */
  hornLeg?: Promise<Leg | string>;
}

/** The parts of the house that announcements work with. */
export interface AnnouncementParts {
  dialler: Dialler;
  engine: MediaEngine;
  directory: Directory;
  resources: GatewayResources;
  recordings: Recordings;
  timeline: Timeline;
  clock: Clock;
  chance: Chance;
  log: Log;
  /** Where a plan's sound files are. */
  fileFolder: string;
  /** Whether a horn's account has a phone registered. */
  isRegistered(account: string): boolean;
}

/**
 * Announcements to zones: every horn and every PA gateway is a leg on one bridge, so that what is played is encoded
 * once for all. In each zone the most urgent sounds; what it interrupted comes back, and begins the interrupted part
 * again, because half a sentence helps nobody.
 */
export class Announcements extends Emitter<{ changed: [zone: string] }> {
  readonly #zones = new Map<string, ZoneState>();
  readonly #parts: AnnouncementParts;
  readonly #onPlayout = new Map<string, (zone: string, hornsPlaying: number, hornsTotal: number) => void>();

  constructor(parts: AnnouncementParts) {
    super();
    this.#parts = parts;
  }

  view(zone: Zone): ZoneView {
    const known = this.#zones.get(zone.id);
    const current = known?.air.current;
    const title = current && known.titles.get(current.id);
    return {
      id: zone.id,
      state: current ? known.state : this.isReady(zone) ? 'idle' : 'down',
      since: known?.since ?? 0,
      hornsTotal: zone.horns,
      ...(known?.hornsPlaying === undefined ? {} : { hornsPlaying: known.hornsPlaying }),
      ...(known?.silentHorns?.length ? { silentHorns: known.silentHorns } : {}),
      ...(current ? { announcement: title ?? '', priority: current.priority, waiting: known.air.waiting } : {}),
    };
  }

  isReady(zone: Zone): boolean {
    return zone.reach.kind === 'sip'
      ? this.#parts.isRegistered(zone.reach.account)
      : this.#parts.resources.address(zone.reach.gateway, zone.id) !== undefined;
  }

  /** Plays to every zone at once. Returns at once. */
  play(request: AnnouncementRequest): { id: string; ended: Promise<ReadonlyMap<string, ZoneOutcome>> } {
    const id = this.#parts.chance.id('ann');
    return { id, ended: this.#play(id, request) };
  }

  /**
   * Lets a desk's phone speak to the zones until it hangs up or the zones are stopped: the same bridge, a voice
   * instead of a playback.
   */
  async speak(
    leg: Leg,
    request: Omit<AnnouncementRequest, 'parts' | 'times' | 'gapMs'>,
  ): Promise<ReadonlyMap<string, ZoneOutcome>> {
    const id = this.#parts.chance.id('ann');
    return await this.#play(id, { ...request, parts: [], times: 1, gapMs: 0 }, leg);
  }

  /** Silences zones, whatever plays or waits there; elsewhere it goes on. */
  stop(zones: string[]): void {
    for (const zone of zones) this.#zones.get(zone)?.air.clear();
  }

  /** Proof of playout, as a gateway reports it. */
  playout(zone: string, hornsPlaying: number, hornsTotal: number, silentHorns?: string[]): void {
    const known = this.#zones.get(zone);
    const current = known?.air.current;
    if (!known || !current) return;
    known.hornsPlaying = hornsPlaying;
    known.silentHorns = silentHorns;
    known.state = hornsPlaying < hornsTotal ? 'part-silent' : 'playing';
    this.#onPlayout.get(current.id)?.(zone, hornsPlaying, hornsTotal);
    this.emit('changed', zone);
  }

  async #play(id: string, request: AnnouncementRequest, voice?: Leg): Promise<ReadonlyMap<string, ZoneOutcome>> {
    const { clock, engine, directory, recordings } = this.#parts;
    const stop = new AbortController();
    const onAbort = () => stop.abort();
    request.signal.addEventListener('abort', onAbort, { once: true });
    voice?.gone.addEventListener('abort', onAbort, { once: true });
    if (request.signal.aborted || voice?.gone.aborted) stop.abort();
    this.#note('announcement.started', request, {
      announcement: id,
      zones: request.zones,
      title: request.title.zh,
      times: request.times,
      priority: priorityOf(request),
    });

    const bridge = await engine.openBridge({ label: `announcement ${id}` });
    const recording = recordings.startByRule(bridge, {
      ...(request.incident ? { incident: request.incident } : {}),
      ...(request.run ? { run: request.run } : {}),
      isDrill: request.isDrill,
      title: `广播 ${request.title.zh}`,
    });
    const outcomes = new Map<string, ZoneOutcome>();
    const tell = (zone: string, state: ZoneChange['state'], more: Partial<ZoneChange> = {}) => {
      request.onZone?.({ zone, state, at: clock.now(), ...more });
      this.#note(`announcement.zone-${state}`, request, { announcement: id, zone, ...more });
    };
    this.#onPlayout.set(id, (zone, hornsPlaying, hornsTotal) => {
      outcomes.set(zone, { kind: 'played', hornsPlaying, hornsTotal });
      tell(zone, hornsPlaying < hornsTotal ? 'part-silent' : 'playing', { hornsPlaying, hornsTotal });
    });

    const zones = request.zones.flatMap((zoneId) => directory.zone(zoneId) ?? []);
    const heard = new Audience(zones.map((zone) => zone.id));
    const mine = new Map(
      zones.map((zone) => [
        zone.id,
        new ZonePart({
          onGranted: (part) =>
            this.#join(zone, part, { id, request, bridge, heard, outcomes, tell, signal: stop.signal }),
          onPreempted: (part, by) => {
            heard.lose(zone.id);
            this.#note('announcement.zone-preempted', request, { announcement: id, zone: zone.id, by });
            if (zone.reach.kind === 'sip' && part.leg) void bridge.remove(part.leg.node);
          },
          onDismissed: (part, why) => {
            heard.leave(zone.id);
            if (zone.reach.kind === 'sip' && part.leg) void bridge.remove(part.leg.node);
            outcomes.set(zone.id, { kind: 'stopped' });
            this.#note('announcement.zone-dismissed', request, { announcement: id, zone: zone.id, because: why });
            if (heard.isOver) stop.abort();
          },
        }),
      ]),
    );
    for (const zone of zones) this.#enter(zone, { id, request, part: mine.get(zone.id)! });
    if (zones.length === 0) heard.leave('');

    try {
      await Promise.race([heard.someone(), aborted(stop.signal)]);
      // One breath for the other horns, so that they start together; the slow ones join in the middle.
      await Promise.race([heard.settled(), sleep(clock, WAIT_FOR_OTHERS_MS)]);
      if (voice && !heard.isOver) await this.#letSpeak(voice, bridge, stop.signal);
      else await this.#playParts(bridge, request, heard, stop.signal);
    } catch (error) {
      this.#parts.log.error('announcement failed', { announcement: id, error });
      for (const zone of zones)
        if (outcomes.get(zone.id)?.kind !== 'unavailable')
          outcomes.set(zone.id, { kind: 'unavailable', detail: 'nothing-to-play' });
    } finally {
      const isStopped = stop.signal.aborted;
      stop.abort();
      request.signal.removeEventListener('abort', onAbort);
      this.#onPlayout.delete(id);
      await Promise.allSettled(
        zones.map((zone) =>
          this.#leave(
            zone,
            id,
            mine.get(zone.id)!,
            isStopped ? 'announcement-stopped' : 'announcement-finished',
            bridge,
          ),
        ),
      );
      await (await recording)?.stop();
      await bridge.close();
      for (const zone of zones) {
        if (isStopped && !voice && outcomes.get(zone.id)?.kind === 'played') outcomes.set(zone.id, { kind: 'stopped' });
        const unheard: ZoneOutcome = isStopped ? { kind: 'stopped' } : { kind: 'unavailable', detail: 'preempted' };
        const outcome = outcomes.get(zone.id) ?? unheard;
        outcomes.set(zone.id, outcome);
        if (outcome.kind === 'played') tell(zone.id, 'played', provenBy(outcome));
        if (outcome.kind === 'unavailable' && outcome.detail === 'preempted')
          tell(zone.id, 'failed', { detail: 'preempted' });
      }
      this.#note('announcement.ended', request, { announcement: id, because: isStopped ? 'stopped' : 'finished' });
    }
    return outcomes;
  }

  /** Asks for the zone; the part hears of it when it may sound there. */
  #enter(zone: Zone, { id, request, part }: { id: string; request: AnnouncementRequest; part: ZonePart }): void {
    const known = this.#stateOf(zone.id);
    known.titles.set(id, request.title.zh);
    known.air.enter({
      id,
      priority: priorityOf(request),
      granted: () => {
        known.since = this.#parts.clock.now();
        known.state = 'playing';
        delete known.hornsPlaying;
        delete known.silentHorns;
        part.turn.granted();
      },
      preempted: (by) => part.turn.preempted(by),
      dismissed: (why) => {
        known.titles.delete(id);
        part.turn.dismissed(why);
      },
    });
    this.emit('changed', zone.id);
  }

  /** The zone is ours: calls it, or takes the horn that is on the line already. */
  #join(zone: Zone, part: ZonePart, call: Call): void {
    const { id, request, bridge, heard, outcomes, tell, signal } = call;
    const join = async () => {
      const isAgain = part.leg !== undefined;
      if (!isAgain) tell(zone.id, 'calling');
      const leg = part.leg ?? (await this.#legOf(zone, signal));
      if (signal.aborted && typeof leg === 'string') return;
      if (typeof leg === 'string') {
        outcomes.set(zone.id, { kind: 'unavailable', detail: leg });
        heard.leave(zone.id);
        this.#zones.get(zone.id)?.air.leave(id);
        this.emit('changed', zone.id);
        return tell(zone.id, 'failed', { detail: leg });
      }
      if (signal.aborted) return await this.#release(zone, leg, 'announcement-stopped');
      part.leg = leg;
      // Interrupted while the horn was being called: it is joined when the turn comes back.
      if (!part.isOn) return;
      if (!isAgain || zone.reach.kind === 'sip') await bridge.add(leg.node, { hears: 'everyone', heardBy: 'nobody' });
      if (isAgain) this.#note('announcement.zone-resumed', request, { announcement: id, zone: zone.id });
      outcomes.set(zone.id, { kind: 'played' });
      tell(zone.id, 'playing');
      heard.gain(zone.id);
      this.emit('changed', zone.id);
    };
    join().catch((error: unknown) => {
      this.#parts.log.error('a zone could not be joined', { announcement: id, zone: zone.id, error });
      heard.leave(zone.id);
    });
  }

  async #leave(zone: Zone, id: string, part: ZonePart, reason: HangUpReason, bridge: MediaBridge): Promise<void> {
    const known = this.#stateOf(zone.id);
    const { leg } = part;
    known.titles.delete(id);
    if (zone.reach.kind === 'sip' && leg) await bridge.remove(leg.node).catch(() => {});
    known.air.leave(id);
    if (!known.air.current) {
      known.state = 'idle';
      known.since = this.#parts.clock.now();
      delete known.hornLeg;
    }
    if (leg) await this.#release(zone, leg, reason);
    this.emit('changed', zone.id);
  }

  /** Ends the call, unless it is a horn that sounds for another announcement now. */
  async #release(zone: Zone, leg: Leg, reason: HangUpReason): Promise<void> {
    if (zone.reach.kind === 'sip' && this.#stateOf(zone.id).air.current !== undefined) return;
    await leg.hangUp(reason);
  }

  #stateOf(zone: string): ZoneState {
    const known = this.#zones.get(zone);
    if (known) return known;
    const fresh: ZoneState = { air: new ZoneAir(), state: 'idle', since: 0, titles: new Map() };
    this.#zones.set(zone, fresh);
    return fresh;
  }

  /** A gateway takes a call for each announcement and lets the newest be heard; a horn has one call for all of them. */
  async #legOf(zone: Zone, signal: AbortSignal): Promise<Leg | string> {
    if (zone.reach.kind === 'gateway') return await this.#reach(zone, signal);
    const known = this.#stateOf(zone.id);
    const before = await known.hornLeg;
    if (typeof before === 'object' && !before.gone.aborted) return before;
    known.hornLeg = this.#reach(zone, signal);
    return await known.hornLeg;
  }

  /** The zone's leg, or why there is none. */
  async #reach(zone: Zone, signal: AbortSignal): Promise<Leg | string> {
    let target: DialTarget;
    if (zone.reach.kind === 'sip') target = { number: zone.reach.account };
    else {
      const address = this.#parts.resources.address(zone.reach.gateway, zone.id);
      if (!address) return 'gateway-offline';
      target = { address };
    }
    const outcome = await this.#parts.dialler.dial(target, {
      ringForMs: HORN_ANSWERS_WITHIN_MS,
      from: { number: 'pa', name: 'Tocsin' },
      party: { number: zone.id, name: zone.name },
      answersItself: true,
      signal,
    });
    if (outcome.kind === 'answered') return outcome.leg;
    return outcome.kind === 'unreachable' ? outcome.why : outcome.kind;
  }

  async #playParts(
    bridge: MediaBridge,
    request: AnnouncementRequest,
    heard: Audience,
    signal: AbortSignal,
  ): Promise<void> {
    const times = request.times === 'until-stopped' ? Infinity : request.times;
    for (let time = 0; time < times && !signal.aborted; time += 1) {
      if (time > 0) await sleep(this.#parts.clock, request.gapMs, signal).catch(() => {});
      for (const part of request.parts) {
        // Interrupted everywhere: the part is spoken again from its beginning when somebody hears it again.
        for (let isDone = false; !isDone && !signal.aborted;) {
          await Promise.race([heard.someone(), aborted(signal)]);
          if (heard.isOver) return;
          isDone = await this.#playPart(bridge, part, AbortSignal.any([signal, heard.silence()]));
        }
      }
    }
  }

  /** @returns whether it was played to its end */
  async #playPart(bridge: MediaBridge, part: AnnouncementPart, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    const playback = await this.#parts.engine.openPlayback({ source: await this.#source(part) });
    await bridge.add(playback, { hears: 'nobody' });
    const limit = part.kind === 'tone' ? sleep(this.#parts.clock, part.forMs, signal).catch(() => {}) : undefined;
    await Promise.race([playback.ended, aborted(signal), ...(limit ? [limit] : [])]);
    const isWhole = !signal.aborted;
    await bridge.remove(playback);
    await playback.close();
    return isWhole;
  }

  async #source(part: AnnouncementPart): Promise<PlaybackSource> {
    switch (part.kind) {
      case 'tone':
        return { kind: 'tone', hz: part.hz, inTurn: true, onMs: part.onMs, offMs: part.offMs, levelDb: SIREN_LEVEL_DB };
      case 'file':
        return { kind: 'file', path: `${this.#parts.fileFolder}/${part.path}` };
      case 'speech':
        return {
          kind: 'file',
          path: (await this.#parts.engine.speak({ text: part.text, language: part.language })).file,
        };
    }
  }

  async #letSpeak(voice: Leg, bridge: MediaBridge, signal: AbortSignal): Promise<void> {
    await bridge.add(voice.node, { hears: 'nobody' });
    await new Promise<void>((resolve) => {
      if (signal.aborted) return resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  #note(kind: string, request: AnnouncementRequest, data: Record<string, unknown>): void {
    const { incident, run, isDrill, actor } = request;
    this.#parts.timeline
      .append({
        kind,
        isDrill,
        ...(actor ? { actor } : {}),
        ...(incident ? { incident } : {}),
        ...(run ? { run } : {}),
        data,
      })
      .catch((error: unknown) => this.#parts.log.error('timeline entry lost', { kind, error }));
  }
}

/** How many horns have proved that they played, where the zone's gateway has told. */
function provenBy({ hornsPlaying, hornsTotal }: Extract<ZoneOutcome, { kind: 'played' }>): Partial<ZoneChange> {
  return hornsPlaying === undefined || hornsTotal === undefined ? {} : { hornsPlaying, hornsTotal };
}

/** What one announcement knows while it calls its zones. */
interface Call {
  id: string;
  request: AnnouncementRequest;
  bridge: MediaBridge;
  heard: Audience;
  outcomes: Map<string, ZoneOutcome>;
  tell(zone: string, state: ZoneChange['state'], more?: Partial<ZoneChange>): void;
  signal: AbortSignal;
}

/** One announcement in one zone. */
class ZonePart {
  leg: Leg | undefined;
  /** It may sound there now. */
  isOn = false;
  readonly turn: Omit<Turn, 'id' | 'priority'>;

  constructor(on: {
    onGranted(part: ZonePart): void;
    onPreempted(part: ZonePart, by: string): void;
    onDismissed(part: ZonePart, why: 'replaced' | 'stopped'): void;
  }) {
    this.turn = {
      granted: () => {
        this.isOn = true;
        on.onGranted(this);
      },
      preempted: (by) => {
        this.isOn = false;
        on.onPreempted(this, by);
      },
      dismissed: (why) => {
        this.isOn = false;
        on.onDismissed(this, why);
      },
    };
  }
}

function priorityOf({ priority = 'emergency' }: AnnouncementRequest): AnnouncementPriority {
  return priority;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
