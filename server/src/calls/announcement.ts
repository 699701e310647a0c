import type { Name } from '@tocsin/protocol/common.ts';
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
import type { Leg } from './leg.ts';
import type { Recordings } from './recording.ts';

export interface AnnouncementRequest {
  zones: string[];
  parts: AnnouncementPart[];
  /** 1-20. */
  times: number;
  gapMs: number;
  run?: string;
  incident?: string;
  isDrill: boolean;
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

interface Playing {
  id: string;
  title: Name;
  stop: AbortController;
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
 * once for all. A zone plays one announcement at a time; a new one takes it over.
 */
export class Announcements extends Emitter<{ changed: [zone: string] }> {
  readonly #zones = new Map<
    string,
    { state: ZoneView['state']; since: number; playing?: Playing; hornsPlaying?: number }
  >();
  readonly #parts: AnnouncementParts;

  constructor(parts: AnnouncementParts) {
    super();
    this.#parts = parts;
  }

  view(zone: Zone): ZoneView {
    const known = this.#zones.get(zone.id);
    const isReady = this.isReady(zone);
    return {
      id: zone.id,
      state: known?.playing ? known.state : isReady ? 'idle' : 'down',
      since: known?.since ?? 0,
      hornsTotal: zone.horns,
      ...(known?.hornsPlaying === undefined ? {} : { hornsPlaying: known.hornsPlaying }),
      ...(known?.playing ? { announcement: known.playing.title.zh } : {}),
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

  /** Silences zones, whatever plays there. */
  stop(zones: string[]): void {
    for (const zone of zones) this.#zones.get(zone)?.playing?.stop.abort();
  }

  /** Proof of playout, as a gateway reports it. */
  playout(zone: string, hornsPlaying: number, hornsTotal: number): void {
    const known = this.#zones.get(zone);
    if (!known?.playing) return;
    known.hornsPlaying = hornsPlaying;
    known.state = hornsPlaying < hornsTotal ? 'part-silent' : 'playing';
    this.#onPlayout.get(known.playing.id)?.(zone, hornsPlaying, hornsTotal);
    this.emit('changed', zone);
  }

  readonly #onPlayout = new Map<string, (zone: string, hornsPlaying: number, hornsTotal: number) => void>();

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
    });

    const bridge = await engine.openBridge({ label: `announcement ${id}` });
    const recording = recordings.start(bridge, {
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

    const first = Promise.withResolvers<void>();
    const zones = request.zones.flatMap((zoneId) => directory.zone(zoneId) ?? []);
    const legs: Leg[] = [];
    const joining = zones.map(async (zone) => {
      this.#takeOver(zone.id, { id, title: request.title, stop });
      tell(zone.id, 'calling');
      const leg = await this.#reach(zone, stop.signal);
      if (typeof leg === 'string') {
        outcomes.set(zone.id, { kind: 'unavailable', detail: leg });
        this.#free(zone.id, id);
        return tell(zone.id, 'failed', { detail: leg });
      }
      legs.push(leg);
      await bridge.add(leg.node, { hears: 'everyone', heardBy: 'nobody' });
      this.#setState(zone.id, id, 'playing');
      outcomes.set(zone.id, { kind: 'played' });
      tell(zone.id, 'playing');
      first.resolve();
    });
    const allJoined = Promise.allSettled(joining);
    void allJoined.then(() => first.resolve());

    try {
      await first.promise;
      // One breath for the other horns, so that they start together; the slow ones join in the middle.
      await Promise.race([allJoined, sleep(clock, WAIT_FOR_OTHERS_MS)]);
      if (voice) await this.#letSpeak(voice, bridge, stop.signal);
      else await this.#playParts(bridge, request, stop.signal);
      await allJoined;
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
        legs.map((leg) => leg.hangUp(isStopped ? 'announcement-stopped' : 'announcement-finished')),
      );
      await (await recording)?.stop();
      await bridge.close();
      for (const zone of zones) {
        this.#free(zone.id, id);
        if (isStopped && !voice && outcomes.get(zone.id)?.kind === 'played') outcomes.set(zone.id, { kind: 'stopped' });
        const outcome = outcomes.get(zone.id);
        if (outcome?.kind === 'played') tell(zone.id, 'played', provenBy(outcome));
      }
      this.#note('announcement.ended', request, { announcement: id, because: isStopped ? 'stopped' : 'finished' });
    }
    return outcomes;
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

  async #playParts(bridge: MediaBridge, request: AnnouncementRequest, signal: AbortSignal): Promise<void> {
    for (let time = 0; time < request.times && !signal.aborted; time += 1) {
      if (time > 0) await sleep(this.#parts.clock, request.gapMs, signal).catch(() => {});
      for (const part of request.parts) {
        if (signal.aborted) return;
        await this.#playPart(bridge, part, signal);
      }
    }
  }

  async #playPart(bridge: MediaBridge, part: AnnouncementPart, signal: AbortSignal): Promise<void> {
    const playback = await this.#parts.engine.openPlayback({ source: await this.#source(part) });
    await bridge.add(playback, { hears: 'nobody' });
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    const limit = part.kind === 'tone' ? sleep(this.#parts.clock, part.forMs, signal).catch(() => {}) : undefined;
    await Promise.race([playback.ended, aborted, ...(limit ? [limit] : [])]);
    await bridge.remove(playback);
    await playback.close();
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

  #takeOver(zone: string, playing: Playing): void {
    this.#zones.get(zone)?.playing?.stop.abort();
    this.#zones.set(zone, { state: 'playing', since: this.#parts.clock.now(), playing });
    this.emit('changed', zone);
  }

  #setState(zone: string, announcement: string, state: ZoneView['state']): void {
    const known = this.#zones.get(zone);
    if (known?.playing?.id !== announcement) return;
    known.state = state;
    this.emit('changed', zone);
  }

  #free(zone: string, announcement: string): void {
    if (this.#zones.get(zone)?.playing?.id !== announcement) return;
    this.#zones.set(zone, { state: 'idle', since: this.#parts.clock.now() });
    this.emit('changed', zone);
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
