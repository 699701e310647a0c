import type { Clock, Timer } from '@tocsin/server/kernel/clock.ts';
import type { Faults } from '../kit/faults.ts';
import type { ServerCall } from '../kit/sip-door.ts';
import type { MulticastSender, Stream } from './multicast-sender.ts';
import type { ReceiverReport } from './receiver-report.ts';

export const ZONE_LIMITS = {
  /** A horn counts as playing when it received so many packets: one second. */
  packetsForProof: 50,
  /** Playout is told at most this often while it grows, and once more this long after the end. */
  tellEveryMs: 1000,
  /** Horns counted per announcement; further names are not counted. */
  hornsCounted: 2000,
  /** A horn that beats and has not for so long is dead. */
  silentAfterMs: 20_000,
  /** Names of silent horns in one report. */
  namesTold: 50,
} as const;

/** What is known of an announcement's playout. */
export interface Playout {
  hornsPlaying: number;
  packets: number;
  silent?: string[];
}

export interface ZoneConfig {
  id: string;
  group: string;
  port: number;
  horns: number;
  /** The names by which the horns report; absent: learned from their reports. */
  names?: string[];
}

/** What is known of one horn. */
interface Horn {
  heardAtMs: number;
  /** It has reported while nothing was played: its silence then means something. */
  beats: boolean;
}

/** One announcement: a call of the server relayed to the group, and the horns that proved to play it. */
interface Announcement {
  call?: ServerCall;
  stream: Stream;
  horns: Set<string>;
  told: number;
  timer: Timer | undefined;
}

/**
 * A PA zone: relays the newest call's speech to its multicast group on arrival. When that call ends, an earlier one that
 * still stands is heard again. Horns report by RTCP what they received.
 */
export class PaZone {
  readonly config: ZoneConfig;
  readonly #sender: MulticastSender;
  readonly #clock: Clock;
  readonly #tell: (playout: Playout) => void;
  readonly #faults: Faults;
  readonly #standing: Announcement[] = [];
  /** By SSRC, also for a little while after their end. */
  readonly #bySsrc = new Map<number, Announcement>();
  /** By the name in their reports. */
  readonly #horns = new Map<string, Horn>();

  constructor(
    config: ZoneConfig,
    options: { sender: MulticastSender; clock: Clock; faults: Faults; tell: (playout: Playout) => void },
  ) {
    this.config = config;
    this.#sender = options.sender;
    this.#clock = options.clock;
    this.#tell = options.tell;
    this.#faults = options.faults;
  }

  get isSpeaking() {
    return this.#standing.length > 0;
  }

  /** The server speaks to this zone from now until the call ends. */
  relay(call: ServerCall): void {
    const announcement = this.#begin();
    announcement.call = call;
    call.leg.events.on('audio', (alaw) => {
      if (announcement === this.#standing.at(-1))
        this.#faults.pass(this.config.id, alaw, (packet) => announcement.stream.send(packet));
    });
    void call.ended.then(() => this.#end(announcement));
  }

  /** Horns that have beaten and do not any more, and those that do. */
  pulses(nowMs: number): { name: string; isAlive: boolean }[] {
    return [...this.#horns]
      .filter(([, horn]) => horn.beats)
      .map(([name, horn]) => ({ name, isAlive: nowMs - horn.heardAtMs < ZONE_LIMITS.silentAfterMs }));
  }

  /** Sends silence for a little more than a second; resolves with the horns that proved to hear it, and those known that did not. */
  async test(
    silentFrame: Uint8Array,
    everyFrame: (tick: () => void) => Timer,
  ): Promise<{ heard: string[]; silent: string[] }> {
    const announcement = this.#begin();
    const sent = Promise.withResolvers<void>();
    const frames = ZONE_LIMITS.packetsForProof + 15;
    let count = 0;
    const timer = everyFrame(() => {
      if (count >= frames) return sent.resolve();
      count += 1;
      this.#faults.pass(this.config.id, silentFrame, (packet) => announcement.stream.send(packet));
    });
    await sent.promise;
    timer.cancel();
    await new Promise<void>((resolve) => this.#clock.after(ZONE_LIMITS.tellEveryMs, resolve));
    this.#standing.splice(this.#standing.indexOf(announcement), 1);
    this.#forget(announcement);
    return { heard: [...announcement.horns], silent: this.#silentIn(announcement) };
  }

  /** A horn's report; ignored when it is not about one of ours. */
  hear(report: ReceiverReport): void {
    const horn = this.#horns.get(report.cname);
    if (horn) {
      horn.heardAtMs = this.#clock.monotonic();
      if (this.#bySsrc.size === 0) horn.beats = true;
    }
    const announcement = this.#bySsrc.get(report.ssrc);
    if (!announcement || announcement.horns.has(report.cname) || announcement.horns.size >= ZONE_LIMITS.hornsCounted)
      return;
    const received = ((report.extendedSequence - announcement.stream.firstSequence) & 0xffff) + 1 - report.lost;
    if (received < ZONE_LIMITS.packetsForProof || received > announcement.stream.packets + 1) return;
    announcement.horns.add(report.cname);
    if (!horn && this.#horns.size < ZONE_LIMITS.hornsCounted)
      this.#horns.set(report.cname, { heardAtMs: this.#clock.monotonic(), beats: false });
    // Gathered for a moment, so that a hundred horns are one event.
    announcement.timer ??= this.#clock.after(ZONE_LIMITS.tellEveryMs, () => {
      announcement.timer = undefined;
      this.#tellIfNew(announcement);
    });
  }

  hangUpAll(cause: string): void {
    for (const { call } of this.#standing) call?.hangUp(cause);
  }

  snapshot() {
    return { id: this.config.id, calls: this.#standing.length, horns: this.#standing.at(-1)?.horns.size ?? 0 };
  }

  #begin(): Announcement {
    const stream = this.#sender.stream(this.config.group, this.config.port);
    const announcement: Announcement = { stream, horns: new Set(), told: -1, timer: undefined };
    this.#standing.push(announcement);
    this.#bySsrc.set(stream.ssrc, announcement);
    return announcement;
  }

  #end(announcement: Announcement) {
    this.#standing.splice(this.#standing.indexOf(announcement), 1);
    // The last reports are still on their way.
    this.#clock.after(ZONE_LIMITS.tellEveryMs + 200, () => {
      announcement.timer?.cancel();
      announcement.told = -1;
      this.#tellIfNew(announcement);
      this.#forget(announcement);
    });
  }

  #tellIfNew(announcement: Announcement) {
    if (announcement.told === announcement.horns.size || !announcement.call) return;
    announcement.told = announcement.horns.size;
    const silent = this.#silentIn(announcement).slice(0, ZONE_LIMITS.namesTold);
    this.#tell({
      hornsPlaying: announcement.horns.size,
      packets: announcement.stream.packets,
      ...(silent.length > 0 && { silent }),
    });
  }

  #silentIn({ horns }: Announcement): string[] {
    const known = new Set([...(this.config.names ?? []), ...this.#horns.keys()]);
    return [...known].filter((name) => !horns.has(name));
  }

  #forget(announcement: Announcement) {
    announcement.timer?.cancel();
    this.#bySsrc.delete(announcement.stream.ssrc);
  }
}
